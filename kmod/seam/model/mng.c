// SPDX-License-Identifier: GPL-2.0-only
/* Building a TD: MNG.CREATE, KEY.CONFIG, ADDCX, INIT and MR.FINALIZE. */
#include "leaves.h"

static u32 page_frame(u64 pa)
{
	return pa >> SEAM_PAGE_SHIFT;
}

/* Under kot_lock exclusive, so nobody else takes one; RECLAIM may free one. */
static struct seam_td *td_alloc(void)
{
	unsigned int i;

	for (i = 0; i < seam.config.nr_tds; i++) {
		struct seam_td *td = &seam.tds[i];

		/* Pairs with RECLAIM's store: the last owner is through with it. */
		if (smp_load_acquire(&td->in_use.counter))
			continue;
		memset(td, 0, sizeof(*td));
		atomic_set(&td->in_use, 1);
		td->root = SEAM_NONE;
		return td;
	}
	return NULL;
}

static u64 take_hkid(struct seam_call *call, struct seam_pamt *pamt, u8 hkid)
{
	struct seam_key *key = &seam.keys[hkid];
	struct seam_td *td;

	if (key->state != KEY_FREE)
		return SEAM_HKID_NOT_FREE;
	if (seam_event_happens(SEAM_EVENT_NO_ENTROPY))
		return SEAM_RND_NO_ENTROPY;
	td = td_alloc();
	if (!td)
		return seam_limit(call, call->in.rcx);

	td->tdr = page_frame(call->in.rcx);
	td->hkid = hkid;
	key->state = KEY_ASSIGNED;
	seam_assign_page(call, pamt, call->in.rcx, PT_TDR, 0, td - seam.tds);
	return SEAM_SUCCESS;
}

u64 seam_mng_create(struct seam_call *call)
{
	struct seam_pamt *pamt;
	u64 hkid = call->in.rdx;
	u64 status;

	if (hkid < SEAM_FIRST_PRIVATE_HKID || hkid >= SEAM_NR_HKIDS)
		return SEAM_OPERAND_INVALID | SEAM_OP_RDX;
	status = seam_get_free_page(call, call->in.rcx, SEAM_OP_RCX, &pamt);
	if (status)
		return status;
	if (!seam_hold(call, &seam.kot_lock, HOLD_EXCLUSIVE))
		return SEAM_OPERAND_BUSY | SEAM_OP_KOT;
	return take_hkid(call, pamt, hkid);
}

u64 seam_mng_key_config(struct seam_call *call)
{
	struct seam_td *td = call->td;
	u8 package = BIT(seam_package_index());

	if (td->life_cycle != LC_HKID_ASSIGNED)
		return SEAM_LIFECYCLE_STATE_INCORRECT;
	if (td->key_packages & package)
		return SEAM_KEY_CONFIGURED;
	if (seam_event_happens(SEAM_EVENT_KEY_ENGINE_BUSY))
		return SEAM_OPERAND_BUSY | SEAM_OP_KET;
	if (seam_event_happens(SEAM_EVENT_KEY_GENERATION))
		return SEAM_KEY_GENERATION_FAILED;

	td->key_packages |= package;
	if (td->key_packages == BIT(seam.config.nr_packages) - 1)
		td->life_cycle = LC_KEYS_CONFIGURED;
	return SEAM_SUCCESS;
}

u64 seam_mng_addcx(struct seam_call *call)
{
	struct seam_td *td = call->td;
	struct seam_pamt *pamt;
	u64 status;

	if (td->nr_tdcx == SEAM_MAX_TDCX)
		return SEAM_TDCX_NUM_INCORRECT;
	status = seam_get_free_page(call, call->in.rcx, SEAM_OP_RCX, &pamt);
	if (status)
		return status;
	/* There is no OP_STATE before there is a page to hold it. */
	if (td->nr_tdcx >= SEAM_MIN_TDCX) {
		status = seam_op_state_check(call, BIT(OS_UNINITIALIZED));
		if (status)
			return status;
	}

	td->tdcx[td->nr_tdcx++] = page_frame(call->in.rcx);
	atomic64_add(1, &td->children);
	seam_assign_page(call, pamt, call->in.rcx, PT_TDCX, td->tdr, SEAM_NONE);
	return SEAM_SUCCESS;
}

/* What MNG.INIT leaves behind. 0, or -ENOMEM without a shadow table for the root. */
int seam_td_init_state(struct seam_td *td)
{
	td->root = seam_table_alloc();
	if (td->root == SEAM_NONE)
		return -ENOMEM;
	WRITE_ONCE(td->epoch, 1);
	atomic_set(&td->entered[0], 0);
	atomic_set(&td->entered[1], 0);
	td->op_state = OS_INITIALIZED;
	return 0;
}

/*
 * The parameters at RDX are not read: every modelled TD has a 4-level S-EPT
 * with 48 GPA bits. RDX is an ordinary, shared address of a 1 KiB table.
 */
u64 seam_mng_init(struct seam_call *call)
{
	call->out->rcx = 0;
	if (!seam_pa_valid(call->in.rdx, 1024))
		return SEAM_OPERAND_INVALID | SEAM_OP_RDX;
	if (seam_td_init_state(call->td))
		return seam_limit(call, call->in.rcx);
	return SEAM_SUCCESS;
}

u64 seam_mr_finalize(struct seam_call *call)
{
	if (!atomic_read(&call->td->nr_vcpus_ready))
		return SEAM_NO_VCPUS;
	call->td->op_state = OS_RUNNABLE;
	return SEAM_SUCCESS;
}
