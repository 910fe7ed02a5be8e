// SPDX-License-Identifier: GPL-2.0-only
/*
 * sweep CONTROL VARIANT MODULE [-d DRIVE] CASE...: the gate's points, in a guest.
 *
 * CASE is "ID KINDS WORKLOAD [key=value ...]"; KINDS is "-" for a run without faults
 * alone, or a comma list of KEY:NAME:FROM:STEP, for instance "fail_alloc:allocs:1:1".
 * A run without faults counts the points of NAME; then those from FROM on are made to
 * fail with KEY, one in each run, until a run ends before it has come to its point: how
 * many there are depends on where the kernel's pages lie. Each point is announced on
 * file descriptor 3 before it is tried, so that one that kills the guest has a name.
 * After a run that went wrong the module is loaded afresh: what it left behind is
 * not to be blamed on the next one. Nothing more is tried once the kernel has made a
 * report after which lockdep is off. Exit status 0; 2 when it is off or the module is
 * stuck: the next module needs a new boot.
 */

#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define PORT		3
#define LOG		"/dev/kmsg"
#define RECORD_MAX	(256 * 1024)
#define COMMAND_MAX	256
#define MAX_KINDS	4
/* So many bad points of one kind are evidence enough. */
#define ENOUGH		3
/* Ways of pages that are told apart; with more of them each record is printed. */
#define WAYS_MAX	1024
/* A point that the run without faults had, and so many runs do not come to, is not there. */
#define PATIENCE	4

static const char *control, *variant, *module, *drive;
static char record[RECORD_MAX];

struct kind {
	char key[32], name[32];
	unsigned long from, step;
};

static void say(const char *format, ...)
{
	static char line[2048];
	va_list args;
	int size;

	va_start(args, format);
	size = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (write(PORT, line, size) != size)
		err(1, "record port");
}

/* The whole file, as a string. Its size, or -1 with errno. */
static ssize_t slurp(const char *path, char *text, size_t size)
{
	size_t used = 0;
	ssize_t got;
	int fd = open(path, O_RDONLY);

	if (fd < 0)
		return -1;
	while ((got = read(fd, text + used, size - 1 - used)) > 0)
		used += got;
	close(fd);
	text[used] = '\0';
	return got < 0 ? -1 : (ssize_t)used;
}

/* 0 or -errno of writing @text to a file of the module. */
static int tell(const char *name, const char *text)
{
	char path[256];
	ssize_t done;
	int fd, ret;

	snprintf(path, sizeof(path), "%s/%s", control, name);
	fd = open(path, O_WRONLY);
	if (fd < 0)
		return -errno;
	done = write(fd, text, strlen(text));
	ret = done < 0 ? -errno : 0;
	close(fd);
	return ret;
}

/* On real KVM a program creates the VM and runs the workload. 0 or -1. */
static int drive_run(char *command)
{
	char *words[32] = { (char *)drive, (char *)control };
	int status, n = 2;
	char *word;

	while (n < 31 && (word = strsep(&command, " ")))
		if (*word)
			words[n++] = word;
	switch (fork()) {
	case -1:
		return -errno;
	case 0:
		execv(drive, words);
		_exit(127);
	}
	if (wait(&status) < 0)
		return -errno;
	return status ? -1 : 0;
}

/* The memcg's kernel memory in bytes. */
static unsigned long charged(void)
{
	static char text[16384];
	char *line;

	if (slurp("/cg/extspt/memory.stat", text, sizeof(text)) < 0)
		return 0;
	line = strstr(text, "\nkernel ");
	return line ? strtoul(line + 8, NULL, 10) : 0;
}

/* The number that follows "@name": in the record; @otherwise without one. */
static long number(const char *name, long otherwise)
{
	char wanted[64];
	char *at;

	snprintf(wanted, sizeof(wanted), "\"%s\":", name);
	at = strstr(record, wanted);
	return at ? strtol(at + strlen(wanted), NULL, 10) : otherwise;
}

