// SPDX-License-Identifier: GPL-2.0-only
/* MEM.RANGE.BLOCK, MEM.RANGE.UNBLOCK, MEM.TRACK, MEM.SEPT.RD. */
#include "leaves.h"

/* State before, blocked state; blocking and unblocking go along these pairs. */
static const u8 blocked_forms[][2] = {
	{ ST_NL_MAPPED, ST_NL_BLOCKED },
	{ ST_MAPPED, ST_BLOCKED },
	{ ST_PENDING, ST_PENDING_BLOCKED },
	{ ST_BLOCKEDW, ST_BLOCKED },
	{ ST_PENDING_BLOCKEDW, ST_PENDING_BLOCKED },
};

/* State reached from @state, or ST_FREE. */
static u8 to_blocked(u8 state)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(blocked_forms); i++)
		if (blocked_forms[i][0] == state)
			return blocked_forms[i][1];
	return ST_FREE;
}

static u8 from_blocked(u8 state)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(blocked_forms); i++)
		if (blocked_forms[i][1] == state)
			return blocked_forms[i][0];
	return ST_FREE;
}

/* The PAMT entry that carries BEPOCH: the page's, or for a table the table page's. */
static struct seam_pamt *epoch_of(struct seam_call *call, u64 entry)
{
	bool table = sept_is_table(sept_state(entry));

	return seam_pamt_at(sept_pa(entry), table ? SEAM_LEVEL_4K : call->level);
}

u64 seam_mem_range_block(struct seam_call *call)
{
	u64 status, entry;
	u8 state, blocked;

	status = seam_gpa_operand(call, SEAM_LEVEL_4K, SEAM_ROOT_LEVEL);
	if (!status)
		status = seam_sept_enter(call, HOLD_EXCLUSIVE);
	if (status)
		return status;

	entry = READ_ONCE(*call->walk.entry);
	state = sept_state(entry);
	if (from_blocked(state))
		return seam_sept_fail(call, SEAM_GPA_RANGE_ALREADY_BLOCKED | SEAM_OP_RCX);
	blocked = to_blocked(state);
	if (!blocked)
		return seam_sept_fail(call, SEAM_EPT_ENTRY_STATE_INCORRECT | SEAM_OP_RCX);

	epoch_of(call, entry)->bepoch = READ_ONCE(call->td->epoch);
	seam_sept_set(call->walk.entry, blocked, sept_pa(entry));
	return SEAM_SUCCESS;
}

u64 seam_mem_range_unblock(struct seam_call *call)
{
	u64 status, entry;
	u8 state;

	status = seam_gpa_operand(call, SEAM_LEVEL_4K, SEAM_ROOT_LEVEL);
	if (!status)
		status = seam_sept_enter(call, HOLD_EXCLUSIVE);
	if (status)
		return status;

	entry = READ_ONCE(*call->walk.entry);
	state = from_blocked(sept_state(entry));
	if (!state)
		return seam_sept_fail(call, SEAM_EPT_ENTRY_STATE_INCORRECT | SEAM_OP_RCX);
	if (seam_tracking_required(call->td) &&
	    !seam_tracked(call->td, epoch_of(call, entry)->bepoch))
		return SEAM_TLB_TRACKING_NOT_DONE |
		       (seam.traits->unblock_names_gpa ? SEAM_OP_RCX : SEAM_OP_SEPT_TREE);

	seam_sept_set(call->walk.entry, state, sept_pa(entry));
	return SEAM_SUCCESS;
}

u64 seam_mem_track(struct seam_call *call)
{
	struct seam_td *td = call->td;
	u64 epoch;

	if (seam_refused(call) || !seam_hold(call, &td->epoch_lock, HOLD_EXCLUSIVE))
		return SEAM_OPERAND_BUSY | SEAM_OP_TD_EPOCH;
	epoch = READ_ONCE(td->epoch);
	if (atomic_read(&td->entered[(epoch & 1) ^ 1]))
		return SEAM_PREVIOUS_TLB_EPOCH_BUSY;
	WRITE_ONCE(td->epoch, epoch + 1);
	return SEAM_SUCCESS;
}

u64 seam_mem_sept_rd(struct seam_call *call)
{
	u64 status;

	status = seam_gpa_operand(call, SEAM_LEVEL_4K, SEAM_ROOT_LEVEL);
	if (!status)
		status = seam_sept_enter(call, HOLD_SHARED);
	if (!status)
		seam_sept_details(call);
	return status;
}
