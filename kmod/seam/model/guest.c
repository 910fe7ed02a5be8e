// SPDX-License-Identifier: GPL-2.0-only
/* The guest's side of a TD, for actors: no guest runs in the model. */
#include "call.h"

/*
 * The TD of @tdr, which lets vCPUs in; its TDR held shared (implicit) until
 * put_td(), as VP.ENTER does, so that it cannot be taken down meanwhile.
 */
static u64 get_td(u64 tdr, struct seam_td **td)
{
	struct seam_pamt *pamt;

	if (!seam.pages || !seam_pa_valid(tdr, SEAM_PAGE_SIZE) || !seam_pa_covered(tdr))
		return SEAM_OPERAND_INVALID | SEAM_OP_TDR;
	pamt = seam_pamt_of(tdr);
	if (!seam_try_shared(&pamt->lock))
		return SEAM_OPERAND_BUSY | SEAM_OP_TDR;
	if (pamt->type == PT_TDR) {
		*td = &seam.tds[pamt->object];
		if ((*td)->life_cycle == LC_KEYS_CONFIGURED && (*td)->root != SEAM_NONE)
			return SEAM_SUCCESS;
	}
	seam_unlock_shared(&pamt->lock);
	return SEAM_PAGE_METADATA_INCORRECT | SEAM_OP_TDR;
}

static void put_td(u64 tdr)
{
	seam_unlock_shared(&seam_pamt_of(tdr)->lock);
}

/* VP.ENTER: the vCPU runs in the epoch it finds. */
u64 seam_guest_enter(u64 tdr, u64 *epoch)
{
	struct seam_td *td;
	u64 status = get_td(tdr, &td);

	if (status)
		return status;
	if (seam_try_shared(&td->epoch_lock)) {
		*epoch = READ_ONCE(td->epoch);
		atomic_inc(&td->entered[*epoch & 1]);
		seam_unlock_shared(&td->epoch_lock);
	} else {
		status = SEAM_OPERAND_BUSY | SEAM_OP_TD_EPOCH;
	}
	put_td(tdr);
	return status;
}

/* A vCPU that wants out gets out: the one place that tries until it can. */
void seam_guest_exit(u64 tdr, u64 epoch)
{
	struct seam_td *td;
	u64 status;

	while (seam_is_busy(status = get_td(tdr, &td)))
		cpu_relax();
	if (status)
		return;
	atomic_add_unless(&td->entered[epoch & 1], -1, 0);
	put_td(tdr);
}

/* VP.ENTER after repeated faults at one instruction: the tree exclusive for @ns. */
u64 seam_guest_zero_step(u64 tdr, u32 ns)
{
	struct seam_td *td;
	u64 status = get_td(tdr, &td);

	if (status)
		return status;
	if (seam_try_exclusive(&td->tree_lock)) {
		seam_spend(ns);
		seam_unlock_exclusive(&td->tree_lock);
	} else {
		status = SEAM_OPERAND_BUSY | SEAM_OP_SEPT_TREE;
	}
	put_td(tdr);
	return status;
}

/* The lock bit, guest side: a host call that waits for it goes first. */
static u64 accept_entry(u64 *entry)
{
	u64 old = READ_ONCE(*entry);

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

/* TDG.MEM.PAGE.ACCEPT: no tree lock. */
u64 seam_guest_accept(u64 tdr, u64 gpa)
{
	u32 level = gpa & 7, stop;
	struct seam_td *td;
	u64 status, *entry;

	if (level > SEAM_LEVEL_2M || gpa >= SEAM_SHARED_BIT)
		return SEAM_OPERAND_INVALID | SEAM_OP_RCX;
	status = get_td(tdr, &td);
	if (status)
		return status;
	entry = seam_sept_find(td, gpa, level, &stop);
	status = stop == level ? accept_entry(entry) : SEAM_EPT_WALK_FAILED | SEAM_OP_RCX;
	put_td(tdr);
	return status;
}
