// SPDX-License-Identifier: GPL-2.0-only
/*
 * Conversion of private memory to shared, for one 4 KiB page: split the 2 MiB
 * leaf around it if there is one, then zap the page. Both under one hold of
 * mmu_lock for write, unless the split has to drop it to allocate.
 */

#include "hosts/twin/twin.h"

static void twin_fill_split(struct twin_sp *sp, struct page *first)
{
	int i;

	for (i = 0; i < PTRS_PER_PTE; i++)
		sp->spt[i] = twin_leaf_spte(first + i);
}

/* tdp_mmu_split_huge_page(), mmu_lock held for write. @sp is used up on success. */
static int twin_split_leaf(struct twin_vm *vm, u64 *sptep, u64 gfn, struct twin_sp *sp)
{
	u64 first = round_down(gfn, TWIN_PAGES_PER_REGION);
	struct page *page = twin_gfn_to_page(vm, first);
	u64 old = *sptep;
	int ret;

	twin_fill_split(sp, page);
	WRITE_ONCE(*sptep, SPTE_FROZEN);
	ret = vendor_call(split, &vm->strategy, first, sp->sept, page);
	/* Pairs with twin_map(): the table or page is ready when it shows. */
	smp_store_release(sptep, ret ? old : twin_nonleaf_spte(sp));
	if (!ret)
		WRITE_ONCE(vm->regions[first / TWIN_PAGES_PER_REGION].huge, false);
	return ret;
}

/*
 * Split what crosses the boundary at @gfn. Comes and goes with mmu_lock held
 * for write, but may drop it in between. 1 when it split, 0 when there was
 * nothing to split, or an error.
 */
static int twin_split_boundary(struct twin_vm *vm, u64 gfn)
	__must_hold(&vm->mmu_lock.lock)
{
	struct split_source_vm *split = &vm->strategy.split;
	struct twin_sp *sp = NULL;
	u64 *sptep;
	int level, ret;

	for (;;) {
		sptep = twin_find_leaf(vm, gfn, &level);
		ret = 0;
		if (!sptep || level == PG_LEVEL_4K)
			break;
		if (sp && split_source_ready(split)) {
			ret = twin_split_leaf(vm, sptep, gfn, sp);
			if (ret)
				break;
			return 1;
		}
		/* The leaf may be gone when we are back: look again. */
		mrwlock_write_unlock(&vm->mmu_lock);
		if (!sp)
			sp = twin_sp_alloc_for_split(vm);
		ret = sp ? split_source_topup(split) : -ENOMEM;
		mrwlock_write(&vm->mmu_lock);
		if (ret)
			break;
	}
	if (sp)
		twin_sp_free_unused(sp);
	return ret;
}

/* tdp_mmu_zap_leafs() for one page, mmu_lock held for write. */
static int twin_zap_leaf(struct twin_vm *vm, u64 gfn)
{
	int level, ret;
	u64 *sptep, old;

	sptep = twin_find_leaf(vm, gfn, &level);
	if (!sptep)
		return 0;
	if (WARN_ON_ONCE(level != PG_LEVEL_4K))
		return -EIO;
	old = *sptep;
	WRITE_ONCE(*sptep, SPTE_FROZEN);
	ret = vendor_call(remove, &vm->strategy, gfn, level, twin_gfn_to_page(vm, gfn));
	/* Pairs with twin_map(): the table or page is ready when it shows. */
	smp_store_release(sptep, ret ? old : 0);
	return ret;
}

/**
 * twin_convert() - private to shared, one 4 KiB page
 * @vm: the VM
 * @gfn: the page
 *
 * Timed as two operations that follow each other: split, if there was one
 * (from asking for the locks until the small mappings stand), and zap (the
 * rest, or all of it). No lock held; may sleep. Return: 0 or -errno.
 */
int twin_convert(struct twin_vm *vm, u64 gfn)
{
	u64 since = extspt_outer_begin();
	int ret;

	split_source_begin(&vm->strategy.split);
	mrwlock_write(&vm->mmu_lock);
	ret = twin_split_boundary(vm, gfn);
	if (ret == 1) {
		extspt_outer_end(OP_SPLIT, since);
		since = extspt_outer_begin();
		ret = 0;
	}
	if (!ret)
		ret = twin_zap_leaf(vm, gfn);
	mrwlock_write_unlock(&vm->mmu_lock);
	split_source_end(&vm->strategy.split);
	if (!ret)
		extspt_outer_end(OP_ZAP, since);
	return ret;
}
