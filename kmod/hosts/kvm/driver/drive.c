// SPDX-License-Identifier: GPL-2.0-only
/*
 * drive CONTROL WORKLOAD [key=value ...]: one run on a software-protected VM; with
 *	dump=1 each fault's ticks go to the file that $EXTSPT_FAULTS names.
 * drive plain WORKLOAD [key=value ...]: one pass without a strategy, on stdout.
 * drive keep: leaves an empty VM behind, for the whole boot.
 * drive tdx: a real TD with one page, as far as this machine can make one.
 *
 * Pre-faults private memory of a guest_memfd, as a guest's first touches would,
 * and times each call. The VMs of the detail pass stay with a child process
 * until the module is told to destroy them. Exit status 0, or 1 with a message.
 */

#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/kvm.h>

#include "drive.h"
#include "tdx.h"

#define COMMAND_MAX	256
/* In seconds: a pre-fault that the MMU never stops retrying. */
#define PATIENCE	45

static const char *control;
static unsigned long patience = PATIENCE;

static int control_open(const char *name, int flags)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", control, name);
	fd = open(path, flags);
	if (fd < 0)
		err(errno, "%s", path);
	return fd;
}

static void control_write(const char *name, const void *data, size_t size)
{
	int fd = control_open(name, O_WRONLY);
	ssize_t done;

	while (size) {
		done = write(fd, data, size);
		if (done <= 0)
			err(errno, "%s/%s", control, name);
		data += done;
		size -= done;
	}
	close(fd);
}

static void control_say(const char *name, const char *text)
{
	control_write(name, text, strlen(text));
}

static FILE *dump;

/* A worker's faults of the plain pass in their order, "<ticks>,<ticks>...". */
static void dump_samples(const struct extspt_sample *samples, size_t nr)
{
	const char *separator = ftell(dump) ? ";" : "";
	size_t i;

	for (i = 0; i < nr; i++) {
		if (samples[i].op != SAMPLE_FAULT)
			continue;
		fprintf(dump, "%s%llu", separator, (unsigned long long)samples[i].ticks);
		separator = ",";
	}
}

static void dump_open(void)
{
	const char *name = getenv("EXTSPT_FAULTS");

	dump = name ? fopen(name, "w") : NULL;
	if (!dump)
		err(errno ?: EINVAL, "EXTSPT_FAULTS");
}

static void dump_close(void)
{
	if (dump && fclose(dump))
		err(errno, "EXTSPT_FAULTS");
	dump = NULL;
}

static void keep_samples(const struct extspt_sample *samples, size_t nr)
{
	if (dump)
		dump_samples(samples, nr);
	control_write("samples", samples, nr * sizeof(*samples));
}

static void run_pass(const struct script *script, const struct params *params, struct vm *vms)
{
	script_prepare(script, params, vms);
	control_say("pass", "measure");
	script_run(script, params, vms, keep_samples);
}

/* What the module answers to "run". */
static bool plain_pass_wanted(void)
{
	char answer[8] = "";

	if (read(control_open("pass", O_RDONLY), answer, sizeof(answer) - 1) < 0)
		err(errno, "pass");
	return !strncmp(answer, "plain", 5);
}

/* Tells @parent when the run is over, then keeps the VMs until they are to go. */
static void run(const struct script *script, const struct params *params, int parent)
{
	unsigned long passes = script->per_vm ? params->rounds : 1;
	static struct vm vms[VM_MAX_VCPUS];
	char byte = 0;

	if (!plain_pass_wanted())
		passes = 0;
	while (passes--) {
		run_pass(script, params, vms);
		script_tidy(script, params, vms);
	}
	dump_close();
	control_say("pass", "detail");
	run_pass(script, params, vms);
	control_say("pass", "done");
	alarm(0);
	if (write(parent, &byte, 1) != 1 ||
	    read(control_open("hold", O_RDONLY), &byte, 1) < 0)
		err(errno, "hold");
	script_tidy(script, params, vms);
}

/* Keys that only the module knows are for the module. */
static void parse(struct params *params, const char *word)
{
	if (sscanf(word, "vcpus=%lu", &params->vcpus) == 1 ||
	    sscanf(word, "pages=%lu", &params->pages) == 1 ||
	    sscanf(word, "rounds=%lu", &params->rounds) == 1 ||
	    sscanf(word, "seed=%lu", &params->seed) == 1)
		return;
	if (!strchr(word, '='))
		errx(EINVAL, "what is %s?", word);
}

