// SPDX-License-Identifier: GPL-2.0-only
/* Taking pages back from a live TD: MEM.PAGE.REMOVE, MEM.SEPT.REMOVE. */
#include "leaves.h"

#define LEAF_STATES	(ST_BIT(ST_MAPPED) | ST_BIT(ST_PENDING) | ST_BIT(ST_BLOCKED) | \
			 ST_BIT(ST_PENDING_BLOCKED) | ST_BIT(ST_BLOCKEDW) | \
			 ST_BIT(ST_PENDING_BLOCKEDW))
#define TABLE_STATES	(ST_BIT(ST_NL_MAPPED) | ST_BIT(ST_NL_BLOCKED))
#define BLOCKED_STATES	(ST_BIT(ST_BLOCKED) | ST_BIT(ST_PENDING_BLOCKED) | ST_BIT(ST_NL_BLOCKED))

/* No translation may be left: blocked, then tracked. Not asked in the build phase. */
u64 seam_check_tracked(struct seam_call *call, const struct seam_pamt *pamt)
{
	u8 state = sept_state(READ_ONCE(*call->walk.entry));

	if (!seam_tracking_required(call->td))
		return SEAM_SUCCESS;
	if (!sept_state_in(state, BLOCKED_STATES))
		return seam_sept_fail(call, SEAM_GPA_RANGE_NOT_BLOCKED | SEAM_OP_RCX);
	if (!seam_tracked(call->td, pamt->bepoch))
		return SEAM_TLB_TRACKING_NOT_DONE | SEAM_OP_RCX;
	return SEAM_SUCCESS;
}

/* During an import the entry remembers that a page was here. */
static u8 removed_state(const struct seam_td *td)
{
	return td->op_state == OS_POST_IMPORT || td->op_state == OS_LIVE_IMPORT ?
	       ST_REMOVED : ST_FREE;
}

u64 seam_mem_page_remove(struct seam_call *call)
{
	struct seam_pamt *pamt;
	u64 status, entry, pa;

	status = seam_gpa_operand(call, SEAM_LEVEL_4K, SEAM_LEVEL_1G);
	if (!status)
		status = seam_sept_enter(call, HOLD_SHARED);
	if (status)
		return status;
	entry = READ_ONCE(*call->walk.entry);
	if (!sept_state_in(sept_state(entry), LEAF_STATES))
		return seam_sept_fail(call, SEAM_EPT_ENTRY_STATE_INCORRECT | SEAM_OP_RCX);

	pa = sept_pa(entry);
	pamt = seam_pamt_at(pa, call->level);
	if (!seam_hold(call, &pamt->lock, HOLD_EXCLUSIVE))
		return SEAM_OPERAND_BUSY | SEAM_OP_RCX;
	if (call->level == SEAM_LEVEL_4K)
		seam_hold_removal(call, seam_region_of(pa));
	status = seam_check_tracked(call, pamt);
	if (status)
		return status;

	call->out->rcx = pa;
	if (call->level == SEAM_LEVEL_2M)
		seam_release_region(call, seam_region_of(pa), pa);
	else if (seam_release_page(call, pamt, pa))
		call->out->rcx |= SEAM_HINT_PAIR_UNUSED;
	seam_custody_return(call, pamt, pa, true);
	atomic64_sub(1LL << (call->level * SEAM_REGION_SHIFT), &call->td->children);
	seam_sept_set(call->walk.entry, removed_state(call->td), 0);
	return SEAM_SUCCESS;
}

static bool table_is_free(const struct seam_table *table)
{
	unsigned int i;

	for (i = 0; i < SEAM_TABLE_ENTRIES; i++)
		if (sept_state(READ_ONCE(table->entry[i])) != ST_FREE)
			return false;
	return true;
}

u64 seam_mem_sept_remove(struct seam_call *call)
{
	struct seam_pamt *pamt;
	u64 status, entry, pa;

	status = seam_gpa_operand(call, 1, SEAM_ROOT_LEVEL);
	if (!status)
		status = seam_sept_enter(call, HOLD_EXCLUSIVE);
	if (status)
		return status;
	entry = READ_ONCE(*call->walk.entry);
	if (!sept_state_in(sept_state(entry), TABLE_STATES))
		return seam_sept_fail(call, SEAM_EPT_ENTRY_STATE_INCORRECT | SEAM_OP_RCX);

	pa = sept_pa(entry);
	pamt = seam_pamt_of(pa);
	if (!seam_hold(call, &pamt->lock, HOLD_EXCLUSIVE))
		return SEAM_OPERAND_BUSY | SEAM_OP_RCX;
	seam_hold_removal(call, seam_region_of(pa));
	status = seam_check_tracked(call, pamt);
	if (status)
		return status;
	if (!table_is_free(&seam.tables[pamt->object]))
		return seam_sept_fail(call, SEAM_EPT_PAGE_NOT_FREE | SEAM_OP_RCX);

	seam_table_free(pamt->object);
	call->out->rcx = pa;
	if (seam_release_page(call, pamt, pa))
		call->out->rcx |= SEAM_HINT_PAIR_UNUSED;
	seam_custody_return(call, pamt, pa, true);
	atomic64_sub(1, &call->td->children);
	seam_sept_set(call->walk.entry, ST_FREE, 0);
	return SEAM_SUCCESS;
}
