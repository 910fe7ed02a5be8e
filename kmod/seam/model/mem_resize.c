// SPDX-License-Identifier: GPL-2.0-only
/* MEM.PAGE.DEMOTE and MEM.PAGE.PROMOTE between 2M and 4K. */
#include "leaves.h"

#define DEMOTE_STATES	(ST_BIT(ST_MAPPED) | ST_BIT(ST_PENDING) | ST_BIT(ST_BLOCKED) | \
			 ST_BIT(ST_PENDING_BLOCKED))
#define PROMOTE_STATES	(ST_BIT(ST_NL_MAPPED) | ST_BIT(ST_NL_BLOCKED))

static const u8 demote_pair[] = { SEAM_OP_R12, SEAM_OP_R13 };

/* Nothing done yet: the caller finds its operands again and repeats the call. */
static u64 check_interrupted(struct seam_call *call)
{
	u64 status = SEAM_SUCCESS;

	if (seam_event_happens(SEAM_EVENT_INTERRUPT))
		status = SEAM_INTERRUPTED_RESTARTABLE;
	else if (seam.traits->tree_priority && seam_tree_contended(call->td))
		status = SEAM_INTERRUPTED_BUSY;
	if (status) {
		call->out->rcx = call->in.rcx;
		call->out->rdx = call->in.rdx;
	}
	return status;
}

/* The 2M PAMT entry exclusive, as a walk to it would take it. */
static u64 lock_large_page(struct seam_call *call, u64 pa)
{
	if (!seam_hold(call, &seam_gig_of(pa)->lock, HOLD_SHARED) ||
	    !seam_hold(call, &seam_region_of(pa)->pamt.lock, HOLD_EXCLUSIVE))
		return SEAM_OPERAND_BUSY | SEAM_OP_RCX;
	return SEAM_SUCCESS;
}

/* From one 2M PAMT entry to 512 4K entries. */
static u64 split_pamt(struct seam_call *call, u64 pa)
{
	u64 pair[2] = { call->in.r12, call->in.r13 };
	struct seam_region *region = seam_region_of(pa);
	struct seam_pamt *pages = seam_pamt_of(pa);
	u64 status = lock_large_page(call, pa);
	unsigned int i;

	if (!status && seam_is_dpamt()) {
		status = seam_check_pair(pair, demote_pair);
		if (!status)
			status = seam_take_pair(call, NULL, pair, demote_pair);
	}
	if (status)
		return status;

	for (i = 0; i < SEAM_REGION_PAGES; i++) {
		WRITE_ONCE(pages[i].owner, call->td->tdr);
		pages[i].bepoch = 0;
		pages[i].row = region->pamt.row;
		pages[i].site = region->pamt.site;
		WRITE_ONCE(pages[i].type, PT_REG);
	}
	atomic_set(&region->used, SEAM_REGION_PAGES);
	WRITE_ONCE(region->pamt.owner, 0);
	if (seam_is_dpamt())
		seam_install_pair(call, region, pair);
	else
		WRITE_ONCE(region->pamt.type, PT_NDA);
	return SEAM_SUCCESS;
}

static void fill_children(struct seam_table *table, u8 state, u64 pa)
{
	unsigned int i;

	for (i = 0; i < SEAM_TABLE_ENTRIES; i++)
		WRITE_ONCE(table->entry[i], (pa + i * SEAM_PAGE_SIZE) | state);
}

static u64 demote(struct seam_call *call, u64 entry)
{
	u8 state = sept_state(entry);
	u64 pa = sept_pa(entry);
	struct seam_pamt *pamt;
	u64 status;
	u32 table;

	status = seam_get_free_page(call, call->in.r8, SEAM_OP_R8, &pamt);
	if (!status)
		status = check_interrupted(call);
	if (status)
		return status;
	table = seam_table_alloc();
	if (table == SEAM_NONE)
		return seam_limit(call, call->in.r8);
	status = split_pamt(call, pa);
	if (status) {
		seam_table_free(table);
		return status;
	}

	if (state == ST_BLOCKED || state == ST_MAPPED)
		state = ST_MAPPED;
	else
		state = ST_PENDING;
	fill_children(&seam.tables[table], state, pa);
	seam_assign_page(call, pamt, call->in.r8, PT_EPT, call->td->tdr, table);
	atomic64_add(1, &call->td->children);
	seam_sept_set(call->walk.entry, ST_NL_MAPPED, call->in.r8);
	return SEAM_SUCCESS;
}

u64 seam_mem_page_demote(struct seam_call *call)
{
	u64 status, entry;

	status = seam_gpa_operand(call, SEAM_LEVEL_2M, SEAM_LEVEL_1G);
	if (!status)
		status = seam_sept_enter(call, HOLD_SHARED);
	if (status)
		return status;
	entry = READ_ONCE(*call->walk.entry);
	if (!sept_state_in(sept_state(entry), DEMOTE_STATES))
		return seam_sept_fail(call, SEAM_EPT_ENTRY_STATE_INCORRECT | SEAM_OP_RCX);
	status = seam_check_tracked(call, seam_pamt_at(sept_pa(entry), call->level));
	if (status)
		return status;
	return demote(call, entry);
}

