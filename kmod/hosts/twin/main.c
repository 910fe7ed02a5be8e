// SPDX-License-Identifier: GPL-2.0-only
/*
 * The twin's control: debugfs extspt_<variant>/{info,costs,run,destroy,result}.
 * One run at a time; its VM stays alive until "destroy" is written, so that
 * what is parked can be looked at from outside.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/debugfs.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "hosts/twin/host.h"
#include "hosts/twin/run.h"
#include "lib/record.h"
#include "seam/seam.h"
#include "tdx/pamt.h"

#define COMMAND_MAX	256
#define COSTS_MAX	SZ_4K
#define RESULT_SIZE	SZ_256K
#define TABLE_ID_MAX	32
#define MAX_ERRORS	8
#define MAX_PAGES	(SZ_1G / PAGE_SIZE)
#define MAX_ROUNDS	1000000

static struct {
	struct mutex lock;	/* all of this, and one run at a time */
	struct dentry *dir;
	struct twin_run run;
	bool ran;		/* there is a record */
	bool alive;		/* its VM still exists */
	int status;
	unsigned int nr_threads;
	unsigned int nr_errors;
	char errors[MAX_ERRORS][96];
	struct memory_snapshot at_run, at_end;
	struct pool_snapshot pools;
	char table[TABLE_ID_MAX];
	char costs[COSTS_MAX];
} twin = {
	.lock = __MUTEX_INITIALIZER(twin.lock),
	.table = "zero",
};

/* A self-check of the run that failed; the record carries it. */
static __printf(1, 2) void twin_error(const char *format, ...)
{
	va_list args;

	if (twin.nr_errors == MAX_ERRORS)
		return;
	va_start(args, format);
	vscnprintf(twin.errors[twin.nr_errors], sizeof(twin.errors[0]), format, args);
	va_end(args);
	twin.nr_errors++;
}

/* The workload did as many operations as it says, not one more or less. */
static void twin_check_ops(const struct twin_run *run)
{
	u64 done, expected;
	int op, cpu;

	for (op = 0; run->workload->expected && op < OP_TEARDOWN; op++) {
		expected = run->workload->expected(run, op);
		for (done = 0, cpu = 0; cpu < nr_cpu_ids; cpu++)
			if (cpu_possible(cpu))
				done += extspt_plain[op].cpu[cpu]->n;
		if (done != expected)
			twin_error("%s: timed %llu times, not %llu", extspt_op_names[op], done,
				   expected);
	}
}

/* Everything is back where it came from. */
static void twin_check_balance(void)
{
	struct ledger_line line;
	int class, owner;
	u64 held;

	for (class = 0; class < NR_CLASSES; class++) {
		for (owner = 0; owner < NR_OWNERS; owner++) {
			ledger_read(class, owner, &line);
			held = line.allocated - line.freed;
			if (held)
				twin_error("leaked %llu %s pages of %s", held,
					   extspt_class_names[class], extspt_owner_names[owner]);
		}
	}
	if (ledger_errors())
		twin_error("%u pages freed that were not to be freed", ledger_errors());
	if (pamt_refcounts_live())
		twin_error("%u PAMT ranges still referenced", pamt_refcounts_live());
	held = seam_check_leaks();
	if (held)
		twin_error("the TDX module still holds %llu pages", held);
	if (seam_nr_violations())
		twin_error("%u violations of the TDX module's rules", seam_nr_violations());
}

static void twin_destroy(void)
{
	/* Timing the teardown's steps is for the workload that is about it. */
	extspt_pass_begin(twin.run.workload->per_vm);
	twin_vm_destroy(twin.run.vm);
	twin.alive = false;
	extspt_pass_begin(false);
	memory_snapshot(&twin.at_end);
	twin_check_balance();
}

static int twin_plain_passes(struct twin_run *run)
{
	u64 passes = run->workload->per_vm ? run->params.rounds : 1;
	int ret;

	extspt_pass_begin(false);
	while (passes--) {
		ret = twin_run_pass(run);
		if (ret)
			return ret;
		if (!passes)
			twin_check_ops(run);
		twin_vm_destroy(run->vm);
	}
	return 0;
}

