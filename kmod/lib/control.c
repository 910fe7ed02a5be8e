// SPDX-License-Identifier: GPL-2.0-only
/*
 * debugfs extspt_<variant>/{info,costs,run,destroy,result}, the same for every
 * host. One run at a time; its VM stays alive until "destroy" is written, so that
 * what is parked can be looked at from outside.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/debugfs.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "variant.h"

#include "lib/control.h"
#include "seam/seam.h"
#include "tdx/pamt.h"

#define COMMAND_MAX	256
#define RESULT_SIZE	SZ_256K
#define MAX_PAGES	(SZ_1G / PAGE_SIZE)
#define MAX_ROUNDS	1000000

struct extspt_control extspt_control = {
	.lock = __MUTEX_INITIALIZER(extspt_control.lock),
	.table = "zero",
};

void control_error(const char *format, ...)
{
	struct extspt_control *control = &extspt_control;
	va_list args;

	if (control->nr_errors == MAX_ERRORS)
		return;
	va_start(args, format);
	vscnprintf(control->errors[control->nr_errors], sizeof(control->errors[0]), format, args);
	va_end(args);
	control->nr_errors++;
}

void control_check_balance(void)
{
	struct ledger_line line;
	int class, owner;
	u64 held;

	for (class = 0; class < NR_CLASSES; class++) {
		for (owner = 0; owner < NR_OWNERS; owner++) {
			ledger_read(class, owner, &line);
			held = line.allocated - line.freed;
			if (held)
				control_error("leaked %llu %s pages of %s", held,
					      extspt_class_names[class],
					      extspt_owner_names[owner]);
		}
	}
	if (ledger_errors())
		control_error("%u pages freed that were not to be freed", ledger_errors());
	if (pamt_refcounts_live())
		control_error("%u PAMT ranges still referenced", pamt_refcounts_live());
	held = seam_check_leaks();
	if (held)
		control_error("the TDX module still holds %llu pages", held);
	if (seam_nr_violations())
		control_error("%u violations of the TDX module's rules", seam_nr_violations());
}

int control_destroy(void)
{
	int ret = extspt_control.host->destroy();

	if (ret)
		return ret;
	extspt_control.alive = false;
	memory_snapshot(&extspt_control.at_end);
	control_check_balance();
	return 0;
}

static int control_parse_param(struct control_params *params, char *word)
{
	char *value = strchr(word, '=');
	u64 number;

	if (!value)
		return -EINVAL;
	*value++ = '\0';
	if (kstrtou64(value, 0, &number))
		return -EINVAL;
	if (!strcmp(word, "vcpus"))
		params->vcpus = number;
	else if (!strcmp(word, "pages"))
		params->pages = number;
	else if (!strcmp(word, "rounds"))
		params->rounds = number;
	else if (!strcmp(word, "seed"))
		params->seed = number;
	else
		return -EINVAL;
	return 0;
}

static int control_find(const char *name)
{
	const struct control_workload *workload;
	int i;

	for (i = 0; (workload = extspt_control.host->workload(i)); i++)
		if (!strcmp(workload->name, name))
			return i;
	return -EINVAL;
}

/* "<workload> [key=value ...]". The number of the workload, or -EINVAL. */
static int control_parse(struct control_params *params, char *command)
{
	const struct extspt_host *host = extspt_control.host;
	char *word = strsep(&command, " ");
	int ret, workload = control_find(word);

	if (workload < 0)
		return workload;
	*params = host->workload(workload)->defaults;
	while ((word = strsep(&command, " "))) {
		if (!*word)
			continue;
		ret = control_parse_param(params, word);
		if (ret)
			return ret;
	}
	if (!params->vcpus || params->vcpus > host->max_vcpus ||
	    params->pages < params->vcpus || params->pages > MAX_PAGES ||
	    !params->rounds || params->rounds > MAX_ROUNDS)
		return -EINVAL;
	return workload;
}

/* A new run: what the last one left is forgotten. */
static int control_run(int workload, const struct control_params *params)
{
	struct extspt_control *control = &extspt_control;

	control->workload = control->host->workload(workload);
	control->params = *params;
	control->nr_errors = 0;
	control->at_run.taken = false;
	control->at_end.taken = false;
	pool_snapshot_free(&control->pools);
	extspt_stats_reset();
	control->ran = true;
	control->status = control->host->run(workload, params);
	return control->status;
}

static ssize_t run_write(struct file *file, const char __user *from, size_t size, loff_t *pos)
{
	struct control_params params;
	int ret, workload;
	char *command;

	if (size > COMMAND_MAX)
		return -EINVAL;
	command = memdup_user_nul(from, size);
	if (IS_ERR(command))
		return PTR_ERR(command);
	workload = control_parse(&params, strim(command));
	kfree(command);
	if (workload < 0)
		return workload;

	mutex_lock(&extspt_control.lock);
	ret = extspt_control.alive ? -EBUSY : control_run(workload, &params);
	mutex_unlock(&extspt_control.lock);
	return ret ?: size;
}

static ssize_t destroy_write(struct file *file, const char __user *from, size_t size, loff_t *pos)
{
	int ret = 0;

	mutex_lock(&extspt_control.lock);
	if (extspt_control.alive)
		ret = control_destroy();
	mutex_unlock(&extspt_control.lock);
	return ret ?: size;
}

/* "table <id>" starts a new table, all else are rows of it as in seam_cost_line(). */
static int costs_line(char *line)
{
	if (sscanf(line, "table %31s", extspt_control.table) == 1) {
		seam_reset_costs();
		extspt_control.costs[0] = '\0';
		return 0;
	}
	strlcat(extspt_control.costs, line, sizeof(extspt_control.costs));
	strlcat(extspt_control.costs, "\n", sizeof(extspt_control.costs));
	return seam_cost_line(line);
}

