// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mirror page table: arch/x86/kvm/mmu/tdp_mmu.c of Linux 7.2, kvm_tdp_mmu_map()
 * and what it calls, for private memory.
 */

#include <linux/jiffies.h>

#include "hosts/twin/twin.h"
#include "lib/control.h"

#define FAULT_PATIENCE	(5 * HZ)

#define SPTE_ADDRESS	GENMASK_ULL(51, PAGE_SHIFT)

u64 twin_leaf_spte(struct page *page)
{
	return page_to_phys(page) | SPTE_PRESENT | SPTE_LEAF;
}

u64 twin_nonleaf_spte(struct twin_sp *sp)
{
	return __pa(sp->spt) | SPTE_PRESENT;
}

static struct page *spte_to_page(u64 spte)
{
	return pfn_to_page(PHYS_PFN(spte & SPTE_ADDRESS));
}

static u64 *spte_to_child(u64 spte)
{
	return phys_to_virt(spte & SPTE_ADDRESS);
}

static unsigned int spte_index(u64 gfn, int level)
{
	return gfn >> ((level - 1) * (PMD_SHIFT - PAGE_SHIFT)) & (PTRS_PER_PTE - 1);
}

static u64 gfn_round_for_level(u64 gfn, int level)
{
	return gfn & -(1ULL << ((level - 1) * (PMD_SHIFT - PAGE_SHIFT)));
}

static struct twin_sp *child_sp(u64 spte)
{
	return (struct twin_sp *)page_private(spte_to_page(spte));
}

/* Take an empty SPTE out of everybody's hands. False: somebody else was faster. */
static __always_inline bool twin_freeze(u64 *sptep)
{
	if (!inject_fails(INJECT_LOST, __func__) && !cmpxchg64(sptep, 0, SPTE_FROZEN))
		return true;
	extspt_count(COUNT_LOST_RACES);
	return false;
}

/*
 * __tdp_mmu_set_spte_atomic() for a mirror: freeze, tell TDX, set. -EBUSY also
 * when somebody else was faster; then nothing has changed.
 */
static int twin_link(struct twin_vcpu *vcpu, u64 *sptep, u64 gfn, int level, struct twin_sp *sp)
{
	int ret;

	ret = extspt_phys_prepare(&vcpu->strategy, sp->sept, PG_LEVEL_4K);
	if (ret)
		return ret;
	ret = -EBUSY;
	if (!twin_freeze(sptep))
		goto cleanup;
	ret = vendor_call(link, &vcpu->strategy, gfn_round_for_level(gfn, level), level, sp->sept);
	/* Pairs with twin_map(): the table or page is ready when it shows. */
	smp_store_release(sptep, ret ? 0 : twin_nonleaf_spte(sp));
cleanup:
	if (ret)
		extspt_phys_cleanup(sp->sept, PG_LEVEL_4K);
	return ret;
}

static int twin_map_leaf(struct twin_vcpu *vcpu, u64 *sptep, u64 gfn, int level)
{
	struct page *page = twin_gfn_to_page(vcpu->vm, gfn);
	int ret;

	ret = extspt_phys_prepare(&vcpu->strategy, page, level);
	if (ret)
		return ret;
	ret = -EBUSY;
	if (!twin_freeze(sptep))
		goto cleanup;
	ret = vendor_call(map, &vcpu->strategy, gfn, level, page);
	/* Pairs with twin_map(): the table or page is ready when it shows. */
	smp_store_release(sptep, ret ? 0 : twin_leaf_spte(page));
cleanup:
	if (ret)
		extspt_phys_cleanup(page, level);
	return ret;
}

/* One missing level: take a page table from the caches and link it. */
static int twin_link_new(struct twin_vcpu *vcpu, u64 *sptep, u64 gfn, int level)
{
	struct twin_sp *sp = twin_sp_alloc(vcpu);
	int ret;

	if (!sp)
		return -ENOMEM;
	ret = twin_link(vcpu, sptep, gfn, level, sp);
	if (ret)
		twin_sp_free_unused(sp);
	return ret;
}

/* kvm_tdp_mmu_map(): mmu_lock held for read, in RCU. -EBUSY: retry the fault. */
static int twin_map(struct twin_vcpu *vcpu, u64 gfn, int goal)
{
	u64 *table = vcpu->vm->root;
	int level = TWIN_ROOT_LEVEL;
	u64 *sptep, spte;
	int ret;

	lockdep_assert_held_read(&vcpu->vm->mmu_lock.lock);
	RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "a walk outside of RCU");
	for (;;) {
		sptep = &table[spte_index(gfn, level)];
		/* Pairs with the release of who linked it: the table behind it is zeroed. */
		spte = smp_load_acquire(sptep);
		if (spte == SPTE_FROZEN)
			return -EBUSY;
		if (spte & SPTE_LEAF) {
			extspt_count(COUNT_SPURIOUS);
			return 0;
		}
		if (level == goal)
			return twin_map_leaf(vcpu, sptep, gfn, level);
		if (!(spte & SPTE_PRESENT)) {
			ret = twin_link_new(vcpu, sptep, gfn, level);
			if (ret)
				return ret;
			continue;
		}
		table = spte_to_child(spte);
		level--;
	}
}

