// SPDX-License-Identifier: GPL-2.0-only
/* Dynamic PAMT: PHYMEM.PAMT.ADD, PHYMEM.PAMT.REMOVE and the pages of a pair. */
#include "leaves.h"

#define PAIR_PAGES	2
#define HALF		(SEAM_REGION_PAGES / PAIR_PAGES)

/* Shape and cover of both pages. */
u64 seam_check_pair(const u64 *pair, const u8 *operands)
{
	unsigned int i;

	for (i = 0; i < PAIR_PAGES; i++) {
		if (!seam_pa_valid(pair[i], SEAM_PAGE_SIZE))
			return SEAM_OPERAND_INVALID | operands[i];
		if (!seam_pa_covered(pair[i]))
			return SEAM_OPERAND_ADDR_RANGE_ERROR | operands[i];
	}
	return SEAM_SUCCESS;
}

/* A PAMT page must be nobody's; @own is the 2M entry this call holds exclusive. */
static u64 take_pamt_page(struct seam_call *call, struct seam_region *own, u64 pa, u64 operand)
{
	struct seam_pamt *page = seam_pamt_of(pa);
	struct seam_pamt *pamt;
	u8 clear = 0;
	u64 status;
	u32 level;

	if (seam_region_of(pa) != own) {
		status = seam_pamt_walk(call, pa, HOLD_SHARED, operand, &pamt, &level);
		if (status)
			return status;
		if (pamt->type != PT_NDA)
			return SEAM_PAGE_NOT_FREE | operand;
	}
	if (!try_cmpxchg(&page->pamt_page, &clear, 1))
		return SEAM_PAGE_NOT_FREE | operand;
	atomic_inc(&seam_region_of(pa)->pamt_pages);
	return SEAM_SUCCESS;
}

static void drop_pamt_page(u64 pa)
{
	atomic_dec(&seam_region_of(pa)->pamt_pages);
	/* Pairs with the exchange of the next taker. */
	smp_store_release(&seam_pamt_of(pa)->pamt_page, (u8)0);
}

/* Both pages or none: the first is given up again when the second fails. */
u64 seam_take_pair(struct seam_call *call, struct seam_region *own, const u64 *pair,
		   const u8 *operands)
{
	u64 status = take_pamt_page(call, own, pair[0], operands[0]);

	if (status)
		return status;
	status = take_pamt_page(call, own, pair[1], operands[1]);
	if (status)
		drop_pamt_page(pair[0]);
	return status;
}

/* The pages are taken, the 2M entry is held exclusive: 4K entries exist from here on. */
void seam_install_pair(struct seam_call *call, struct seam_region *region, const u64 *pair)
{
	unsigned int i;

	for (i = 0; i < PAIR_PAGES; i++) {
		struct seam_pamt *page = seam_pamt_of(pair[i]);

		seam_custody_take(call, page, pair[i]);
		region->pair[i] = pair[i] >> SEAM_PAGE_SHIFT;
		page->row = call->row;
		page->site = call->site;
	}
	region->had_pair = true;
	WRITE_ONCE(region->pamt.type, PT_PAMT);
}

void seam_remove_pair(struct seam_call *call, struct seam_region *region, u64 *pair)
{
	unsigned int i;

	for (i = 0; i < PAIR_PAGES; i++) {
		pair[i] = (u64)region->pair[i] << SEAM_PAGE_SHIFT;
		seam_custody_return(call, seam_pamt_of(pair[i]), pair[i], false);
		drop_pamt_page(pair[i]);
	}
}

/* RCX: a 2M region, level in bits 2:0. */
static u64 region_operand(struct seam_call *call, u64 *pa)
{
	*pa = call->in.rcx & ~7ULL;
	call->level = call->in.rcx & 7;
	if (call->level != SEAM_LEVEL_2M ||
	    !seam_pa_valid(*pa, SEAM_PAGE_SIZE << SEAM_REGION_SHIFT))
		return SEAM_OPERAND_INVALID | SEAM_OP_RCX;
	return SEAM_SUCCESS;
}

static u64 lock_region(struct seam_call *call, u64 pa, struct seam_region **region)
{
	if (!seam_pa_covered(pa))
		return SEAM_OPERAND_ADDR_RANGE_ERROR | SEAM_OP_RCX;
	*region = seam_region_of(pa);
	if (seam_refused(call) || !seam_hold(call, &seam_gig_of(pa)->lock, HOLD_SHARED) ||
	    !seam_hold(call, &(*region)->pamt.lock, HOLD_EXCLUSIVE))
		return SEAM_OPERAND_BUSY | SEAM_OP_RCX;
	return SEAM_SUCCESS;
}

u64 seam_pamt_add(struct seam_call *call)
{
	static const u8 operands[PAIR_PAGES] = { SEAM_OP_RDX, SEAM_OP_R8 };
	u64 pair[PAIR_PAGES] = { call->in.rdx, call->in.r8 };
	struct seam_region *region;
	u64 status, pa;

	status = region_operand(call, &pa);
	if (!status)
		status = seam_check_pair(pair, operands);
	if (!status)
		status = lock_region(call, pa, &region);
	if (status)
		return status;
	if (region->pamt.type != PT_NDA)
		return SEAM_HPA_RANGE_NOT_FREE | SEAM_OP_RCX;
	status = seam_take_pair(call, region, pair, operands);
	if (status)
		return status;
	seam_install_pair(call, region, pair);
	return SEAM_SUCCESS;
}

/* Index of the pair's page that still serves a 4K page in use. */
static unsigned int used_half(u64 pa)
{
	const struct seam_pamt *pamt = seam_pamt_of(pa);
	unsigned int i;

	for (i = 0; i < HALF; i++)
		if (READ_ONCE(pamt[i].type) != PT_NDA)
			return 0;
	return 1;
}

u64 seam_pamt_remove(struct seam_call *call)
{
	struct seam_region *region;
	u64 status, pa, pair[PAIR_PAGES];

	status = region_operand(call, &pa);
	if (!status)
		status = lock_region(call, pa, &region);
	if (status)
		return status;
	if (region->pamt.type != PT_PAMT)
		return SEAM_NO_PAMT_PAGE_PAIR | SEAM_OP_RCX;
	/* A removal holds a lock word inside a page of the pair, and no lock that shows here. */
	if (atomic_read(&region->removals))
		seam_violate_overlap(call, region, pa);
	if (atomic_read(&region->used))
		return SEAM_PAMT_PAGE_NOT_EMPTY | used_half(pa);

	WRITE_ONCE(region->pamt.type, PT_NDA);
	seam_remove_pair(call, region, pair);
	call->out->rdx = pair[0];
	call->out->r8 = pair[1];
	return SEAM_SUCCESS;
}