static bool empty_everywhere(const char *name)
{
	char wanted[64];
	char *at = record;

	snprintf(wanted, sizeof(wanted), "\"%s\":[", name);
	while ((at = strstr(at, wanted))) {
		at += strlen(wanted);
		if (*at != ']')
			return false;
	}
	return true;
}

/* FNV-1a, 64 bits */
static unsigned long hash(const char *text, size_t size)
{
	unsigned long sum = 0xcbf29ce484222325UL;

	while (size--)
		sum = (sum ^ (unsigned char)*text++) * 0x100000001b3UL;
	return sum;
}

/* Whether no run of this program had this way before. */
static bool is_new_way(unsigned long way)
{
	static unsigned long ways[WAYS_MAX];
	static unsigned int nr;
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (ways[i] == way)
			return false;
	if (nr < WAYS_MAX)
		ways[nr++] = way;
	return true;
}

/*
 * Whether pages went a way that they never did before, as on the path that unwinds an
 * error; how many did is no part of a way.
 */
static bool new_ways(void)
{
	char *at = strstr(record, "\"flows\":["), *end, *count;
	bool found = false;

	for (; at && (at = strchr(at, '{')); at = end) {
		end = strchr(at, '}');
		count = strstr(at, ",\"n\":");
		if (!end || !count || count > end)
			break;
		found |= is_new_way(hash(at, count - at));
		/* The list's end. */
		if (end[1] != ',')
			break;
	}
	return found;
}

/* What the module says of its last run: in short, or all of it where it has no short form. */
static bool read_record(void)
{
	static const char * const names[] = { "verdict", "result" };
	char path[256];
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(path, sizeof(path), "%s/%s", control, names[i]);
		if (slurp(path, record, sizeof(record)) > 0)
			return true;
	}
	record[0] = '\0';
	return false;
}

static void show_record(void)
{
	size_t size;

	if (!*record)
		strcpy(record, "null\n");
	size = strlen(record);
	say("EXTSPT RECORD\n");
	if (write(PORT, record, size) != (ssize_t)size)
		err(1, "record port");
}

/* Nothing but the name of its file is passed to it, as insmod does. */
static void reload(void)
{
	char path[256];
	int fd;

	if (syscall(SYS_delete_module, module, O_NONBLOCK)) {
		say("EXTSPT STUCK %s %d\n", variant, errno);
		exit(2);
	}
	snprintf(path, sizeof(path), "/modules/%s.ko", module);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || syscall(SYS_finit_module, fd, "", 0))
		err(2, "%s", path);
	close(fd);
}

/*
 * One run and its tear-down. Its record is printed in full when it has anything to
 * say, when pages went a new way, or when @whole; the others differ in nothing but
 * where the fault was. False when it went wrong.
 */
static bool point(const char *id, const char *name, unsigned long n, const char *run,
		  const char *fault, bool whole)
{
	char command[COMMAND_MAX], at[128] = "";
	unsigned long before, live;
	int rc, destroyed;
	bool good, news;
	char *found;

	if (snprintf(command, sizeof(command), "%s %s", run, fault) >= (int)sizeof(command))
		errx(1, "too long: %s", run);
	say("EXTSPT POINT %s %s %s %lu\n", variant, id, name, n);
	before = whole ? charged() : 0;
	rc = drive ? drive_run(command) : tell("run", command);
	live = whole ? charged() : 0;
	destroyed = tell("destroy", "1");
	good = read_record() && empty_everywhere("errors") && empty_everywhere("violations") &&
	       !number("lost", 0) && !destroyed;
	news = new_ways();
	found = strstr(record, "\"at\":\"");
	if (found)
		sscanf(found + 6, "%127[^\"]", at);
	say("EXTSPT DONE %lu rc=%d destroy=%d status=%ld fired=%ld kernel=%lu,%lu at=%s\n", n, rc,
	    destroyed, number("status", 0), number("fired", -1), before, live, *at ? at : "-");
	if (whole || news || !good)
		show_record();
	if (!good)
		reload();
	return good;
}