/* Fault level: 2 MiB where the region has not been converted in part. */
static int twin_goal_level(struct twin_vm *vm, u64 gfn)
{
	return READ_ONCE(vm->regions[gfn / TWIN_PAGES_PER_REGION].huge) ? PG_LEVEL_2M : PG_LEVEL_4K;
}

/* In a checked run: an SPTE that nobody unfreezes is not waited for. */
static bool twin_gives_up(unsigned long since)
{
	if (!extspt_check_on() || time_before(jiffies, since + FAULT_PATIENCE))
		return false;
	control_error("livelock: a fault was retried for %u seconds", FAULT_PATIENCE / HZ);
	return true;
}

/*
 * From having the pfn: mmu_lock for read, and map at the level decided on before,
 * unless that was overtaken by a conversion.
 */
static int twin_try_fault(struct twin_vcpu *vcpu, u64 gfn)
{
	struct page *page = twin_gfn_to_page(vcpu->vm, gfn);
	int ret, level = twin_goal_level(vcpu->vm, gfn);
	u64 locked;

	ret = extspt_fault_begin(&vcpu->strategy, page, level);
	if (!ret) {
		locked = mrwlock_read(&vcpu->vm->mmu_lock);
		rcu_read_lock();
		ret = level == twin_goal_level(vcpu->vm, gfn) ? twin_map(vcpu, gfn, level) :
								-EBUSY;
		rcu_read_unlock();
		mrwlock_read_unlock(&vcpu->vm->mmu_lock, locked);
	}
	extspt_fault_end(&vcpu->strategy);
	return ret;
}

/**
 * twin_fault() - a private EPT violation of a vCPU
 * @vcpu: the vCPU, its thread's own
 * @gfn: guest frame; aligned to 2 MiB where the region is huge
 *
 * kvm_tdp_page_fault(): topup, then map under mmu_lock for read; a retry starts
 * again with the topup, as the vCPU would run into the fault again. No lock
 * held; may sleep. Return: 0, -ENOMEM or -EIO.
 */
int twin_fault(struct twin_vcpu *vcpu, u64 gfn)
{
	enum check_path before = check_path_enter(PATH_FAULT);
	unsigned long begun = extspt_check_on() ? jiffies : 0;
	u64 since;
	int ret;

	for (;;) {
		since = extspt_step_begin();
		ret = twin_mmu_topup(vcpu);
		extspt_step_end(OP_TOPUP, since);
		if (ret)
			goto out;
		ret = twin_try_fault(vcpu, gfn);
		if (ret != -EBUSY)
			break;
		extspt_count(COUNT_RETRIES);
		if (twin_gives_up(begun))
			break;
		cond_resched();
	}
	extspt_count(COUNT_FAULTS);
out:
	check_path_leave(before);
	return ret;
}

/* The leaf that maps @gfn, or NULL. mmu_lock held for write. */
u64 *twin_find_leaf(struct twin_vm *vm, u64 gfn, int *level)
{
	u64 *table = vm->root;
	u64 *sptep;

	lockdep_assert_held_write(&vm->mmu_lock.lock);
	for (*level = TWIN_ROOT_LEVEL; *level >= PG_LEVEL_4K; (*level)--) {
		sptep = &table[spte_index(gfn, *level)];
		if (*sptep & SPTE_LEAF)
			return sptep;
		if (!(*sptep & SPTE_PRESENT))
			return NULL;
		table = spte_to_child(*sptep);
	}
	return NULL;
}

/* handle_removed_pt() after the HKID is gone: leaves first, then the table. */
static void twin_destroy_table(struct twin_vm *vm, u64 *table, int level)
{
	struct twin_sp *sp;
	int i, ret;

	for (i = 0; i < PTRS_PER_PTE; i++) {
		u64 spte = table[i];

		if (spte & SPTE_LEAF) {
			/* Upstream bugs the VM here; the page is leaked with its PAMT. */
			ret = vendor_call(reclaim, &vm->strategy, spte_to_page(spte), level);
			WARN_ON_ONCE(ret);
		} else if (spte & SPTE_PRESENT) {
			/* At most four levels deep. */
			twin_destroy_table(vm, spte_to_child(spte), level - 1);
			sp = child_sp(spte);
			sp->sept = vendor_call(free_spt, &vm->strategy, sp->sept);
			twin_sp_free_rcu(sp);
		}
		table[i] = 0;
		cond_resched();
	}
}

/* The HKID is released and no vCPU is left that could fault. */
void twin_mmu_destroy(struct twin_vm *vm)
{
	if (vm->root)
		twin_destroy_table(vm, vm->root, TWIN_ROOT_LEVEL);
}
