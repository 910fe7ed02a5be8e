// SPDX-License-Identifier: GPL-2.0-only
/* What every leaf that names a TD checks first, and the TLB tracking rule. */
#include "leaves.h"

/* The TDR operand: shape, cover, PAMT locks, type. The locks stay with the call. */
u64 seam_td_get(struct seam_call *call, u64 pa, u64 operand, enum seam_hold how)
{
	struct seam_pamt *pamt;
	u64 status;
	u32 level;

	if (!seam_pa_valid(pa, SEAM_PAGE_SIZE))
		return SEAM_OPERAND_INVALID | operand;
	if (!seam_pa_covered(pa))
		return SEAM_OPERAND_ADDR_RANGE_ERROR | operand;
	status = seam_pamt_walk(call, pa, how, operand, &pamt, &level);
	if (status)
		return status;
	if (level != SEAM_LEVEL_4K || pamt->type != PT_TDR)
		return SEAM_PAGE_METADATA_INCORRECT | operand;
	call->tdr = pamt;
	call->td = &seam.tds[pamt->object];
	return SEAM_SUCCESS;
}

u64 seam_td_checks(struct seam_call *call, unsigned int flags)
{
	const struct seam_td *td = call->td;

	if ((flags & LEAF_NOT_FATAL) && td->fatal)
		return SEAM_TD_FATAL;
	if ((flags & LEAF_KEYS) && td->life_cycle != LC_KEYS_CONFIGURED)
		return SEAM_TD_KEYS_NOT_CONFIGURED;
	if ((flags & LEAF_TDCS) && td->nr_tdcx < SEAM_MIN_TDCX)
		return SEAM_TDCS_NOT_ALLOCATED;
	return SEAM_SUCCESS;
}

u64 seam_op_state_check(struct seam_call *call, u16 op_states)
{
	u8 op_state = call->td->op_state;

	if (op_states & BIT(op_state))
		return SEAM_SUCCESS;
	return SEAM_OP_STATE_INCORRECT | (seam.traits->op_state_detail ? op_state : 0);
}

/* Steps 2 to 4 of the order of checks: TDR, state of the TD, OP_STATE. */
u64 seam_td_prologue(struct seam_call *call)
{
	unsigned int flags = call->leaf->flags;
	enum seam_hold how = flags & LEAF_TD_EXCLUSIVE ? HOLD_EXCLUSIVE : HOLD_SHARED;
	u64 rdx = flags & LEAF_FLAGS ? call->in.rdx & ~1ULL : call->in.rdx;
	u64 status;

	if (flags & LEAF_TD_IN_RCX)
		status = seam_td_get(call, call->in.rcx, SEAM_OP_RCX, how);
	else
		status = seam_td_get(call, rdx, SEAM_OP_RDX, how);
	if (!status)
		status = seam_td_checks(call, flags);
	if (status)
		return status;

	if ((flags & LEAF_OP_LOCK) && !seam_hold(call, &call->td->op_lock, HOLD_SHARED))
		return SEAM_OPERAND_BUSY | SEAM_OP_OP_STATE;
	if (call->leaf->op_states)
		return seam_op_state_check(call, call->leaf->op_states);
	return SEAM_SUCCESS;
}

/* In the build phase no vCPU can hold a translation. */
bool seam_tracking_required(const struct seam_td *td)
{
	return td->op_state == OS_RUNNABLE || td->op_state == OS_LIVE_EXPORT ||
	       td->op_state == OS_LIVE_IMPORT;
}

/* Every vCPU has left since the epoch of the block. */
bool seam_tracked(const struct seam_td *td, u64 bepoch)
{
	u64 epoch = READ_ONCE(td->epoch);

	if (bepoch + 1 < epoch)
		return true;
	return bepoch + 1 == epoch && !atomic_read(&td->entered[bepoch & 1]);
}
