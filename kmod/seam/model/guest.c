// SPDX-License-Identifier: GPL-2.0-only
/* The guest's side of a TD, for actors: no guest runs in the model. */
#include "state.h"

static struct seam_td *find_td(u64 tdr)
{
	struct seam_pamt *pamt;

	if (!seam.pages || !seam_pa_covered(tdr))
		return NULL;
	pamt = seam_pamt_of(tdr);
	return READ_ONCE(pamt->type) == PT_TDR ? &seam.tds[pamt->object] : NULL;
}

/* VP.ENTER: the vCPU runs in the epoch it finds. */
u64 seam_guest_enter(u64 tdr, u64 *epoch)
{
	struct seam_td *td = find_td(tdr);

	if (!td)
		return SEAM_PAGE_METADATA_INCORRECT | SEAM_OP_RCX;
	if (!seam_try_shared(&td->epoch_lock))
		return SEAM_OPERAND_BUSY | SEAM_OP_TD_EPOCH;
	*epoch = READ_ONCE(td->epoch);
	atomic_inc(&td->entered[*epoch & 1]);
	seam_unlock_shared(&td->epoch_lock);
	return SEAM_SUCCESS;
}

void seam_guest_exit(u64 tdr, u64 epoch)
{
	struct seam_td *td = find_td(tdr);

	if (td)
		atomic_dec(&td->entered[epoch & 1]);
}

/* TDG.MEM.PAGE.ACCEPT: the entry lock only, and the host goes first. */
u64 seam_guest_accept(u64 tdr, u64 gpa)
{
	struct seam_td *td = find_td(tdr);
	u32 level = gpa & 7, stop;
	u64 *entry, old;

	if (!td || td->root == SEAM_NONE || level > SEAM_LEVEL_2M || gpa >= SEAM_SHARED_BIT)
		return SEAM_OPERAND_INVALID | SEAM_OP_RCX;
	entry = seam_sept_find(td, gpa, level, &stop);
	if (stop != level)
		return SEAM_EPT_WALK_FAILED | SEAM_OP_RCX;

	old = READ_ONCE(*entry);
	if (old & SEPT_HOST_PRIORITY)
		return SEAM_OPERAND_BUSY_HOST_PRIORITY | SEAM_OP_SEPT_ENTRY;
	if ((old & SEPT_LOCK) || !try_cmpxchg(entry, &old, old | SEPT_LOCK))
		return SEAM_OPERAND_BUSY | SEAM_OP_SEPT_ENTRY;
	if (sept_state(old) == ST_PENDING)
		seam_sept_set(entry, ST_MAPPED, sept_pa(old));
	seam_entry_unlock(entry);
	return sept_state(old) == ST_PENDING ?
	       SEAM_SUCCESS : SEAM_EPT_ENTRY_STATE_INCORRECT | SEAM_OP_RCX;
}
