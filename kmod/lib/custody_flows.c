// SPDX-License-Identifier: GPL-2.0-only

#include <linux/mm.h>
#include <linux/seq_file.h>
#include <linux/string.h>

#include "lib/custody_flows.h"

#define NR_FLOWS	192
#define NR_FAULTS	64
#define NR_HOLES	32

static struct {
	struct custody_flow flow;
	u64 n;
} flows[NR_FLOWS];

static struct {
	struct custody_fault fault;
	u64 n;
} faults[NR_FAULTS];

static struct {
	struct custody_hole hole;
	u64 n;
} holes[NR_HOLES];

/* Rows in use, and what had no row any more. */
static unsigned int nr_flows, nr_faults, nr_holes;
static u64 lost;

static const char * const error_names[NR_CUSTODY_ERRORS] = {
	[CUSTODY_LEAK]			= "leak",
	[CUSTODY_FREED_UNSEEN]		= "freed_unseen",
	[CUSTODY_DOUBLE_FREE]		= "double_free",
	[CUSTODY_FREED_WHILE_CACHED]	= "freed_while_cached",
	[CUSTODY_FREED_WHILE_OWNED]	= "freed_while_owned",
	[CUSTODY_IN_TWO_CACHES]		= "in_two_caches",
	[CUSTODY_TWO_USERS]		= "two_users",
	[CUSTODY_USED_AFTER_FREE]	= "used_after_free",
	[CUSTODY_GIVEN_WHILE_CACHED]	= "given_while_cached",
	[CUSTODY_GIVEN_TWICE]		= "given_twice",
	[CUSTODY_UNKNOWN_PAGE]		= "unknown_page",
	[CUSTODY_WRONG_OWNER]		= "wrong_owner",
	[CUSTODY_NOT_RETURNED]		= "not_returned",
	[CUSTODY_OVERFILL]		= "overfill",
	[CUSTODY_UNDERFLOW]		= "cache_underflow",
};

void custody_flows_reset(void)
{
	nr_flows = 0;
	nr_faults = 0;
	nr_holes = 0;
	lost = 0;
}

static bool same_flow(const struct custody_flow *a, const struct custody_flow *b)
{
	return a->pool == b->pool && a->alloc == b->alloc && a->free == b->free &&
	       a->gfp == b->gfp && a->class == b->class && a->owner == b->owner &&
	       a->freer == b->freer && a->alloc_path == b->alloc_path && a->path == b->path &&
	       a->free_path == b->free_path && a->handed_over == b->handed_over &&
	       a->module == b->module;
}

void custody_flow_add(const struct custody_flow *flow)
{
	unsigned int i;

	for (i = 0; i < nr_flows; i++)
		if (same_flow(&flows[i].flow, flow))
			break;
	if (i == NR_FLOWS) {
		lost++;
		return;
	}
	if (i == nr_flows) {
		flows[nr_flows++].flow = *flow;
		flows[i].n = 0;
	}
	flows[i].n++;
}

void custody_fault_add(enum custody_error kind, u8 class, const char *alloc, const char *free,
		       u64 n)
{
	unsigned int i;

	for (i = 0; i < nr_faults; i++)
		if (faults[i].fault.kind == kind && faults[i].fault.class == class &&
		    faults[i].fault.alloc == alloc && faults[i].fault.free == free)
			break;
	if (i == NR_FAULTS) {
		lost++;
		return;
	}
	if (i == nr_faults) {
		faults[nr_faults++].fault = (struct custody_fault){ alloc, free, kind, class };
		faults[i].n = 0;
	}
	faults[i].n += n;
}

static unsigned int find_hole(const struct custody_hole *hole)
{
	unsigned int i;

	for (i = 0; i < nr_holes; i++)
		if (holes[i].hole.pool == hole->pool && holes[i].hole.alloc == hole->alloc &&
		    holes[i].hole.gfp == hole->gfp && holes[i].hole.class == hole->class &&
		    holes[i].hole.owner == hole->owner && holes[i].hole.path == hole->path)
			break;
	return i;
}

void custody_hole_filled(const struct custody_hole *hole)
{
	struct custody_hole unfilled = *hole;
	unsigned int i;

	unfilled.alloc = NULL;
	unfilled.gfp = 0;
	i = find_hole(&unfilled);
	if (i < nr_holes && holes[i].n)
		holes[i].n--;
	custody_hole_add(hole);
}

