// SPDX-License-Identifier: GPL-2.0-only

#include <linux/ctype.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "lib/batch.h"
#include "lib/compat.h"
#include "lib/identity.h"
#include "lib/mlock.h"
#include "lib/record.h"
#include "seam/seam.h"

#define CLOCK_PAIRS	2000

/* What measuring costs: the clock alone, and all that a timed operation adds. */
static struct series empty_pair;
static struct series timed_op;

static void record_calibrate(void)
{
	u64 outer, inner;
	int i;

	for (i = 0; i < CLOCK_PAIRS; i++) {
		outer = extspt_clock_begin();
		inner = extspt_clock_begin();
		series_add(&empty_pair, extspt_clock_end() - inner);
		series_add(&timed_op, extspt_clock_end() - outer);
	}
}

int record_init(void)
{
	int ret;

	extspt_clock_init();
	ret = series_init(&empty_pair, false);
	if (!ret)
		ret = series_init(&timed_op, false);
	if (!ret)
		record_calibrate();
	return ret;
}

void record_exit(void)
{
	series_destroy(&timed_op);
	series_destroy(&empty_pair);
}

void record_string(struct seq_file *m, const char *s)
{
	seq_putc(m, '"');
	for (; *s; s++)
		seq_putc(m, isprint(*s) && *s != '"' && *s != '\\' ? *s : '?');
	seq_putc(m, '"');
}

static void record_buckets(struct seq_file *m, const struct hist *hist)
{
	const char *separator = "";
	unsigned int i;

	seq_puts(m, "\"buckets\":[");
	for (i = 0; i < HIST_NR; i++) {
		if (!hist->buckets[i])
			continue;
		seq_printf(m, "%s[%llu,%llu,%u]", separator, hist_floor(i), hist_floor(i + 1),
			   hist->buckets[i]);
		separator = ",";
	}
	seq_putc(m, ']');
}

static void record_hist(struct seq_file *m, struct hist *hist)
{
	struct hist_digest digest;

	hist_digest(hist, &digest);
	seq_printf(m, "{\"n\":%llu", digest.n);
	if (digest.n) {
		seq_printf(m, ",\"sum\":%llu,\"min\":%llu,\"max\":%llu,", digest.sum, digest.min,
			   digest.max);
		seq_printf(m, "\"p50\":%llu,\"p90\":%llu,\"p99\":%llu,\"exact\":%s,", digest.p50,
			   digest.p90, digest.p99, digest.exact ? "true" : "false");
		record_buckets(m, hist);
	}
	seq_putc(m, '}');
}

static void record_series(struct seq_file *m, const char *name, const struct series *series)
{
	struct hist *total = series_total(series);

	seq_printf(m, "\"%s\":", name);
	if (total)
		record_hist(m, total);
	else
		seq_puts(m, "null");
	vfree(total);
}

void record_identity(struct seq_file *m)
{
	seq_printf(m, "\"abi\":%d,\"variant\":\"%s\",\"design\":", RECORD_ABI,
		   extspt_identity.variant);
	record_string(m, extspt_identity.design);
}

void record_clock(struct seq_file *m)
{
	seq_printf(m, "\"clock\":{\"source\":\"tsc\",\"khz\":%u,", tsc_khz);
	record_series(m, "empty_pair", &empty_pair);
	seq_putc(m, ',');
	record_series(m, "timed_op", &timed_op);
	seq_putc(m, '}');
}

/* The operation a workload is about comes from the plain pass, its steps from the other. */
void record_ops(struct seq_file *m)
{
	const char *separator = "";
	int op;

	seq_puts(m, "\"ops\":{");
	for (op = 0; op < NR_OPS; op++) {
		seq_puts(m, op ? "," : "");
		record_series(m, extspt_op_names[op], series_n(&extspt_plain[op]) ?
			      &extspt_plain[op] : &extspt_detailed[op]);
	}
	seq_puts(m, "},\"instrumented\":{");
	for (op = 0; op < NR_OPS; op++) {
		if (!series_n(&extspt_plain[op]) || !series_n(&extspt_detailed[op]))
			continue;
		seq_puts(m, separator);
		record_series(m, extspt_op_names[op], &extspt_detailed[op]);
		separator = ",";
	}
	seq_puts(m, "},\"batch\":");
	batch_show(m);
}

void record_locks(struct seq_file *m)
{
	struct mlock_class *class;
	const char *separator = "";

	seq_puts(m, "\"locks\":{");
	list_for_each_entry(class, &extspt_lock_classes, node) {
		seq_printf(m, "%s\"%s\":{\"kind\":\"%s\",\"acquired\":%llu,\"contended\":%llu,",
			   separator, class->name, class->kind, mlock_total_acquired(class),
			   series_n(&class->wait));
		record_series(m, "wait", &class->wait);
		seq_putc(m, ',');
		record_series(m, "hold", &class->hold);
		seq_putc(m, '}');
		separator = ",";
	}
	seq_putc(m, '}');
}

