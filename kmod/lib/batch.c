// SPDX-License-Identifier: GPL-2.0-only

#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/sort.h>

#include "lib/batch.h"
#include "lib/compat.h"
#include "lib/stats.h"

#define CALIBRATION_RUNS	5
#define CALIBRATION_LEAST	2
/* A calibration run that is shorter than this part of a batch says too little. */
#define CALIBRATION_PART	4
#define LEAST_BATCHES		6
/* What is not timed, such as making VMs, takes about as long as what is. */
#define BUDGET_FACTOR		3
#define LEAST_OPS		100
#define MOST_OPS		10000000
/* Warm: the medians of this many batches in a row lie within so many percent. */
#define WARM_BATCHES		5
#define WARM_PERCENT		2
/* Others had the CPUs and their caches since the last visit. */
#define WARM_AGAIN_BATCHES	1

/* Where a run's time went, in the order of what it does. */
enum batch_phase {
	PHASE_CALIBRATE,
	PHASE_WARM,
	PHASE_DOUBLE,
	PHASE_MEASURE,
	NR_PHASES
};

static struct {
	struct batch_params params;
	enum extspt_op op;	/* that most of the time goes to: medians are its */
	u64 ops;		/* of a pass */
	u64 passes;		/* of a batch */
	u64 warmed;		/* batches before the first that counts */
	bool warm;
	u64 two;		/* ticks of twice the passes; 0: not tried */
	unsigned int nr;
	u64 spent[NR_PHASES];	/* ns, what is not timed included */
	/* Thousandths of a tick: the mean and the median of each batch. */
	u64 means[BATCH_MAX], medians[BATCH_MAX];
	u64 ticks[BATCH_MAX];	/* all that was timed in a batch */
	u64 warming[BATCH_MAX];	/* medians of the warm-up's first batches */
	u32 before[HIST_NR];	/* the operation's histogram before a batch */
} batch;

/* What was timed. @ticks: of one CPU; several work at the same time. */
struct work {
	u64 ops, ticks;
	unsigned int cpus;
};

static struct work work_of(int first, int end)
{
	struct work work = { };
	const struct hist *hist;
	bool busy;
	int cpu, op;

	for_each_possible_cpu(cpu) {
		for (busy = false, op = first; op < end; op++) {
			hist = extspt_plain[op].cpu[cpu];
			work.ops += hist->n;
			work.ticks += hist->sum;
			busy |= hist->n > 0;
		}
		work.cpus += busy;
	}
	return work;
}

/* A VM's teardown counts only where nothing else is timed. */
static struct work work_so_far(void)
{
	struct work work = work_of(0, OP_TEARDOWN);

	return work.ops ? work : work_of(OP_TEARDOWN, OP_TEARDOWN + 1);
}

static enum extspt_op longest_op(void)
{
	enum extspt_op longest = OP_TEARDOWN;
	u64 most = 0, ticks;
	int op;

	for (op = 0; op < OP_TEARDOWN; op++) {
		ticks = work_of(op, op + 1).ticks;
		if (ticks > most) {
			most = ticks;
			longest = op;
		}
	}
	return longest;
}

static int timed_passes(batch_work work, void *data, u64 passes, struct work *done)
{
	struct work before = work_so_far(), after;
	int ret = work(data, passes);

	after = work_so_far();
	*done = (struct work){
		.ops = after.ops - before.ops,
		.ticks = after.ticks - before.ticks,
		.cpus = after.cpus,
	};
	return ret;
}

static u64 per_op(const struct work *work)
{
	return div64_u64(work->ticks * 1000, max(work->ops, 1ULL));
}

static u32 samples_in(unsigned int bucket)
{
	u32 n = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		n += extspt_plain[batch.op].cpu[cpu]->buckets[bucket];
	return n;
}

static void batch_begin(void)
{
	unsigned int i;

	for (i = 0; i < HIST_NR; i++)
		batch.before[i] = samples_in(i);
}

/* Of the samples since batch_begin(), evenly spread within a bucket; thousandths of a tick. */
static u64 batch_median(void)
{
	u64 seen = 0, n = 0, rank;
	unsigned int i;

	for (i = 0; i < HIST_NR; i++) {
		batch.before[i] = samples_in(i) - batch.before[i];
		n += batch.before[i];
	}
	if (!n)
		return 0;
	rank = (n + 1) / 2;
	for (i = 0; seen + batch.before[i] < rank; i++)
		seen += batch.before[i];
	return hist_floor(i) * 1000 +
	       div_u64((hist_floor(i + 1) - hist_floor(i)) * 1000 * (2 * (rank - seen) - 1),
		       2 * batch.before[i]);
}

