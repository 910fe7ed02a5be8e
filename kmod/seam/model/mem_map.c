// SPDX-License-Identifier: GPL-2.0-only
/* Giving pages to a TD: MEM.SEPT.ADD, MEM.PAGE.ADD, MEM.PAGE.AUG. */
#include "leaves.h"

static u64 add_table(struct seam_call *call)
{
	struct seam_td *td = call->td;
	struct seam_pamt *pamt;
	u64 status;
	u32 table;

	status = seam_get_free_page(call, call->in.r8, SEAM_OP_R8, &pamt);
	if (status)
		return status;
	table = seam_table_alloc();
	if (table == SEAM_NONE)
		return seam_limit(call, call->in.r8);

	seam_assign_page(call, pamt, call->in.r8, PT_EPT, td->tdr, table);
	atomic64_add(1, &td->children);
	seam_sept_set(call->walk.entry, ST_NL_MAPPED, call->in.r8);
	return SEAM_SUCCESS;
}

/*
 * Version 1 takes a null page for "the table is there", and says in R8 what
 * became of a page: null when it was taken, bit 63 when it was not.
 */
u64 seam_mem_sept_add(struct seam_call *call)
{
	bool allowed = call->in.rdx & SEAM_SEPT_ADD_ALLOW_EXISTING;
	bool null = call->in.r8 == SEAM_NULL_PA;
	u64 status;
	u8 state;

	status = seam_gpa_operand(call, 1, SEAM_ROOT_LEVEL);
	if (!status)
		status = seam_sept_enter(call, HOLD_SHARED);
	if (status)
		return status;
	if (null && !call->version)
		return SEAM_OPERAND_INVALID | SEAM_OP_R8;

	state = sept_state(READ_ONCE(*call->walk.entry));
	if (state == ST_NL_MAPPED && (null || allowed)) {
		if (call->version && !null)
			call->out->r8 |= SEAM_PAGE_NOT_TAKEN;
		return SEAM_SUCCESS;
	}
	if (state != ST_FREE || null)
		return seam_sept_fail(call, SEAM_EPT_ENTRY_STATE_INCORRECT | SEAM_OP_RCX);
	status = add_table(call);
	if (!status && call->version)
		call->out->r8 = SEAM_NULL_PA;
	return status;
}

/*
 * Build phase only. The TDR exclusive is the only lock of the TD it takes, so
 * it meets neither tree nor entry locks.
 */
u64 seam_mem_page_add(struct seam_call *call)
{
	struct seam_td *td = call->td;
	struct seam_pamt *pamt;
	u64 status, entry;

	status = seam_gpa_operand(call, SEAM_LEVEL_4K, SEAM_LEVEL_4K);
	if (!status)
		status = seam_sept_walk(call);
	if (status)
		return status;
	entry = READ_ONCE(*call->walk.entry);
	if (sept_state(entry) != ST_FREE)
		return seam_sept_fail(call, SEAM_EPT_ENTRY_STATE_INCORRECT | SEAM_OP_RCX);
	if (entry & SEPT_LOCK)
		return seam_halt(call, call->in.r8);
	/* The source is read with a shared key. */
	if (call->in.r9 & ~((SEAM_PA_MASK | SEAM_HKID_MASK) & ~BIT_ULL(51)))
		return SEAM_OPERAND_INVALID | SEAM_OP_R9;
	status = seam_get_free_page(call, call->in.r8, SEAM_OP_R8, &pamt);
	if (status)
		return status;

	seam_assign_page(call, pamt, call->in.r8, PT_REG, td->tdr, SEAM_NONE);
	atomic64_add(1, &td->children);
	seam_sept_set(call->walk.entry, ST_MAPPED, call->in.r8);
	return SEAM_SUCCESS;
}

static u64 aug_4k(struct seam_call *call)
{
	struct seam_pamt *pamt;
	u64 status;

	status = seam_get_free_page(call, call->in.r8, SEAM_OP_R8, &pamt);
	if (status)
		return status;
	seam_assign_page(call, pamt, call->in.r8, PT_REG, call->td->tdr, SEAM_NONE);
	atomic64_add(1, &call->td->children);
	return SEAM_SUCCESS;
}

static u64 aug_2m(struct seam_call *call)
{
	struct seam_region *region;
	u64 status;

	status = seam_get_free_region(call, call->in.r8, SEAM_OP_R8, &region);
	if (status)
		return status;
	seam_assign_region(call, region, call->in.r8, call->td->tdr);
	atomic64_add(SEAM_REGION_PAGES, &call->td->children);
	return SEAM_SUCCESS;
}

u64 seam_mem_page_aug(struct seam_call *call)
{
	u64 status;
	u8 state;

	status = seam_gpa_operand(call, SEAM_LEVEL_4K, SEAM_LEVEL_2M);
	if (!status) {
		if (call->level == SEAM_LEVEL_2M)
			call->row = ROW_AUG_2M;
		status = seam_sept_enter(call, HOLD_SHARED);
	}
	if (status)
		return status;
	state = sept_state(READ_ONCE(*call->walk.entry));
	if (state != ST_FREE && state != ST_REMOVED)
		return seam_sept_fail(call, SEAM_EPT_ENTRY_STATE_INCORRECT | SEAM_OP_RCX);

	status = call->level == SEAM_LEVEL_2M ? aug_2m(call) : aug_4k(call);
	if (!status)
		seam_sept_set(call->walk.entry, ST_PENDING, call->in.r8);
	return status;
}