void record_counts(struct seq_file *m)
{
	int count;

	seq_puts(m, "\"counts\":{");
	for (count = 0; count < NR_COUNTS; count++)
		seq_printf(m, "%s\"%s\":%llu", count ? "," : "", extspt_count_names[count],
			   extspt_count_total(count));
	seq_putc(m, '}');
}

void memory_snapshot(struct memory_snapshot *snapshot)
{
	int class, owner;

	for (class = 0; class < NR_CLASSES; class++)
		for (owner = 0; owner < NR_OWNERS; owner++)
			ledger_read(class, owner, &snapshot->lines[class][owner]);
	snapshot->taken = true;
}

void pool_snapshot_free(struct pool_snapshot *snapshot)
{
	kvfree(snapshot->pools);
	*snapshot = (struct pool_snapshot){ };
}

static void record_line(struct seq_file *m, int class, int owner, const struct ledger_line *line)
{
	seq_printf(m, "{\"class\":\"%s\",\"owner\":\"%s\",", extspt_class_names[class],
		   extspt_owner_names[owner]);
	seq_printf(m, "\"allocated\":%llu,\"freed\":%llu,\"live\":%llu,\"peak\":%llu,",
		   line->allocated, line->freed, line->allocated - line->freed, line->peak);
	seq_printf(m, "\"charged\":%llu,\"uncharged\":%llu,\"charged_live\":%llu,",
		   line->charged, line->uncharged, line->charged_live);
	seq_printf(m, "\"atomic_fallback\":%llu,\"cross_freed\":%llu,\"handed_over\":%llu}",
		   line->atomic_fallback, line->cross_freed, line->handed_over);
}

static void record_snapshot(struct seq_file *m, const char *name,
			    const struct memory_snapshot *snapshot)
{
	const char *separator = "";
	int class, owner;

	seq_printf(m, "\"%s\":[", name);
	for (class = 0; snapshot->taken && class < NR_CLASSES; class++) {
		for (owner = 0; owner < NR_OWNERS; owner++) {
			if (!snapshot->lines[class][owner].allocated)
				continue;
			seq_puts(m, separator);
			record_line(m, class, owner, &snapshot->lines[class][owner]);
			separator = ",";
		}
	}
	seq_putc(m, ']');
}

void record_memory(struct seq_file *m, const struct memory_snapshot *run,
		   const struct memory_snapshot *end, const struct pool_snapshot *pools)
{
	const struct page_pool *pool;
	unsigned int i;

	seq_puts(m, "\"memory\":{");
	record_snapshot(m, "run", run);
	seq_putc(m, ',');
	record_snapshot(m, "end", end);
	seq_puts(m, ",\"parked\":[");
	for (i = 0; i < pools->nr; i++) {
		pool = &pools->pools[i];
		seq_printf(m, "%s{\"pool\":\"%s\",\"class\":\"%s\",\"owner\":\"%s\",",
			   i ? "," : "", pool->name, extspt_class_names[pool->class],
			   extspt_owner_names[pool->owner]);
		seq_printf(m, "\"vcpu\":%d,\"pages\":%u,\"peak\":%u}", pool->vcpu, pool->nr,
			   pool->peak);
	}
	seq_puts(m, "]}");
}

struct record_list {
	struct seq_file *m;
	const char *separator;
};

static void record_call(void *ctx, const char *leaf, u64 status, u64 n)
{
	struct record_list *list = ctx;

	seq_printf(list->m, "%s{\"leaf\":\"%s\",\"status\":\"0x%016llx\",\"n\":%llu}",
		   list->separator, leaf, status, n);
	list->separator = ",";
}

static void record_violation(void *ctx, const char *kind, const char *detail)
{
	struct record_list *list = ctx;

	seq_printf(list->m, "%s{\"kind\":\"%s\",\"detail\":", list->separator, kind);
	record_string(list->m, detail);
	seq_putc(list->m, '}');
	list->separator = ",";
}

void record_seam(struct seq_file *m, bool calls)
{
	struct record_list list = { .m = m, .separator = "" };

	seq_puts(m, "\"seam\":{");
	if (calls) {
		seq_puts(m, "\"calls\":[");
		seam_walk_stats(record_call, &list);
		seq_puts(m, "],");
	}
	seq_puts(m, "\"violations\":[");
	list.separator = "";
	seam_walk_violations(record_violation, &list);
	seq_puts(m, "]}");
}
