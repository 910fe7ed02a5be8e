// SPDX-License-Identifier: GPL-2.0-only
/*
 * debugfs extspt_<variant>/{info,costs,run,destroy,result,verdict}, the same for
 * every host. One run at a time; its VM stays alive until "destroy" is written,
 * so that what is parked can be looked at from outside. "verdict" is "result"
 * without what was measured.
 */

#define pr_fmt(fmt) "extspt: " fmt

#include <linux/debugfs.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "lib/bare.h"
#include "lib/control.h"
#include "lib/identity.h"
#include "seam/seam.h"
#include "tdx/pamt.h"

#define COMMAND_MAX	256
#define RESULT_SIZE	SZ_256K
#define VERDICT_SIZE	SZ_32K

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

static int control_check_begin(const struct control_params *params)
{
	int event, ret;

	for (event = 0; event < SEAM_NR_EVENTS; event++)
		seam_inject(event, div_u64(params->events[event] << 32, EVENTS_PER), params->seed);
	if (!params->check)
		return 0;
	ret = custody_begin();
	if (ret)
		return ret;
	inject_begin(params->rules);
	extspt_check_begin(params->drain);
	return 0;
}

void control_check_end(void)
{
	u64 errors;

	if (!extspt_control.params.check)
		return;
	errors = custody_end();
	if (errors)
		control_error("%llu errors of custody", errors);
	extspt_check_end();
	inject_end();
}

int control_destroy(void)
{
	int ret = extspt_control.host->destroy();

	if (ret)
		return ret;
	extspt_control.alive = false;
	memory_snapshot(&extspt_control.at_end);
	control_check_balance();
	control_check_end();
	return 0;
}

/* Is it the run under way that is visited once more? */
static bool control_is_next_visit(int workload, const struct control_params *params)
{
	const struct extspt_control *control = &extspt_control;
	struct control_params next = control->params;

	next.batch.visit++;
	return control->ran && !control->status && !memcmp(&next, params, sizeof(next)) &&
	       control->workload == control->host->workload(workload);
}

static int control_visit_again(int workload, const struct control_params *params)
{
	struct extspt_control *control = &extspt_control;

	if (!control_is_next_visit(workload, params))
		return -EINVAL;
	control->params = *params;
	control->status = control->host->run(workload, params);
	return control->status;
}

/* A new run: what the last one left is forgotten. */
static int control_run(int workload, const struct control_params *params)
{
	struct extspt_control *control = &extspt_control;

	if (params->batch.visit > 1)
		return control_visit_again(workload, params);
	control->workload = control->host->workload(workload);
	control->params = *params;
	control->nr_errors = 0;
	control->at_run.taken = false;
	control->at_end.taken = false;
	pool_snapshot_free(&control->pools);
	extspt_stats_reset();
	control->ran = true;
	control->status = control_check_begin(params);
	if (control->status)
		return control->status;
	control->status = control->host->run(workload, params);
	if (control->status && !control->alive)
		control_check_end();
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
	workload = control_parse(extspt_control.host, &params, strim(command));
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

static int result_show(struct seq_file *m, void *unused)
{
	return control_show_result(m, true);
}

static int verdict_show(struct seq_file *m, void *unused)
{
	return control_show_result(m, false);
}

static int result_open(struct inode *inode, struct file *file)
{
	/* Big enough for one go: a second one would sort everything again. */
	return single_open_size(file, result_show, NULL, RESULT_SIZE);
}

static int verdict_open(struct inode *inode, struct file *file)
{
	return single_open_size(file, verdict_show, NULL, VERDICT_SIZE);
}

static int info_show(struct seq_file *m, void *unused)
{
	control_show_info(m);
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

static const struct file_operations verdict_fops = {
	.owner = THIS_MODULE,
	.open = verdict_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = single_release,
};

int control_init(const struct extspt_host *host)
{
	int ret;

	extspt_control.host = host;
	ret = bare_init();
	if (ret)
		return ret;
	ret = ledger_init();
	if (ret)
		goto exit_bare;
	ret = extspt_stats_init();
	if (ret)
		goto exit_ledger;
	ret = record_init();
	if (!ret)
		return 0;
	record_exit();
	extspt_stats_exit();
exit_ledger:
	ledger_exit();
exit_bare:
	bare_exit();
	return ret;
}

void control_show(void)
{
	struct dentry *dir = debugfs_create_dir(extspt_identity.folder, NULL);

	extspt_control.dir = dir;
	debugfs_create_file("info", 0400, dir, NULL, &info_fops);
	debugfs_create_file("costs", 0600, dir, NULL, &costs_fops);
	debugfs_create_file("run", 0200, dir, NULL, &run_fops);
	debugfs_create_file("destroy", 0200, dir, NULL, &destroy_fops);
	debugfs_create_file("result", 0400, dir, NULL, &result_fops);
	debugfs_create_file("verdict", 0400, dir, NULL, &verdict_fops);
	pr_info("%s: %s (%s)\n", extspt_identity.variant, extspt_identity.title,
		extspt_identity.design);
}

void control_hide(void)
{
	debugfs_remove_recursive(extspt_control.dir);
}

void control_exit(void)
{
	pool_snapshot_free(&extspt_control.pools);
	custody_exit();
	record_exit();
	extspt_stats_exit();
	ledger_exit();
	bare_exit();
}