static void parse_all(struct params *params, char **words)
{
	for (; *words; words++)
		parse(params, *words);
	if (!params->vcpus || params->vcpus > VM_MAX_VCPUS || params->pages < params->vcpus)
		errx(EINVAL, "vcpus=%lu pages=%lu", params->vcpus, params->pages);
}

/* The line for "run"; patience=SECONDS, dump and tdx are this program's own. */
static void command_make(char *command, char **words)
{
	for (; *words; words++) {
		if (sscanf(*words, "patience=%lu", &patience) == 1)
			continue;
		if (!strcmp(*words, "dump=1")) {
			dump_open();
			continue;
		}
		if (!strcmp(*words, "tdx=1")) {
			vm_type = KVM_X86_TDX_VM;
			continue;
		}
		strncat(command, *words, COMMAND_MAX - strlen(command) - 1);
		strncat(command, " ", COMMAND_MAX - strlen(command) - 1);
	}
}

/*
 * KVM patches the scheduler's code for the first VM and after the last one; QEMU
 * with a thread per CPU was seen to run into the breakpoint of a patch that was
 * already complete. With a VM that stays, it happens once, before any run. Prints
 * who to kill for it to go.
 */
static int keep(void)
{
	pid_t child;

	vm_keep();
	child = fork();
	if (child < 0)
		err(errno, "fork");
	if (!child) {
		/* Who waits for what is printed need not wait for the VM. */
		close(STDOUT_FILENO);
		for (;;)
			pause();
	}
	printf("%d\n", child);
	return 0;
}

static int by_ticks(const void *a, const void *b)
{
	const struct extspt_sample *x = a, *y = b;

	return x->ticks < y->ticks ? -1 : x->ticks > y->ticks;
}

static void show_samples(const struct extspt_sample *given, size_t nr)
{
	struct extspt_sample *samples = malloc(nr * sizeof(*samples));
	size_t i, n = 0;

	if (!samples)
		err(ENOMEM, "samples");
	for (i = 0; i < nr; i++)
		if (given[i].op == SAMPLE_FAULT)
			samples[n++] = given[i];
	qsort(samples, n, sizeof(*samples), by_ticks);
	printf("{\"faults\":%zu,\"p50\":%llu,\"max\":%llu}\n", n,
	       (unsigned long long)samples[(n + 1) / 2 - 1].ticks,
	       (unsigned long long)samples[n - 1].ticks);
	free(samples);
}

/* Upstream's own behaviour, or an unhooked KVM's: what one worker after the other measured. */
static int plain(char **words)
{
	struct params params = { .vcpus = 1, .pages = 1, .rounds = 1 };
	const struct script *script = script_find(words[0]);
	static struct vm vms[VM_MAX_VCPUS];

	parse_all(&params, words + 1);
	alarm(patience);
	script_prepare(script, &params, vms);
	script_run(script, &params, vms, show_samples);
	script_tidy(script, &params, vms);
	return 0;
}

/* How the child ended: the run's status. A signal that is no alarm is a bug. */
static int child_status(pid_t child)
{
	int status;

	if (waitpid(child, &status, 0) != child)
		return -EIO;
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == SIGALRM ? -ETIMEDOUT : -EIO;
	return WEXITSTATUS(status) ? -WEXITSTATUS(status) : -EIO;
}

static int controlled(char **words)
{
	struct params params = { .vcpus = 1, .pages = 1, .rounds = 1 };
	const struct script *script = script_find(words[0]);
	char command[COMMAND_MAX] = "", byte;
	int done[2];
	pid_t child;

	parse_all(&params, words + 1);
	command_make(command, words);
	control_say("run", command);

	/* A process of its own: when it fails, its VMs go with it. */
	if (pipe(done))
		err(errno, "pipe");
	child = fork();
	if (child < 0)
		err(errno, "fork");
	if (!child) {
		close(done[0]);
		alarm(patience);
		run(script, &params, done[1]);
		return 0;
	}
	close(done[1]);
	if (read(done[0], &byte, 1) == 1)
		return 0;
	snprintf(command, sizeof(command), "failed %d", -child_status(child));
	control_say("pass", command);
	return 1;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "keep"))
		return keep();
	if (argc == 2 && !strcmp(argv[1], "tdx"))
		return tdx_try();
	if (argc < 3)
		errx(EINVAL, "usage: drive CONTROL|plain WORKLOAD [key=value ...] | keep | tdx");
	if (!strcmp(argv[1], "plain"))
		return plain(argv + 2);
	control = argv[1];
	return controlled(argv + 2);
}