static int twin_detail_pass(struct twin_run *run)
{
	int ret;

	ledger_reset();
	extspt_pass_begin(true);
	ret = twin_run_pass(run);
	extspt_pass_begin(false);
	if (ret)
		return ret;
	twin.alive = true;
	memory_snapshot(&twin.at_run);
	return pool_snapshot(&twin.pools, &run->vm->strategy.pools);
}

static int twin_run(void)
{
	int ret;

	twin.nr_errors = 0;
	twin.at_run.taken = false;
	twin.at_end.taken = false;
	pool_snapshot_free(&twin.pools);
	extspt_stats_reset();
	ret = extspt_tdx_check(twin.run.workload->checked);
	if (!ret)
		ret = twin_plain_passes(&twin.run);
	if (!ret)
		ret = twin_detail_pass(&twin.run);
	twin.nr_threads = twin_nr_threads(&twin.run);
	twin.status = ret;
	twin.ran = true;
	if (ret)
		twin_check_balance();
	return ret;
}

static int twin_parse_param(struct twin_params *params, char *word)
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

/* "<workload> [key=value ...]" */
static int twin_parse(struct twin_run *run, char *command)
{
	char *word = strsep(&command, " ");
	int ret;

	*run = (struct twin_run){ .workload = twin_workload_find(word) };
	if (!run->workload)
		return -EINVAL;
	run->params = run->workload->defaults;
	while ((word = strsep(&command, " "))) {
		if (!*word)
			continue;
		ret = twin_parse_param(&run->params, word);
		if (ret)
			return ret;
	}
	if (!run->params.vcpus || run->params.vcpus > TWIN_MAX_VCPUS ||
	    run->params.pages < run->params.vcpus || run->params.pages > MAX_PAGES ||
	    !run->params.rounds || run->params.rounds > MAX_ROUNDS)
		return -EINVAL;
	return 0;
}

static ssize_t run_write(struct file *file, const char __user *from, size_t size, loff_t *pos)
{
	struct twin_run run;
	char *command;
	int ret;

	if (size > COMMAND_MAX)
		return -EINVAL;
	command = memdup_user_nul(from, size);
	if (IS_ERR(command))
		return PTR_ERR(command);
	ret = twin_parse(&run, strim(command));
	kfree(command);
	if (ret)
		return ret;

	mutex_lock(&twin.lock);
	if (twin.alive) {
		ret = -EBUSY;
	} else {
		twin.run = run;
		ret = twin_run();
	}
	mutex_unlock(&twin.lock);
	return ret ?: size;
}

static ssize_t destroy_write(struct file *file, const char __user *from, size_t size, loff_t *pos)
{
	mutex_lock(&twin.lock);
	if (twin.alive)
		twin_destroy();
	mutex_unlock(&twin.lock);
	return size;
}

/* "table <id>" starts a new table, all else are rows of it as in seam_cost_line(). */
static int costs_line(char *line)
{
	if (sscanf(line, "table %31s", twin.table) == 1) {
		seam_reset_costs();
		twin.costs[0] = '\0';
		return 0;
	}
	strlcat(twin.costs, line, sizeof(twin.costs));
	strlcat(twin.costs, "\n", sizeof(twin.costs));
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
	mutex_lock(&twin.lock);
	while (!ret && (line = strsep(&rest, "\n")))
		if (*line)
			ret = costs_line(line);
	mutex_unlock(&twin.lock);
	kfree(text);
	return ret ?: size;
}

static int costs_show(struct seq_file *m, void *unused)
{
	mutex_lock(&twin.lock);
	seq_printf(m, "table %s\n%s", twin.table, twin.costs);
	mutex_unlock(&twin.lock);
	return 0;
}

static void result_errors(struct seq_file *m)
{
	unsigned int i;

	seq_puts(m, "\"errors\":[");
	for (i = 0; i < twin.nr_errors; i++) {
		seq_puts(m, i ? "," : "");
		record_string(m, twin.errors[i]);
	}
	seq_puts(m, "],");
}

static void params_show(struct seq_file *m, const struct twin_params *params)
{
	seq_printf(m, "\"vcpus\":%llu,\"pages\":%llu,\"rounds\":%llu", params->vcpus,
		   params->pages, params->rounds);
}