static ssize_t costs_write(struct file *file, const char __user *from, size_t size, loff_t *pos)
{
	char *text, *rest, *line;
	int ret = 0;

	if (size >= COSTS_MAX)
		return -EINVAL;
	text = memdup_user_nul(from, size);
	if (IS_ERR(text))
		return PTR_ERR(text);
	rest = text;
	mutex_lock(&extspt_control.lock);
	while (!ret && (line = strsep(&rest, "\n")))
		if (*line)
			ret = costs_line(line);
	mutex_unlock(&extspt_control.lock);
	kfree(text);
	return ret ?: size;
}

static int costs_show(struct seq_file *m, void *unused)
{
	mutex_lock(&extspt_control.lock);
	seq_printf(m, "table %s\n%s", extspt_control.table, extspt_control.costs);
	mutex_unlock(&extspt_control.lock);
	return 0;
}

static void result_errors(struct seq_file *m)
{
	const struct extspt_control *control = &extspt_control;
	unsigned int i;

	seq_puts(m, "\"errors\":[");
	for (i = 0; i < control->nr_errors; i++) {
		seq_puts(m, i ? "," : "");
		record_string(m, control->errors[i]);
	}
	seq_puts(m, "],");
}

static void params_show(struct seq_file *m, const struct control_params *params)
{
	seq_printf(m, "\"vcpus\":%llu,\"pages\":%llu,\"rounds\":%llu", params->vcpus,
		   params->pages, params->rounds);
}

static int result_show(struct seq_file *m, void *unused)
{
	struct extspt_control *control = &extspt_control;
	int ret = 0;

	mutex_lock(&control->lock);
	if (!control->ran) {
		ret = -ENODATA;
		goto unlock;
	}
	seq_putc(m, '{');
	record_identity(m);
	seq_printf(m, ",\"host\":\"%s\",\"workload\":\"%s\",\"params\":{",
		   control->host->name, control->workload->name);
	params_show(m, &control->params);
	seq_printf(m, ",\"seed\":%llu,\"threads\":%u},\"costs\":", control->params.seed,
		   control->nr_threads);
	record_string(m, control->table);
	seq_printf(m, ",\"status\":%d,", control->status);
	result_errors(m);
	record_clock(m);
	seq_putc(m, ',');
	record_ops(m);
	seq_putc(m, ',');
	record_locks(m);
	seq_putc(m, ',');
	record_counts(m);
	seq_putc(m, ',');
	record_memory(m, &control->at_run, &control->at_end, &control->pools);
	seq_putc(m, ',');
	record_seam(m);
	seq_printf(m, ",\"phase\":\"%s\"}\n", control->alive ? "run" : "end");
unlock:
	mutex_unlock(&control->lock);
	return ret;
}

static int result_open(struct inode *inode, struct file *file)
{
	/* Big enough for one go: a second one would sort everything again. */
	return single_open_size(file, result_show, NULL, RESULT_SIZE);
}

static int info_show(struct seq_file *m, void *unused)
{
	const struct extspt_host *host = extspt_control.host;
	const struct control_workload *workload;
	int i;

	seq_putc(m, '{');
	record_identity(m);
	seq_printf(m, ",\"host\":\"%s\",\"title\":", host->name);
	record_string(m, EXTSPT_TITLE);
	seq_puts(m, ",\"origin\":");
	record_string(m, EXTSPT_ORIGIN);
	seq_printf(m, ",\"cpus\":%u,\"max_vcpus\":%u,", num_online_cpus(), host->max_vcpus);
	record_clock(m);
	seq_puts(m, ",\"workloads\":{");
	for (i = 0; (workload = host->workload(i)); i++) {
		seq_printf(m, "%s\"%s\":{\"help\":\"%s\",\"defaults\":{",
			   i ? "," : "", workload->name, workload->help);
		params_show(m, &workload->defaults);
		seq_puts(m, "}}");
	}
	seq_puts(m, "}}\n");
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(info);

static int costs_open(struct inode *inode, struct file *file)
{
	return single_open(file, costs_show, NULL);
}

static const struct file_operations run_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = run_write,
};

static const struct file_operations destroy_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = destroy_write,
};

static const struct file_operations costs_fops = {
	.owner = THIS_MODULE,
	.open = costs_open,
	.read = seq_read,
	.write = costs_write,
	.llseek = seq_lseek,
	.release = single_release,
};

static const struct file_operations result_fops = {
	.owner = THIS_MODULE,
	.open = result_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = single_release,
};

int control_init(const struct extspt_host *host)
{
	int ret;

	extspt_control.host = host;
	ret = extspt_stats_init();
	if (ret)
		return ret;
	ret = record_init();
	if (!ret)
		return 0;
	record_exit();
	extspt_stats_exit();
	return ret;
}

void control_show(void)
{
	struct dentry *dir = debugfs_create_dir("extspt_" EXTSPT_VARIANT, NULL);

	extspt_control.dir = dir;
	debugfs_create_file("info", 0400, dir, NULL, &info_fops);
	debugfs_create_file("costs", 0600, dir, NULL, &costs_fops);
	debugfs_create_file("run", 0200, dir, NULL, &run_fops);
	debugfs_create_file("destroy", 0200, dir, NULL, &destroy_fops);
	debugfs_create_file("result", 0400, dir, NULL, &result_fops);
	pr_info("%s (%s)\n", EXTSPT_TITLE, EXTSPT_DESIGN);
}

void control_hide(void)
{
	debugfs_remove_recursive(extspt_control.dir);
}

void control_exit(void)
{
	pool_snapshot_free(&extspt_control.pools);
	record_exit();
	extspt_stats_exit();
}
