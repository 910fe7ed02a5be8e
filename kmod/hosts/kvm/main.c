// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kvm host's side of a run. The driver program creates the VMs and faults;
 * it tells in which pass it is and brings what it has timed (samples.h).
 */

#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/uaccess.h>
#include <linux/wait.h>

#include "hosts/kvm/host.h"
#include "hosts/kvm/host_kvm.h"
#include "hosts/kvm/samples.h"
#include "hosts/kvm/seam.h"
#include "lib/control.h"

#define MAX_VCPUS	64
#define COMMAND_SIZE	16
#define GONE_TIMEOUT	(30 * HZ)
#define SAMPLES_AT_ONCE	64

static const enum extspt_op sample_ops[NR_SAMPLE_OPS] = {
	[SAMPLE_FAULT]	= OP_FAULT,
	[SAMPLE_ZAP]	= OP_ZAP,
};

static const struct control_workload kvm_workloads[] = {
	{ "populate_seq", "each vCPU faults its own range, page after page",
	  { .vcpus = 2, .pages = 4096, .rounds = 1 } },
	{ "populate_sparse", "one page in each 2 MiB: a new page table for every fault",
	  { .vcpus = 2, .pages = 128, .rounds = 1 } },
	{ "same_range", "all vCPUs fault the same pages at the same time",
	  { .vcpus = 2, .pages = 4096, .rounds = 1 } },
	{ "race_sparse", "the same with one page in each 2 MiB: page tables lose races",
	  { .vcpus = 2, .pages = 128, .rounds = 1 } },
	{ "convert", "private to shared, back, and fault in again, page by page",
	  { .vcpus = 2, .pages = 2048, .rounds = 2 } },
	{ "punch", "holes in the guest's memory, page by page, and fault in again",
	  { .vcpus = 2, .pages = 2048, .rounds = 1 } },
	{ "vms", "a VM of its own for each vCPU thread: they meet at what is global",
	  { .vcpus = 2, .pages = 4096, .rounds = 1 } },
	{ "churn", "each thread creates, fills and destroys VMs of its own",
	  { .vcpus = 2, .pages = 128, .rounds = 20 } },
	{ "teardown", "destroy VMs that hold 4 KiB pages, one per round",
	  { .vcpus = 2, .pages = 1024, .rounds = 5 } },
	{ "idle", "vCPUs that have topped up and then do nothing: parked memory",
	  { .vcpus = 16, .pages = 512, .rounds = 1 } },
};

static bool release;		/* the driver is to let the VM go */

static const struct control_workload *kvm_workload(int i)
{
	return i < ARRAY_SIZE(kvm_workloads) ? &kvm_workloads[i] : NULL;
}

static int kvm_run(int workload, const struct control_params *params)
{
	int ret;

	if (atomic_read(&kvm_nr_vms))
		return -EBUSY;
	ret = extspt_tdx_check(params->check);
	if (ret)
		return ret;
	extspt_control.nr_threads = min_t(u64, params->vcpus, num_online_cpus());
	WRITE_ONCE(release, false);
	extspt_pass_begin(false);
	return 0;
}

/* Until the driver's VMs are gone, which it has been told or has died of. */
static int kvm_wait_gone(void)
{
	return wait_event_timeout(kvm_vm_gone, !atomic_read(&kvm_nr_vms), GONE_TIMEOUT) ?
	       0 : -ETIMEDOUT;
}

static int kvm_destroy(void)
{
	int ret;

	/* As in the twin: the steps of a teardown are for the workload about it. */
	extspt_pass_begin(!strcmp(extspt_control.workload->name, "teardown"));
	WRITE_ONCE(release, true);
	wake_up_all(&kvm_vm_gone);
	ret = kvm_wait_gone();
	if (ret)
		return ret;
	extspt_pass_begin(false);
	return 0;
}

static const struct extspt_host kvm_host = {
	.name = "kvm",
	.max_vcpus = MAX_VCPUS,
	.workload = kvm_workload,
	.run = kvm_run,
	.destroy = kvm_destroy,
};

/* Both passes have done the same. */
static void kvm_check_ops(void)
{
	u64 plain, detailed;
	int i, cpu;

	if (extspt_control.params.check)
		return;
	for (i = 0; i < NR_SAMPLE_OPS; i++) {
		plain = 0;
		detailed = 0;
		for_each_possible_cpu(cpu) {
			plain += extspt_plain[sample_ops[i]].cpu[cpu]->n;
			detailed += extspt_detailed[sample_ops[i]].cpu[cpu]->n;
		}
		if (plain != detailed)
			control_error("%s: timed %llu and %llu times",
				      extspt_op_names[sample_ops[i]], plain, detailed);
	}
}