static int result_show(struct seq_file *m, void *unused)
{
	int ret = 0;

	mutex_lock(&twin.lock);
	if (!twin.ran) {
		ret = -ENODATA;
		goto unlock;
	}
	seq_putc(m, '{');
	record_identity(m);
	seq_printf(m, ",\"host\":\"twin\",\"workload\":\"%s\",\"params\":{",
		   twin.run.workload->name);
	params_show(m, &twin.run.params);
	seq_printf(m, ",\"seed\":%llu,\"threads\":%u},\"costs\":", twin.run.params.seed,
		   twin.nr_threads);
	record_string(m, twin.table);
	seq_printf(m, ",\"status\":%d,", twin.status);
	result_errors(m);
	record_clock(m);
	seq_putc(m, ',');
	record_ops(m);
	seq_putc(m, ',');
	record_locks(m);
	seq_putc(m, ',');
	record_counts(m);
	seq_putc(m, ',');
	record_memory(m, &twin.at_run, &twin.at_end, &twin.pools);
	seq_putc(m, ',');
	record_seam(m);
	seq_printf(m, ",\"phase\":\"%s\"}\n", twin.alive ? "run" : "end");
unlock:
	mutex_unlock(&twin.lock);
	return ret;
}

static int result_open(struct inode *inode, struct file *file)
{
	/* Big enough for one go: a second one would sort everything again. */
	return single_open_size(file, result_show, NULL, RESULT_SIZE);
}

static int info_show(struct seq_file *m, void *unused)
{
	const struct workload *workload;

	seq_putc(m, '{');
	record_identity(m);
	seq_puts(m, ",\"host\":\"twin\",\"title\":");
	record_string(m, EXTSPT_TITLE);
	seq_puts(m, ",\"origin\":");
	record_string(m, EXTSPT_ORIGIN);
	seq_printf(m, ",\"cpus\":%u,\"max_vcpus\":%d,", num_online_cpus(), TWIN_MAX_VCPUS);
	record_clock(m);
	seq_puts(m, ",\"workloads\":{");
	for (workload = twin_workloads; workload->name; workload++) {
		seq_printf(m, "%s\"%s\":{\"help\":\"%s\",\"defaults\":{",
			   workload == twin_workloads ? "" : ",", workload->name, workload->help);
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

static int twin_locks_init(void)
{
	int ret = mlock_class_init(&twin_mmu_lock_read, "mmu_lock.read", "rwlock-read");

	return ret ?: mlock_class_init(&twin_mmu_lock_write, "mmu_lock.write", "rwlock-write");
}

static void twin_locks_exit(void)
{
	mlock_class_destroy(&twin_mmu_lock_write);
	mlock_class_destroy(&twin_mmu_lock_read);
}

static void twin_debugfs_init(void)
{
	twin.dir = debugfs_create_dir("extspt_" EXTSPT_VARIANT, NULL);
	debugfs_create_file("info", 0400, twin.dir, NULL, &info_fops);
	debugfs_create_file("costs", 0600, twin.dir, NULL, &costs_fops);
	debugfs_create_file("run", 0200, twin.dir, NULL, &run_fops);
	debugfs_create_file("destroy", 0200, twin.dir, NULL, &destroy_fops);
	debugfs_create_file("result", 0400, twin.dir, NULL, &result_fops);
}

int extspt_host_init(void)
{
	int ret;

	ret = extspt_stats_init();
	if (ret)
		return ret;
	ret = record_init();
	if (ret)
		goto exit_record;
	ret = twin_locks_init();
	if (ret)
		goto exit_locks;
	ret = extspt_tdx_init();
	if (ret)
		goto exit_locks;
	ret = twin_mmu_init();
	if (ret)
		goto exit_tdx;
	twin_debugfs_init();
	pr_info("%s (%s)\n", EXTSPT_TITLE, EXTSPT_DESIGN);
	return 0;

exit_tdx:
	extspt_tdx_exit();
exit_locks:
	twin_locks_exit();
exit_record:
	record_exit();
	extspt_stats_exit();
	return ret;
}

void extspt_host_exit(void)
{
	debugfs_remove_recursive(twin.dir);
	if (twin.alive)
		twin_destroy();
	pool_snapshot_free(&twin.pools);
	twin_mmu_exit();
	extspt_tdx_exit();
	twin_locks_exit();
	record_exit();
	extspt_stats_exit();
}
