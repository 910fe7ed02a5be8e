// SPDX-License-Identifier: GPL-2.0-only
/*
 * PAMT: what each page of the TDMR is, whose it is, and the locks on that.
 * The arrays are the model's own, never the pages handed over.
 */
#include "call.h"

/* Implicit lookup: the entry of a page known to be owned, no lock above it. */
struct seam_pamt *seam_pamt_at(u64 pa, u32 level)
{
	return level == SEAM_LEVEL_2M ? &seam_region_of(pa)->pamt : seam_pamt_of(pa);
}

static bool region_is_leaf(const struct seam_region *region)
{
	u8 type = READ_ONCE(region->pamt.type);

	return type == PT_REG || (seam_is_dpamt() && type != PT_PAMT);
}

/*
 * Explicit walk: 1G entry shared, 2M entry shared, 4K entry as asked. It stops
 * at a 2M entry without 4K entries below, which is then locked as asked.
 */
u64 seam_pamt_walk(struct seam_call *call, u64 pa, enum seam_hold how, u64 operand,
		   struct seam_pamt **pamt, u32 *level)
{
	struct seam_region *region = seam_region_of(pa);
	unsigned int nr_held = call->nr_held;
	atomic_t *gig = &seam_gig_of(pa)->lock;

	if (!seam_hold(call, gig, HOLD_SHARED) ||
	    !seam_hold(call, &region->pamt.lock, HOLD_SHARED))
		goto busy;

	*pamt = seam_pamt_of(pa);
	*level = SEAM_LEVEL_4K;
	if (region_is_leaf(region)) {
		*pamt = &region->pamt;
		*level = SEAM_LEVEL_2M;
		if (how == HOLD_SHARED || seam_promote(call))
			return SEAM_SUCCESS;
	} else if (seam_hold(call, &(*pamt)->lock, how)) {
		return SEAM_SUCCESS;
	}
busy:
	seam_release_to(call, nr_held);
	return SEAM_OPERAND_BUSY | operand;
}

/* A 4K page the caller offers: checked, locked exclusive, NDA. */
u64 seam_get_free_page(struct seam_call *call, u64 pa, u64 operand, struct seam_pamt **pamt)
{
	u64 status;
	u32 level;

	if (!seam_pa_valid(pa, SEAM_PAGE_SIZE))
		return SEAM_OPERAND_INVALID | operand;
	if (!seam_pa_covered(pa))
		return SEAM_OPERAND_ADDR_RANGE_ERROR | operand;
	if (seam_refused(call))
		return SEAM_OPERAND_BUSY | operand;
	status = seam_pamt_walk(call, pa, HOLD_EXCLUSIVE, operand, pamt, &level);
	if (status)
		return status;
	if (seam_is_dpamt() && level == SEAM_LEVEL_2M && (*pamt)->type == PT_NDA) {
		if (seam_region_of(pa)->had_pair)
			atomic64_add(1, &seam.lost_pairs);
		return SEAM_MISSING_PAMT_PAGE_PAIR | operand;
	}
	if (level != SEAM_LEVEL_4K || (*pamt)->type != PT_NDA || READ_ONCE((*pamt)->pamt_page))
		return SEAM_PAGE_METADATA_INCORRECT | operand;
	return SEAM_SUCCESS;
}

/* A 2M page the caller offers: its 2M entry locked exclusive, nothing in use below. */
u64 seam_get_free_region(struct seam_call *call, u64 pa, u64 operand, struct seam_region **region)
{
	atomic_t *gig;

	if (!seam_pa_valid(pa, SEAM_PAGE_SIZE << SEAM_REGION_SHIFT))
		return SEAM_OPERAND_INVALID | operand;
	if (!seam_pa_covered(pa))
		return SEAM_OPERAND_ADDR_RANGE_ERROR | operand;
	*region = seam_region_of(pa);
	gig = &seam_gig_of(pa)->lock;
	if (seam_refused(call) || !seam_hold(call, gig, HOLD_SHARED) ||
	    !seam_hold(call, &(*region)->pamt.lock, HOLD_EXCLUSIVE))
		return SEAM_OPERAND_BUSY | operand;
	if ((*region)->pamt.type != PT_NDA || atomic_read(&(*region)->used) ||
	    atomic_read(&(*region)->pamt_pages))
		return SEAM_PAGE_METADATA_INCORRECT | operand;
	return SEAM_SUCCESS;
}

static void assign(struct seam_call *call, struct seam_pamt *pamt, u64 pa, u8 type, u32 owner)
{
	seam_custody_take(call, pamt, pa);
	WRITE_ONCE(pamt->owner, owner);
	pamt->bepoch = 0;
	pamt->row = call->row;
	pamt->site = call->site;
	WRITE_ONCE(pamt->type, type);
}

/* Under the exclusive lock of @pamt. */
void seam_assign_page(struct seam_call *call, struct seam_pamt *pamt, u64 pa, u8 type,
		      u32 owner, u32 object)
{
	pamt->object = object;
	atomic_inc(&seam_region_of(pa)->used);
	assign(call, pamt, pa, type, owner);
}

/*
 * Under the exclusive lock of @pamt. True: the region's pair is not needed any
 * more. The type goes first and the count after, as in the module.
 */
bool seam_release_page(struct seam_call *call, struct seam_pamt *pamt, u64 pa)
{
	WRITE_ONCE(pamt->type, PT_NDA);
	WRITE_ONCE(pamt->owner, 0);
	pamt->row = call->row;
	pamt->site = call->site;
	return !atomic_dec_return(&seam_region_of(pa)->used) && seam_is_dpamt();
}

void seam_assign_region(struct seam_call *call, struct seam_region *region, u64 pa, u32 owner)
{
	assign(call, &region->pamt, pa, PT_REG, owner);
}

void seam_release_region(struct seam_call *call, struct seam_region *region, u64 pa)
{
	WRITE_ONCE(region->pamt.type, PT_NDA);
	WRITE_ONCE(region->pamt.owner, 0);
	region->pamt.row = call->row;
	region->pamt.site = call->site;
}
