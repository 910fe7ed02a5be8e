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

/* mmu_lock is dropped; may sleep. Pages for one split, or as much as comes at once. */
static int twin_split_fill(struct twin_vm *vm, struct twin_sp **sp)
{
	bool had_sp = *sp;

	if (!had_sp)
		*sp = twin_sp_alloc_for_split(vm);
	if (!*sp)
		return -ENOMEM;
	if (!had_sp && split_source_topup_apart())
		return 0;
	return split_source_topup(&vm->strategy.split);
}

/*
 * Split what crosses the boundary at @gfn; @sp is made beforehand, or NULL, and
 * is used up. Comes and goes with mmu_lock held for write, but may drop it in
 * between. 1 when it split, 0 when there was nothing to split, or an error.
 */
static int twin_split_boundary(struct twin_vm *vm, u64 gfn, struct twin_sp *sp)
	__must_hold(&vm->mmu_lock.lock)
{
	enum check_path before = check_path_enter(PATH_SPLIT);
	struct split_source_vm *split = &vm->strategy.split;
	u64 *sptep;
	int level, ret;

	for (;;) {
		sptep = twin_find_leaf(vm, gfn, &level);
		ret = 0;
		if (!sptep || level == PG_LEVEL_4K)
			break;
		if (sp && split_source_ready(split)) {
			ret = twin_split_leaf(vm, sptep, gfn, sp);
			if (!ret) {
				sp = NULL;
				ret = 1;
			}
			break;
		}
		/* The leaf may be gone when we are back: look again. */
		mrwlock_write_unlock(&vm->mmu_lock);
		ret = twin_split_fill(vm, &sp);
		mrwlock_write(&vm->mmu_lock);
		if (ret)
			break;
	}
	if (sp)
		twin_sp_free_for_split(vm, sp);
	check_path_leave(before);
	return ret;
}

/* Before mmu_lock: one page is at most one leaf to split. May sleep; 0 or -ENOMEM. */
static int twin_split_begin(struct twin_vm *vm, u64 gfn, struct twin_sp **sp)
{
	bool huge = READ_ONCE(vm->regions[gfn / TWIN_PAGES_PER_REGION].huge);
	enum check_path before = check_path_enter(PATH_SPLIT);
	int ret = split_source_begin(&vm->strategy.split, huge);

	if (!ret && huge && split_source_ahead()) {
		*sp = twin_sp_alloc_for_split(vm);
		ret = *sp ? 0 : -ENOMEM;
	}
	check_path_leave(before);
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
	enum check_path before = check_path_enter(PATH_ZAP);
	u64 since = extspt_outer_begin();
	struct twin_sp *sp = NULL;
	int ret;

	ret = twin_split_begin(vm, gfn, &sp);
	if (ret)
		goto out;
	mrwlock_write(&vm->mmu_lock);
	ret = twin_split_boundary(vm, gfn, sp);
	if (ret == 1) {
		extspt_outer_end(OP_SPLIT, since);
		since = extspt_outer_begin();
		ret = 0;
	}
	if (!ret)
		ret = twin_zap_leaf(vm, gfn);
	mrwlock_write_unlock(&vm->mmu_lock);
out:
	split_source_end(&vm->strategy.split);
	if (!ret)
		extspt_outer_end(OP_ZAP, since);
	check_path_leave(before);
	return ret;
}

/* Page tables made beforehand, for a design that never drops mmu_lock to allocate. */
static int twin_split_ahead(struct twin_vm *vm, struct twin_sp **sps, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		sps[i] = twin_sp_alloc_for_split(vm);
		if (!sps[i])
			return -ENOMEM;
	}
	return 0;
}

/* tdp_mmu_iter_cond_resched(): mmu_lock may be dropped between two leaves. */
static void twin_split_yield(struct twin_vm *vm)
{
	if (split_source_ahead() || (!need_resched() && !rwlock_needbreak(&vm->mmu_lock.lock)))
		return;
	mrwlock_write_unlock(&vm->mmu_lock);
	cond_resched();
	mrwlock_write(&vm->mmu_lock);
}

/**
 * twin_split_regions() - split several 2 MiB leaves in one go
 * @vm: the VM
 * @first: the first region
 * @nr: how many
 * @step: regions from one to the next
 *
 * With @step 1 what dirty logging does to a range; with @nr 2 the head and the
 * tail of a large conversion. Each leaf is timed as a split; what a design
 * makes ready for all of them is in the first. No lock held; may sleep.
 * Return: 0 or -errno.
 */
int twin_split_regions(struct twin_vm *vm, unsigned int first, unsigned int nr, unsigned int step)
{
	struct split_source_vm *split = &vm->strategy.split;
	u64 since = extspt_outer_begin();
	struct twin_sp **sps;
	unsigned int i;
	int ret;

	sps = inject_alloc(kvcalloc(nr, sizeof(*sps), GFP_KERNEL));
	if (!sps)
		return -ENOMEM;
	ret = split_source_begin(split, nr);
	if (!ret && split_source_ahead())
		ret = twin_split_ahead(vm, sps, nr);
	mrwlock_write(&vm->mmu_lock);
	for (i = 0; ret >= 0 && i < nr; i++) {
		ret = twin_split_boundary(vm, twin_gfn_base(first + i * step), sps[i]);
		sps[i] = NULL;
		if (ret == 1) {
			extspt_outer_end(OP_SPLIT, since);
			since = extspt_outer_begin();
		}
		twin_split_yield(vm);
	}
	mrwlock_write_unlock(&vm->mmu_lock);
	for (i = 0; i < nr; i++)
		if (sps[i])
			twin_sp_free_for_split(vm, sps[i]);
	split_source_end(split);
	kvfree(sps);
	return min(ret, 0);
}