static int batch_once(batch_work work, void *data, struct work *done, u64 *median)
{
	int ret;

	batch_begin();
	ret = timed_passes(work, data, batch.passes, done);
	*median = batch_median();
	return ret;
}

static int compare_u64(const void *a, const void *b)
{
	u64 left = *(const u64 *)a, right = *(const u64 *)b;

	return left < right ? -1 : left > right;
}

/* Of some passes: how long they took on one CPU, and in all, by @passes. */
struct pass_time {
	u64 ticks, ns;
};

static int batch_try(batch_work work, void *data, u64 passes, struct pass_time *time)
{
	u64 start = ktime_get_ns();
	struct work done;
	int ret = timed_passes(work, data, passes, &done);

	time->ns = div64_u64(ktime_get_ns() - start, passes);
	time->ticks = max(div64_u64(done.ticks, passes * max(done.cpus, 1U)), 1ULL);
	batch.ops = max(div64_u64(done.ops, passes), 1ULL);
	return ret;
}

/*
 * Passes that make a batch: the time wanted over the median of some runs. No
 * run decides alone, as the host may have been elsewhere meanwhile.
 */
static int batch_calibrate(batch_work work, void *data)
{
	u64 wanted = div_u64(batch.params.us * tsc_khz, 1000), passes = 1;
	u64 budget = batch.params.us * NSEC_PER_USEC * BUDGET_FACTOR;
	struct pass_time time, least = { U64_MAX, U64_MAX };
	u64 ticks[CALIBRATION_RUNS], start = ktime_get_ns();
	int runs = 0, ret;
	bool late;

	do {
		ret = batch_try(work, data, passes, &time);
		if (ret)
			return ret;
		late = ktime_get_ns() - start >= budget;
		least.ns = min(least.ns, time.ns);
		if (!late && time.ticks * passes * CALIBRATION_PART < wanted) {
			passes *= CALIBRATION_PART;
			continue;
		}
		least.ticks = min(least.ticks, time.ticks);
		ticks[runs] = time.ticks;
		runs++;
		/* A pass that is more than half of a batch is one, however often it is run. */
	} while (runs < CALIBRATION_LEAST ||
		 (!late && runs < CALIBRATION_RUNS && 2 * least.ticks <= wanted));

	sort(ticks, runs, sizeof(u64), compare_u64, NULL);
	batch.op = longest_op();
	passes = clamp(div64_u64(wanted, ticks[(runs - 1) / 2]),
		       DIV64_U64_ROUND_UP(LEAST_OPS, batch.ops), div64_u64(MOST_OPS, batch.ops));
	/* Where hardly anything of a pass is timed, the rest of it is what takes time. */
	batch.passes = clamp(div64_u64(budget, max(least.ns, 1ULL)), 1ULL, max(passes, 1ULL));
	return 0;
}

/* Are the last batches as good as the same? */
static bool batch_is_warm(const u64 *last)
{
	u64 low = U64_MAX, high = 0;
	unsigned int i;

	for (i = 0; i < WARM_BATCHES; i++) {
		low = min(low, last[i]);
		high = max(high, last[i]);
	}
	return (high - low) * 100 <= low * WARM_PERCENT;
}

static int batch_warm_up(batch_work work, void *data)
{
	u64 start = ktime_get_ns(), last[WARM_BATCHES], median;
	struct work done;
	int ret;

	do {
		ret = batch_once(work, data, &done, &median);
		if (ret)
			return ret;
		if (batch.warmed < BATCH_MAX)
			batch.warming[batch.warmed] = median;
		last[batch.warmed++ % WARM_BATCHES] = median;
		batch.warm = batch.warmed >= WARM_BATCHES && batch_is_warm(last);
	} while (!batch.warm && ktime_get_ns() - start < batch.params.warm_ms * NSEC_PER_MSEC);
	return 0;
}

static int batch_warm_again(batch_work work, void *data)
{
	struct work done;
	int i, ret = 0;

	for (i = 0; !ret && i < WARM_AGAIN_BATCHES; i++)
		ret = timed_passes(work, data, batch.passes, &done);
	return ret;
}

/* The time that measuring may take all in all, by what a batch is wanted to take. */
static u64 batch_budget(void)
{
	return batch.params.nr * batch.params.us * NSEC_PER_USEC * BUDGET_FACTOR;
}

/* What of @all falls to the visits so far. */
static u64 batch_share(u64 all)
{
	const struct batch_params *params = &batch.params;

	return params->visits ? div64_u64(all * params->visit, params->visits) : all;
}