static int parse_kinds(char *text, struct kind *kinds)
{
	char *word;
	int nr = 0;

	if (!strcmp(text, "-"))
		return 0;
	while ((word = strsep(&text, ",")) && nr < MAX_KINDS) {
		struct kind *kind = &kinds[nr++];

		if (sscanf(word, "%31[^:]:%31[^:]:%lu:%lu", kind->key, kind->name, &kind->from,
			   &kind->step) != 4 || !kind->step)
			errx(1, "what is %s?", word);
	}
	return nr;
}

/* Into the kernel's log, so that its reports can be told apart. */
static void mark(const char *id, const char *name)
{
	char line[256];
	int fd = open(LOG, O_WRONLY);

	if (fd < 0)
		return;
	snprintf(line, sizeof(line), "<4>EXTSPT AT %s %s %s\n", variant, id, name);
	if (write(fd, line, strlen(line)) < 0)
		warn(LOG);
	close(fd);
}

/* Whether one of @tries runs came to point @n and made it fail. */
static bool fails(const struct kind *kind, const char *id, const char *run, unsigned long n,
		  int tries, int *bad)
{
	char fault[64];

	snprintf(fault, sizeof(fault), "%.31s=%lu", kind->key, n);
	while (tries-- && *bad < ENOUGH) {
		*bad += !point(id, kind->name, n, run, fault, false);
		if (number("fired", -1))
			return true;
	}
	return false;
}

/* @all: points of the run without faults, -1 where they are not counted. */
static void sweep(const struct kind *kind, const char *id, const char *run, long all)
{
	unsigned long n = kind->from;
	int bad = 0;

	mark(id, kind->name);
	say("EXTSPT SWEEP %s %s %s %ld\n", variant, id, kind->name, all);
	if (all < 0)
		return;
	while (bad < ENOUGH && fails(kind, id, run, n, (long)n > all ? 1 : PATIENCE, &bad))
		n += kind->step;
	if (bad < ENOUGH && kind->step == 1)
		say("EXTSPT OVER %s %s %s %lu\n", variant, id, kind->name, n);
}

static void one_case(char *run)
{
	const char *id = strsep(&run, " ");
	char *words = run ? strsep(&run, " ") : NULL;
	unsigned long before = charged();
	struct kind kinds[MAX_KINDS];
	long all[MAX_KINDS];
	int nr, i;

	if (!run)
		errx(1, "no workload after %s", id);
	nr = parse_kinds(words, kinds);
	mark(id, "plain");
	if (!point(id, "plain", 0, run, "", true))
		nr = 0;
	for (i = 0; i < nr; i++)
		all[i] = number(kinds[i].name, -1);
	for (i = 0; i < nr; i++)
		sweep(&kinds[i], id, run, all[i]);
	/* What was done to it must not show any more. */
	if (nr)
		point(id, "again", 0, run, "", true);
	say("EXTSPT MEMCG %s %s %lu,%lu\n", variant, id, before, charged());
}

/* 1 or 0 as the kernel says, -1 where it has no lockdep. */
static int lockdep_works(void)
{
	static char text[8192];
	char *at;

	if (slurp("/proc/lockdep_stats", text, sizeof(text)) < 0)
		return -1;
	at = strstr(text, "debug_locks:");
	return at ? atoi(at + 12) : -1;
}

int main(int argc, char **argv)
{
	int i = 4, locks;

	if (argc < 4)
		errx(1, "usage: sweep CONTROL VARIANT MODULE [-d DRIVE] CASE...");
	control = argv[1];
	variant = argv[2];
	module = argv[3];
	if (argc > 5 && !strcmp(argv[4], "-d")) {
		drive = argv[5];
		i = 6;
	}
	if (mknod(LOG, S_IFCHR | 0600, makedev(1, 11)) && errno != EEXIST)
		warn(LOG);
	do {
		if (i < argc)
			one_case(argv[i]);
		locks = lockdep_works();
	} while (locks && ++i < argc);
	say("EXTSPT LOCKS %s %d\n", variant, locks);
	return locks ? 0 : 2;
}
