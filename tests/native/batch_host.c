// SPDX-License-Identifier: GPL-2.0-only
/*
 * kmod/lib/batch.c in a process, on passes of made-up operations and a clock
 * that goes by what they took.
 *
 *	batch_host <batches> <us> <warm ms> <ops> <ns per op> <ns untimed> <kind> <visits>
 *
 * kind: same; cold (takes 50 % more at first, less with each pass); noisy (never
 * settles); hidden (only the first passes of each batch are timed); once (an
 * outlier in every tenth operation); away (the first pass of each visit takes
 * ten times as long); hiccup (the very first pass takes a hundred times as
 * long); fails. Prints passes and operations that were run, passes
 * that count, and the record.
 */

#include <inttypes.h>

#include "batch_shim.h"
#include "lib/batch.h"

#define COLD_PASSES	40

static struct hist hists[2][NR_OPS][SHIM_CPUS];
static struct series plain[2][NR_OPS];
static u64 now, ran, came, ops, per_op, untimed;
static const char *kind;

const char * const extspt_op_names[NR_OPS] = { "fault", "zap", "teardown" };
struct series *extspt_plain = plain[false];
unsigned int tsc_khz = 1000000;		/* a tick is a nanosecond */

void extspt_plain_aside(bool aside)
{
	int op, cpu;

	extspt_plain = plain[aside];
	for (op = 0; aside && op < NR_OPS; op++)
		for (cpu = 0; cpu < SHIM_CPUS; cpu++)
			hist_reset(extspt_plain[op].cpu[cpu]);
}

u64 ktime_get_ns(void)
{
	return now;
}

void seq_printf(struct seq_file *m, const char *format, ...)
{
	va_list args;

	(void)m;
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
}

void seq_puts(struct seq_file *m, const char *s)
{
	(void)m;
	fputs(s, stdout);
}

void seq_putc(struct seq_file *m, char c)
{
	(void)m;
	putchar(c);
}

static u64 ticks_of(u64 op)
{
	if (!strcmp(kind, "cold") && ran < COLD_PASSES)
		return per_op + per_op * (COLD_PASSES - ran) / (2 * COLD_PASSES);
	if (!strcmp(kind, "away") && ran == came)
		return 10 * per_op;
	if (!strcmp(kind, "hiccup") && !ran)
		return 100 * per_op;
	if (!strcmp(kind, "noisy"))
		return per_op + per_op * (ran % 3) / 10;
	if (!strcmp(kind, "once") && op % 10 == 0)
		return 100 * per_op;
	return per_op;
}

/* Each CPU does half of a pass at the same time. */
static void pass(bool timed)
{
	u64 i, cpu, ticks;

	for (i = 0; i < ops; i++) {
		cpu = i % SHIM_CPUS;
		ticks = ticks_of(i);
		if (timed)
			hist_add(extspt_plain[OP_FAULT].cpu[cpu], ticks);
		now += cpu ? 0 : ticks;
	}
	now += untimed;
	ran++;
}

static int work(void *data, u64 passes)
{
	u64 i;

	(void)data;
	for (i = 0; i < passes; i++) {
		if (!strcmp(kind, "fails") && ran == 7)
			return -5;
		pass(strcmp(kind, "hidden") || i < 2);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct batch_params params;
	int aside, op, cpu, ret;
	u64 n = 0;

	if (argc != 9)
		return 2;
	params = (struct batch_params){ strtoull(argv[1], NULL, 0), strtoull(argv[2], NULL, 0),
					strtoull(argv[3], NULL, 0), strtoull(argv[8], NULL, 0), 0 };
	params.visit = !!params.visits;
	ops = strtoull(argv[4], NULL, 0);
	per_op = strtoull(argv[5], NULL, 0);
	untimed = strtoull(argv[6], NULL, 0);
	kind = argv[7];
	for (aside = 0; aside < 2; aside++)
		for (op = 0; op < NR_OPS; op++)
			for (cpu = 0; cpu < SHIM_CPUS; cpu++) {
				plain[aside][op].cpu[cpu] = &hists[aside][op][cpu];
				hist_reset(plain[aside][op].cpu[cpu]);
			}
	ret = batch_params_valid(&params) ? batch_run(&params, work, NULL) : -22;
	while (!ret && batch_goes_on(&params)) {
		params.visit++;
		came = ran;
		ret = batch_run(&params, work, NULL);
	}
	for (cpu = 0; cpu < SHIM_CPUS; cpu++)
		n += extspt_plain[OP_FAULT].cpu[cpu]->n;
	printf("{\"ret\":%d,\"ran\":%" PRIu64 ",\"timed\":%" PRIu64 ",\"counted\":%" PRIu64
	       ",\"batch\":", ret, ran, n, (u64)batch_passes());
	batch_show(NULL);
	puts("}");
	return 0;
}