static int kvm_pass_detail(void)
{
	if (atomic_read(&kvm_nr_vms))
		return -EBUSY;
	ledger_reset();
	extspt_pass_begin(true);
	return 0;
}

static int kvm_pass_done(void)
{
	if (!atomic_read(&kvm_nr_vms))
		return -EINVAL;
	kvm_check_ops();
	extspt_pass_begin(false);
	extspt_control.alive = true;
	memory_snapshot(&extspt_control.at_run);
	return kvm_pools_snapshot(&extspt_control.pools);
}

/* @error: what the driver, and with it its VMs, has ended with. */
static int kvm_pass_failed(int error)
{
	int ret = kvm_wait_gone();

	extspt_pass_begin(false);
	extspt_control.status = -error;
	control_check_balance();
	control_check_end();
	return ret;
}

static int kvm_pass(const char *command)
{
	int error;

	if (extspt_control.alive)
		return -EBUSY;
	if (!extspt_control.ran)
		return -EINVAL;
	if (!strcmp(command, "detail"))
		return kvm_pass_detail();
	if (!strcmp(command, "done"))
		return kvm_pass_done();
	if (sscanf(command, "failed %d", &error) == 1 && error > 0 && error < MAX_ERRNO)
		return kvm_pass_failed(error);
	if (strcmp(command, "measure"))
		return -EINVAL;
	extspt_measure_begin();
	return 0;
}

static ssize_t pass_write(struct file *file, const char __user *from, size_t size, loff_t *pos)
{
	char command[COMMAND_SIZE] = "";
	int ret;

	if (size >= COMMAND_SIZE)
		return -EINVAL;
	if (copy_from_user(command, from, size))
		return -EFAULT;
	mutex_lock(&extspt_control.lock);
	ret = kvm_pass(strim(command));
	mutex_unlock(&extspt_control.lock);
	return ret ?: size;
}

/* What the driver is to begin with. A checked run times nothing: once is enough. */
static ssize_t pass_read(struct file *file, char __user *to, size_t size, loff_t *pos)
{
	const char *answer = extspt_control.params.check ? "detail\n" : "plain\n";

	return simple_read_from_buffer(to, size, pos, answer, strlen(answer));
}

static int kvm_sample(const struct extspt_sample *sample)
{
	if (sample->op >= NR_SAMPLE_OPS)
		return -EINVAL;
	extspt_outer_add(sample_ops[sample->op], sample->ticks);
	if (sample->op == SAMPLE_FAULT) {
		extspt_count(COUNT_FAULTS);
		/* One attempt was not a retry; what mapped a page was not spurious. */
		extspt_uncount(COUNT_RETRIES);
		extspt_count(COUNT_SPURIOUS);
	}
	return 0;
}

/* As much of what is written as fits; the driver comes back for the rest. */
static ssize_t samples_write(struct file *file, const char __user *from, size_t size, loff_t *pos)
{
	struct extspt_sample samples[SAMPLES_AT_ONCE];
	size_t i, nr = min_t(size_t, size / sizeof(*samples), SAMPLES_AT_ONCE);
	int ret = 0;

	if (!nr)
		return -EINVAL;
	if (copy_from_user(samples, from, nr * sizeof(*samples)))
		return -EFAULT;
	mutex_lock(&extspt_control.lock);
	for (i = 0; i < nr && !ret; i++)
		ret = kvm_sample(&samples[i]);
	mutex_unlock(&extspt_control.lock);
	return ret ?: nr * sizeof(*samples);
}

static ssize_t hold_read(struct file *file, char __user *to, size_t size, loff_t *pos)
{
	return wait_event_interruptible(kvm_vm_gone, READ_ONCE(release));
}

static const struct file_operations pass_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.read = pass_read,
	.write = pass_write,
};

static const struct file_operations samples_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = samples_write,
};

static const struct file_operations hold_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.read = hold_read,
};

int extspt_host_init(void)
{
	int ret;

	ret = control_init(&kvm_host);
	if (ret)
		return ret;
	ret = extspt_tdx_init();
	if (ret)
		goto exit_control;
	ret = extspt_kvm_register(&extspt_kvm_ops);
	if (ret)
		goto exit_tdx;
	control_show();
	debugfs_create_file("pass", 0600, extspt_control.dir, NULL, &pass_fops);
	debugfs_create_file("samples", 0200, extspt_control.dir, NULL, &samples_fops);
	debugfs_create_file("hold", 0400, extspt_control.dir, NULL, &hold_fops);
	return 0;

exit_tdx:
	extspt_tdx_exit();
exit_control:
	control_exit();
	return ret;
}

/* No VM is left: each holds a reference to this module. */
void extspt_host_exit(void)
{
	control_hide();
	extspt_kvm_unregister(&extspt_kvm_ops);
	extspt_tdx_exit();
	control_exit();
}