void custody_hole_add(const struct custody_hole *hole)
{
	unsigned int i = find_hole(hole);

	if (i == NR_HOLES) {
		lost++;
		return;
	}
	if (i == nr_holes) {
		holes[nr_holes++].hole = *hole;
		holes[i].n = 0;
	}
	holes[i].n++;
}

u64 custody_faults(void)
{
	unsigned int i;
	u64 n = 0;

	for (i = 0; i < nr_faults; i++)
		n += faults[i].n;
	return n;
}

static const char *class_name(u8 class)
{
	return class == CLASS_OBJECT ? "object" : extspt_class_names[class];
}

/* A name, or null. */
static void show_name(struct seq_file *m, const char *key, const char *name)
{
	if (name)
		seq_printf(m, "\"%s\":\"%s\",", key, name);
	else
		seq_printf(m, "\"%s\":null,", key);
}

static void show_bool(struct seq_file *m, const char *key, bool value)
{
	seq_printf(m, "\"%s\":%s,", key, value ? "true" : "false");
}

static void show_gfp(struct seq_file *m, gfp_t gfp)
{
	show_bool(m, "charged", gfp & __GFP_ACCOUNT);
	seq_printf(m, "\"gfp\":\"%pGg\",", &gfp);
}

static void show_flow(struct seq_file *m, const struct custody_flow *flow, u64 n)
{
	const char *freer = flow->freer == OWNER_NONE ? NULL : extspt_owner_names[flow->freer];

	seq_printf(m, "{\"class\":\"%s\",\"path\":\"%s\",", class_name(flow->class),
		   extspt_path_names[flow->path]);
	seq_printf(m, "\"alloc_path\":\"%s\",", extspt_path_names[flow->alloc_path]);
	show_name(m, "free_path", freer ? extspt_path_names[flow->free_path] : NULL);
	show_name(m, "pool", flow->pool);
	show_name(m, "alloc", flow->alloc);
	show_name(m, "alloc_owner", extspt_owner_names[flow->owner]);
	show_gfp(m, flow->gfp);
	show_name(m, "free", flow->free);
	show_name(m, "free_owner", freer);
	show_bool(m, "handed_over", flow->handed_over);
	show_bool(m, "module", flow->module);
	seq_printf(m, "\"n\":%llu}", n);
}

static void show_fault(struct seq_file *m, const struct custody_fault *fault, u64 n)
{
	seq_printf(m, "{\"kind\":\"%s\",\"class\":\"%s\",", error_names[fault->kind],
		   class_name(fault->class));
	show_name(m, "alloc", fault->alloc);
	show_name(m, "free", fault->free);
	seq_printf(m, "\"n\":%llu}", n);
}

static void show_hole(struct seq_file *m, const struct custody_hole *hole, u64 n)
{
	seq_puts(m, "{");
	show_name(m, "pool", hole->pool);
	seq_printf(m, "\"owner\":\"%s\",\"class\":\"%s\",\"path\":\"%s\",",
		   extspt_owner_names[hole->owner], class_name(hole->class),
		   extspt_path_names[hole->path]);
	show_name(m, "alloc", hole->alloc);
	if (hole->alloc)
		show_gfp(m, hole->gfp);
	seq_printf(m, "\"n\":%llu}", n);
}

void custody_show(struct seq_file *m)
{
	const char *separator = "";
	unsigned int i;

	seq_puts(m, "\"custody\":{\"flows\":[");
	for (i = 0; i < nr_flows; i++) {
		seq_puts(m, i ? "," : "");
		show_flow(m, &flows[i].flow, flows[i].n);
	}
	seq_puts(m, "],\"empty\":[");
	for (i = 0; i < nr_holes; i++) {
		if (!holes[i].n)
			continue;
		seq_puts(m, separator);
		show_hole(m, &holes[i].hole, holes[i].n);
		separator = ",";
	}
	seq_puts(m, "],\"errors\":[");
	for (i = 0; i < nr_faults; i++) {
		seq_puts(m, i ? "," : "");
		show_fault(m, &faults[i].fault, faults[i].n);
	}
	seq_printf(m, "],\"lost\":%llu}", lost);
}