/*
 * Twice the passes have to take twice as long, or something is not measured.
 * Not asked of passes that are far longer than a batch. Before the batches that
 * count; batch_doubled() holds it against them.
 */
static int batch_double(batch_work work, void *data)
{
	struct work done;
	int ret;

	if (3 * div64_u64(batch.spent[PHASE_WARM], batch.warmed) > batch_budget())
		return 0;
	ret = timed_passes(work, data, 2 * batch.passes, &done);
	batch.two = done.ticks;
	return ret;
}

static u64 batch_doubled(void)
{
	static u64 sorted[BATCH_MAX];

	memcpy(sorted, batch.ticks, batch.nr * sizeof(u64));
	sort(sorted, batch.nr, sizeof(u64), compare_u64, NULL);
	return div64_u64(1000 * batch.two, max(sorted[batch.nr / 2], 1ULL));
}

static int batch_measure(batch_work work, void *data)
{
	u64 spent, start = ktime_get_ns();
	struct work done;
	int ret;

	while (batch.nr < batch_share(batch.params.nr)) {
		spent = batch.spent[PHASE_MEASURE] + ktime_get_ns() - start;
		if (batch.nr >= batch_share(LEAST_BATCHES) && spent > batch_share(batch_budget()))
			break;
		ret = batch_once(work, data, &done, &batch.medians[batch.nr]);
		if (ret)
			return ret;
		batch.ticks[batch.nr] = done.ticks;
		batch.means[batch.nr++] = per_op(&done);
	}
	return 0;
}

bool batch_params_valid(const struct batch_params *params)
{
	if (params->nr > BATCH_MAX || params->us > BATCH_MAX_US)
		return false;
	if (!params->visits)
		return !params->visit;
	return params->visits <= params->nr && params->visit && params->visit <= params->visits;
}

typedef int (*batch_phase)(batch_work work, void *data);

/* Only what the last phase times is kept. */
static int batch_phases(const batch_phase *phases, batch_work work, void *data)
{
	int phase, ret = 0;
	u64 start;

	for (phase = 0; !ret && phase < NR_PHASES; phase++) {
		if (!phases[phase])
			continue;
		extspt_plain_aside(phase != PHASE_MEASURE);
		start = ktime_get_ns();
		ret = phases[phase](work, data);
		batch.spent[phase] += ktime_get_ns() - start;
	}
	extspt_plain_aside(false);
	return ret;
}

int batch_run(const struct batch_params *params, batch_work work, void *data)
{
	static const batch_phase first[NR_PHASES] = {
		[PHASE_CALIBRATE]	= batch_calibrate,
		[PHASE_WARM]		= batch_warm_up,
		[PHASE_DOUBLE]		= batch_double,
		[PHASE_MEASURE]		= batch_measure,
	};
	static const batch_phase again[NR_PHASES] = {
		[PHASE_WARM]		= batch_warm_again,
		[PHASE_MEASURE]		= batch_measure,
	};

	if (params->visit > 1) {
		batch.params.visit = params->visit;
		return batch_phases(again, work, data);
	}
	memset(&batch, 0, sizeof(batch));
	batch.params = *params;
	if (!batch.params.nr)
		return work(data, 1);
	return batch_phases(first, work, data);
}

u64 batch_passes(void)
{
	return batch.params.nr ? batch.nr * batch.passes : 1;
}

static void show_list(struct seq_file *m, const char *name, const u64 *list, unsigned int nr)
{
	unsigned int i;

	seq_printf(m, ",\"%s\":[", name);
	for (i = 0; i < nr; i++)
		seq_printf(m, "%s%llu", i ? "," : "", list[i]);
	seq_putc(m, ']');
}

void batch_show(struct seq_file *m)
{
	if (!batch.nr) {
		seq_puts(m, "null");
		return;
	}
	seq_printf(m, "{\"op\":\"%s\",\"ops\":%llu,\"passes\":%llu,", extspt_op_names[batch.op],
		   batch.ops, batch.passes);
	seq_printf(m, "\"warmed\":%llu,\"warm\":%s,\"doubled\":%llu", batch.warmed,
		   batch.warm ? "true" : "false", batch_doubled());
	show_list(m, "per_op", batch.means, batch.nr);
	show_list(m, "medians", batch.medians, batch.nr);
	show_list(m, "warming", batch.warming, min_t(u64, batch.warmed, BATCH_MAX));
	show_list(m, "spent_ns", batch.spent, NR_PHASES);
	seq_putc(m, '}');
}
