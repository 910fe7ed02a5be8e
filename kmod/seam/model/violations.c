// SPDX-License-Identifier: GPL-2.0-only
/*
 * Custody of the caller's pages, and what the real module would not notice:
 * there the machine breaks later, here a violation is logged and the run fails.
 */
#include "call.h"

#define NR_LOGGED	64

static struct seam_violation violations[NR_LOGGED];
static u8 published[NR_LOGGED];
static atomic_t nr_violations;

static const char *const kind_names[SEAM_NR_VIOLATION_KINDS] = {
	[SEAM_FREED_WHILE_OWNED] = "freed-while-owned",
	[SEAM_TOUCHED_WHILE_OWNED] = "touched-while-owned",
	[SEAM_NOT_FLUSHED] = "not-flushed",
	[SEAM_NOT_WRITTEN_BACK] = "not-written-back",
	[SEAM_LEAK] = "leak",
	[SEAM_PAMT_REMOVE_OVERLAP] = "pamt-remove-overlap",
	[SEAM_MODULE_HALT] = "module-halt",
	[SEAM_MODEL_LIMIT] = "model-limit",
};

/* The page and what goes with it. */
static const char *const info_formats[SEAM_NR_VIOLATION_KINDS] = {
	[SEAM_FREED_WHILE_OWNED] = "page 0x%llx",
	[SEAM_TOUCHED_WHILE_OWNED] = "page 0x%llx at offset %llu",
	[SEAM_NOT_FLUSHED] = "page 0x%llx",
	[SEAM_NOT_WRITTEN_BACK] = "page 0x%llx",
	[SEAM_LEAK] = "page 0x%llx, %llu pages in all",
	[SEAM_PAMT_REMOVE_OVERLAP] = "2M region 0x%llx",
	[SEAM_MODULE_HALT] = "page 0x%llx",
	[SEAM_MODEL_LIMIT] = "page 0x%llx",
};

const char *seam_violation_name(enum seam_violation_kind kind)
{
	return kind_names[kind];
}

void seam_reset_violations(void)
{
	memset(published, 0, sizeof(published));
	atomic_set(&nr_violations, 0);
}

unsigned int seam_nr_violations(void)
{
	return atomic_read(&nr_violations);
}

void seam_violate(const struct seam_violation *violation)
{
	unsigned int i = atomic_inc_return(&nr_violations) - 1;

	if (i >= NR_LOGGED)
		return;
	violations[i] = *violation;
	/* Pairs with the load in seam_walk_violations(): the entry is complete. */
	smp_store_release(&published[i], (u8)1);
}

/* TDR of the TD that owns @pa, or SEAM_NULL_PA. */
u64 seam_tdr_of(const struct seam_pamt *pamt, u64 pa)
{
	u8 type = READ_ONCE(pamt->type);

	if (type == PT_TDR)
		return pa;
	if (type == PT_NDA || type == PT_PAMT)
		return SEAM_NULL_PA;
	return (u64)READ_ONCE(pamt->owner) << SEAM_PAGE_SHIFT;
}

/* @owner: PAMT entry that says who had the page; @call: who offends. */
void seam_violate_call(struct seam_call *call, enum seam_violation_kind kind, u64 pa,
		       const struct seam_pamt *owner, u64 info)
{
	struct seam_violation v = {
		.kind = kind,
		.pa = pa,
		.owner = owner ? seam_tdr_of(owner, pa) : SEAM_NULL_PA,
		.other = call->td ? (u64)call->td->tdr << SEAM_PAGE_SHIFT : SEAM_NULL_PA,
		.owner_leaf = owner ? seam_row_names[owner->row] : NULL,
		.other_leaf = seam_row_names[call->row],
		.owner_site = owner ? owner->site : 0,
		.other_site = call->site,
		.info = info,
	};

	seam_violate(&v);
}

void seam_violate_overlap(struct seam_call *call, struct seam_region *region, u64 pa)
{
	struct seam_violation v = {
		.kind = SEAM_PAMT_REMOVE_OVERLAP,
		.pa = pa,
		.owner = SEAM_NULL_PA,
		.other = SEAM_NULL_PA,
		.owner_leaf = seam_row_names[READ_ONCE(region->removal_row)],
		.other_leaf = seam_row_names[call->row],
		.owner_site = READ_ONCE(region->removal_site),
		.other_site = call->site,
	};

	seam_violate(&v);
}

/* The module stops itself; no call is answered any more. */
u64 seam_halt(struct seam_call *call, u64 pa)
{
	seam_violate_call(call, SEAM_MODULE_HALT, pa, NULL, 0);
	atomic_set(&seam.halted, 1);
	return SEAM_SW_HALTED;
}

/* The model is smaller than the run: not a status of the module. */
u64 seam_limit(struct seam_call *call, u64 pa)
{
	seam_violate_call(call, SEAM_MODEL_LIMIT, pa, NULL, 0);
	return SEAM_SW_MODEL_LIMIT;
}

/* One side: leaf or host, TD, caller. Nothing when nothing is known. */
static int format_party(char *buf, size_t size, const char *role, const char *leaf, u64 tdr,
			unsigned long site)
{
	int n;

	if (!leaf && !site)
		return 0;
	n = scnprintf(buf, size, "%s%s", role, leaf ? leaf : "the host");
	if (tdr != SEAM_NULL_PA)
		n += scnprintf(buf + n, size - n, " of TD 0x%llx", tdr);
	if (site)
		n += scnprintf(buf + n, size - n, " from " SEAM_SITE_FORMAT, (void *)site);
	return n;
}

void seam_walk_violations(void (*fn)(void *ctx, const char *kind, const char *detail), void *ctx)
{
	unsigned int i;

	for (i = 0; i < NR_LOGGED; i++) {
		const struct seam_violation *v = &violations[i];
		char detail[256];
		int n;

		/* Pairs with the store in seam_violate(). */
		if (!smp_load_acquire(&published[i]))
			continue;
		n = scnprintf(detail, sizeof(detail), info_formats[v->kind], v->pa, v->info);
		n += format_party(detail + n, sizeof(detail) - n, " had by ", v->owner_leaf,
				  v->owner, v->owner_site);
		format_party(detail + n, sizeof(detail) - n, ", now ", v->other_leaf, v->other,
			     v->other_site);
		fn(ctx, kind_names[v->kind], detail);
	}
}
