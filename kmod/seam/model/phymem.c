// SPDX-License-Identifier: GPL-2.0-only
/* PHYMEM.PAGE.RECLAIM and PHYMEM.PAGE.WBINVD. */
#include "leaves.h"

/* Frees the shadow of a control or table page. */
static void free_object(const struct seam_pamt *pamt, u8 type)
{
	switch (type) {
	case PT_EPT:
		seam_table_free(pamt->object);
		break;
	case PT_TDVPR:
		atomic_set(&seam.vcpus[pamt->object].in_use, 0);
		break;
	case PT_TDR:
		if (seam.tds[pamt->object].root != SEAM_NONE)
			seam_table_free(seam.tds[pamt->object].root);
		/* Pairs with the load in td_alloc(). */
		smp_store_release(&seam.tds[pamt->object].in_use.counter, 0);
		break;
	}
}

/* The TD a page belongs to, its TDR's 4K entry held shared (implicit). */
static u64 get_owner(struct seam_call *call, struct seam_pamt *pamt)
{
	call->tdr = pamt;
	if (pamt->type != PT_TDR) {
		call->tdr = seam_pamt_of((u64)pamt->owner << SEAM_PAGE_SHIFT);
		if (!seam_hold(call, &call->tdr->lock, HOLD_SHARED))
			return SEAM_OPERAND_BUSY | SEAM_OP_TDR;
	}
	call->td = &seam.tds[call->tdr->object];
	if (call->td->life_cycle != LC_TEARDOWN)
		return SEAM_LIFECYCLE_STATE_INCORRECT;
	if (pamt->type == PT_TDR && atomic64_read(&call->td->children))
		return SEAM_TD_ASSOCIATED_PAGES_EXIST;
	return SEAM_SUCCESS;
}

static void reclaim(struct seam_call *call, struct seam_pamt *pamt, u64 pa, u32 level)
{
	u8 type = pamt->type;

	if (type != PT_TDR)
		atomic64_sub(1LL << (level * SEAM_REGION_SHIFT), &call->td->children);
	free_object(pamt, type);
	if (level == SEAM_LEVEL_2M)
		seam_release_region(call, seam_region_of(pa), pa);
	else if (seam_release_page(call, pamt, pa))
		call->out->r9 = SEAM_HINT_PAIR_UNUSED;
	/* The TD's own key was written back with CACHE.WB; the TDR has the module's. */
	seam_custody_return(call, pamt, pa, type == PT_TDR);
}

u64 seam_phymem_page_reclaim(struct seam_call *call)
{
	u64 pa = call->in.rcx;
	struct seam_pamt *pamt;
	u64 status;
	u32 level;

	memset(call->out, 0, offsetof(struct seam_args, r12));
	if (!seam_pa_valid(pa, SEAM_PAGE_SIZE))
		return SEAM_OPERAND_INVALID | SEAM_OP_RCX;
	if (!seam_pa_covered(pa))
		return SEAM_OPERAND_ADDR_RANGE_ERROR | SEAM_OP_RCX;
	status = seam_pamt_walk(call, pa, HOLD_EXCLUSIVE, SEAM_OP_RCX, &pamt, &level);
	if (status)
		return status;
	if (pamt->type == PT_NDA || pamt->type == PT_RSVD ||
	    (level == SEAM_LEVEL_4K && READ_ONCE(pamt->pamt_page)))
		return SEAM_PAGE_METADATA_INCORRECT | SEAM_OP_RCX;

	call->out->rcx = pamt->type;
	call->out->rdx = (u64)pamt->owner << SEAM_PAGE_SHIFT;
	call->out->r8 = level;
	if (level == SEAM_LEVEL_2M && !seam_pa_valid(pa, SEAM_PAGE_SIZE << SEAM_REGION_SHIFT))
		return SEAM_OPERAND_INVALID | SEAM_OP_RCX;
	status = get_owner(call, pamt);
	if (status)
		return status;
	reclaim(call, pamt, pa, level);
	return SEAM_SUCCESS;
}

/*
 * The page must be the host's again. A region that lost its pair in between is
 * fine: the walk then ends at a free 2M entry.
 */
u64 seam_phymem_page_wbinvd(struct seam_call *call)
{
	u64 pa = call->in.rcx & ~SEAM_HKID_MASK;
	struct seam_pamt *pamt;
	u64 status;
	u32 level;

	if (!seam_pa_valid(pa, SEAM_PAGE_SIZE))
		return SEAM_OPERAND_INVALID | SEAM_OP_RCX;
	if (!seam_pa_covered(pa))
		return SEAM_OPERAND_ADDR_RANGE_ERROR | SEAM_OP_RCX;
	status = seam_pamt_walk(call, pa, HOLD_SHARED, SEAM_OP_RCX, &pamt, &level);
	if (status)
		return status;
	if (pamt->type != PT_NDA || READ_ONCE(seam_pamt_of(pa)->pamt_page))
		return SEAM_PAGE_METADATA_INCORRECT | SEAM_OP_RCX;
	seam_custody_written_back(pa);
	return SEAM_SUCCESS;
}
