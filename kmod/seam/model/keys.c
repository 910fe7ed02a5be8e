// SPDX-License-Identifier: GPL-2.0-only
/* Giving a key back: MNG.VPFLUSHDONE, PHYMEM.CACHE.WB, MNG.KEY.FREEID. */
#include "leaves.h"

/* The HKID is flushed: caches must be written back on every package before it is free. */
u64 seam_mng_vpflushdone(struct seam_call *call)
{
	struct seam_td *td = call->td;
	struct seam_key *key = &seam.keys[td->hkid];

	if (td->life_cycle != LC_HKID_ASSIGNED && td->life_cycle != LC_KEYS_CONFIGURED)
		return SEAM_LIFECYCLE_STATE_INCORRECT;
	if (!seam_hold(call, &seam.kot_lock, HOLD_EXCLUSIVE))
		return SEAM_OPERAND_BUSY | SEAM_OP_KOT;
	if (atomic_read(&td->nr_associated))
		return SEAM_FLUSHVP_NOT_DONE;

	key->state = KEY_FLUSHED;
	atomic_set(&key->to_write_back, BIT(seam.config.nr_packages) - 1);
	td->life_cycle = LC_BLOCKED;
	return SEAM_SUCCESS;
}

#define CWB_START	0
#define CWB_RESUME	1

static u64 flushed_hkids(void)
{
	u64 hkids = 0;
	unsigned int i;

	for (i = SEAM_FIRST_PRIVATE_HKID; i < SEAM_NR_HKIDS; i++)
		if (seam.keys[i].state == KEY_FLUSHED)
			hkids |= BIT_ULL(i);
	return hkids;
}

static void written_back(u64 hkids, u8 package)
{
	unsigned int i;

	for (i = SEAM_FIRST_PRIVATE_HKID; i < SEAM_NR_HKIDS; i++)
		if (hkids & BIT_ULL(i))
			atomic_andnot(package, &seam.keys[i].to_write_back);
}

/* One call per package at a time; calls of several packages run side by side. */
u64 seam_phymem_cache_wb(struct seam_call *call)
{
	unsigned int index = seam_package_index();
	struct seam_package *package = &seam.packages[index];
	u8 block = 0;

	if (call->in.rcx != CWB_START && call->in.rcx != CWB_RESUME)
		return SEAM_OPERAND_INVALID | SEAM_OP_RCX;
	if (!seam_hold(call, &seam.kot_lock, HOLD_SHARED))
		return SEAM_OPERAND_BUSY | SEAM_OP_KOT;
	if (!seam_hold(call, &package->lock, HOLD_EXCLUSIVE))
		return SEAM_OPERAND_BUSY | SEAM_OP_WBCACHE;

	if (call->in.rcx == CWB_RESUME) {
		if (!package->next_block)
			return SEAM_WBCACHE_RESUME_ERROR;
		block = package->next_block;
	} else {
		package->hkids = flushed_hkids();
		if (!package->hkids)
			return SEAM_NO_HKID_READY_TO_WBCACHE;
	}
	while (++block < SEAM_WB_BLOCKS) {
		if (!seam_event_happens(SEAM_EVENT_INTERRUPT))
			continue;
		package->next_block = block;
		return SEAM_INTERRUPTED_RESUMABLE;
	}
	package->next_block = 0;
	written_back(package->hkids, BIT(index));
	return SEAM_SUCCESS;
}

u64 seam_mng_key_freeid(struct seam_call *call)
{
	struct seam_td *td = call->td;
	struct seam_key *key = &seam.keys[td->hkid];

	if (td->life_cycle != LC_BLOCKED)
		return SEAM_LIFECYCLE_STATE_INCORRECT;
	if (!seam_hold(call, &seam.kot_lock, HOLD_EXCLUSIVE))
		return SEAM_OPERAND_BUSY | SEAM_OP_KOT;
	if (atomic_read(&key->to_write_back))
		return SEAM_WBCACHE_NOT_COMPLETE;

	key->state = KEY_FREE;
	td->life_cycle = LC_TEARDOWN;
	return SEAM_SUCCESS;
}