/* All 512 in one state, one contiguous aligned run of pages; @ignore: lock bits not looked at. */
static bool can_promote(const struct seam_table *table, u64 ignore)
{
	u64 first = READ_ONCE(table->entry[0]) & ~ignore;
	u8 state = sept_state(first);
	unsigned int i;

	if (state != ST_MAPPED && state != ST_PENDING)
		return false;
	if (sept_pa(first) & ((SEAM_PAGE_SIZE << SEAM_REGION_SHIFT) - 1))
		return false;
	if (first & SEPT_LOCK)
		return false;
	for (i = 0; i < SEAM_TABLE_ENTRIES; i++)
		if ((READ_ONCE(table->entry[i]) & ~ignore) != first + i * SEAM_PAGE_SIZE)
			return false;
	return true;
}

static void unlock_children(struct seam_table *table, unsigned int nr)
{
	while (nr--)
		seam_entry_unlock(&table->entry[nr]);
}

static bool lock_children(struct seam_table *table)
{
	unsigned int i;

	for (i = 0; i < SEAM_TABLE_ENTRIES; i++) {
		if (seam_entry_trylock(&table->entry[i]))
			continue;
		unlock_children(table, i);
		return false;
	}
	return true;
}

/*
 * Under a shared tree the children are locked one by one, under an exclusive
 * one only a guest can hold one, and then it is unfit.
 * On success the children stay locked; they end with their table.
 */
static u64 check_children(struct seam_call *call, struct seam_table *table)
{
	if (seam.traits->promote_exclusive) {
		if (can_promote(table, SEPT_HOST_PRIORITY))
			return SEAM_SUCCESS;
		return seam_sept_fail(call, SEAM_EPT_INVALID_PROMOTE | SEAM_OP_RCX);
	}
	if (!lock_children(table))
		return seam_sept_fail(call, SEAM_OPERAND_BUSY | SEAM_OP_RCX);
	if (can_promote(table, SEPT_HOST_PRIORITY | SEPT_LOCK))
		return SEAM_SUCCESS;
	unlock_children(table, SEAM_TABLE_ENTRIES);
	return seam_sept_fail(call, SEAM_EPT_INVALID_PROMOTE | SEAM_OP_RCX);
}

/* From 512 4K entries to one 2M entry. */
static void merge_pamt(struct seam_call *call, u64 pa)
{
	struct seam_region *region = seam_region_of(pa);
	struct seam_pamt *pages = seam_pamt_of(pa);
	u64 pair[2];
	unsigned int i;

	for (i = 0; i < SEAM_REGION_PAGES; i++) {
		WRITE_ONCE(pages[i].type, PT_NDA);
		WRITE_ONCE(pages[i].owner, 0);
	}
	atomic_set(&region->used, 0);
	region->pamt.bepoch = 0;
	region->pamt.row = pages[0].row;
	region->pamt.site = pages[0].site;
	WRITE_ONCE(region->pamt.owner, call->td->tdr);
	if (seam_is_dpamt()) {
		seam_remove_pair(call, region, pair);
		call->out->r12 = pair[0];
		call->out->r13 = pair[1];
	}
	WRITE_ONCE(region->pamt.type, PT_REG);
}

static u64 promote(struct seam_call *call, struct seam_pamt *pamt, struct seam_table *table)
{
	u64 table_pa = sept_pa(READ_ONCE(*call->walk.entry));
	u64 status = check_children(call, table);
	u64 first, pa;

	if (status)
		return status;
	first = READ_ONCE(table->entry[0]);
	pa = sept_pa(first);
	/* As in DEMOTE: after the long loop, before anything is changed. */
	status = check_interrupted(call);
	if (!status)
		status = lock_large_page(call, pa);
	if (status) {
		if (!seam.traits->promote_exclusive)
			unlock_children(table, SEAM_TABLE_ENTRIES);
		return status;
	}

	merge_pamt(call, pa);
	seam_table_free(pamt->object);
	call->out->rcx = table_pa;
	if (seam_release_page(call, pamt, table_pa))
		call->out->rcx |= SEAM_HINT_PAIR_UNUSED;
	seam_custody_return(call, pamt, table_pa, true);
	atomic64_sub(1, &call->td->children);
	seam_sept_set(call->walk.entry, sept_state(first), pa);
	return SEAM_SUCCESS;
}

u64 seam_mem_page_promote(struct seam_call *call)
{
	struct seam_pamt *pamt;
	struct seam_table *table;
	u64 status, entry;

	status = seam_gpa_operand(call, SEAM_LEVEL_2M, SEAM_LEVEL_1G);
	if (!status)
		status = seam_sept_enter(call, seam.traits->promote_exclusive ?
					 HOLD_EXCLUSIVE : HOLD_SHARED);
	if (status)
		return status;
	entry = READ_ONCE(*call->walk.entry);
	if (!sept_state_in(sept_state(entry), PROMOTE_STATES))
		return seam_sept_fail(call, SEAM_EPT_ENTRY_STATE_INCORRECT | SEAM_OP_RCX);
	pamt = seam_pamt_of(sept_pa(entry));
	if (!seam_hold(call, &pamt->lock, HOLD_EXCLUSIVE))
		return SEAM_OPERAND_BUSY | SEAM_OP_RCX;
	status = seam_check_tracked(call, pamt);
	if (status)
		return status;

	table = &seam.tables[pamt->object];
	return promote(call, pamt, table);
}
