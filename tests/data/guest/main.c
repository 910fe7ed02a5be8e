// SPDX-License-Identifier: GPL-2.0-only
/*
 * A module that speaks the debugfs protocol and measures nothing: what the
 * runner does with a guest can be tested without the designs. The test puts
 * one of FAULT_INIT, FAULT_RUN, FAULT_WARN or FAULT_HANG on top of it.
 */

#include <linux/bug.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/panic.h>
#include <linux/string.h>

#include "hosts/twin/host.h"
#include "strategy.h"

static struct dentry *dir;
static char record[256];
static int runs;

static ssize_t write_run(struct file *file, const char __user *buf, size_t count, loff_t *ppos)
{
	char line[128] = "", *rest = line, *workload;

	if (simple_write_to_buffer(line, sizeof(line) - 1, ppos, buf, count) < 0)
		return -EFAULT;
	workload = strim(strsep(&rest, " "));
	if (!strcmp(workload, "topup"))
		return -EINVAL;
#ifdef FAULT_RUN
	panic("the test module panics in its run");
#endif
#ifdef FAULT_WARN
	WARN(1, "the test module warns");
#endif
#ifdef FAULT_HANG
	while (!signal_pending(current))
		msleep(100);
#endif
	snprintf(record, sizeof(record),
		 "{\"abi\":1,\"variant\":\"%s\",\"workload\":\"%s\",\"errors\":[],\"run\":%d}\n",
		 EXTSPT_VARIANT, workload, ++runs);
	return count;
}

static ssize_t swallow(struct file *file, const char __user *buf, size_t count, loff_t *ppos)
{
	return count;
}

static ssize_t read_result(struct file *file, char __user *buf, size_t count, loff_t *ppos)
{
	if (!record[0])
		return -ENODATA;
	return simple_read_from_buffer(buf, count, ppos, record, strlen(record));
}

static ssize_t read_info(struct file *file, char __user *buf, size_t count, loff_t *ppos)
{
	static const char info[] = "{\"abi\":1,\"variant\":\"" EXTSPT_VARIANT "\"}\n";

	return simple_read_from_buffer(buf, count, ppos, info, sizeof(info) - 1);
}

static const struct file_operations run_fops = { .owner = THIS_MODULE, .write = write_run };
static const struct file_operations swallow_fops = { .owner = THIS_MODULE, .write = swallow };
static const struct file_operations result_fops = { .owner = THIS_MODULE, .read = read_result };
static const struct file_operations info_fops = { .owner = THIS_MODULE, .read = read_info };

int extspt_host_init(void)
{
#ifdef FAULT_INIT
	panic("the test module panics when inserted");
#endif
	dir = debugfs_create_dir("extspt_" EXTSPT_VARIANT, NULL);
	debugfs_create_file("run", 0200, dir, NULL, &run_fops);
	debugfs_create_file("destroy", 0200, dir, NULL, &swallow_fops);
	debugfs_create_file("costs", 0600, dir, NULL, &swallow_fops);
	debugfs_create_file("result", 0400, dir, NULL, &result_fops);
	debugfs_create_file("info", 0400, dir, NULL, &info_fops);
	return 0;
}

void extspt_host_exit(void)
{
	debugfs_remove_recursive(dir);
}
