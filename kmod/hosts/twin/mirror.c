// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mirror page table: arch/x86/kvm/mmu/tdp_mmu.c of Linux 7.2, kvm_tdp_mmu_map()
 * and what it calls, for private memory.
 */

#include "hosts/twin/twin.h"

#define SPTE_ADDRESS	GENMASK_ULL(51, PAGE_SHIFT)

/* sizeof(struct pte_list_desc) of 7.2; never consumed by the TDP MMU. */
#define PTE_LIST_DESC_SIZE	128
/* mmu_topup_memory_caches(): 1 + PT64_ROOT_MAX_LEVEL + PTE_PREFETCH_NUM. */
#define PTE_LIST_MIN		(1 + 5 + 8)
/* PT64_ROOT_MAX_LEVEL */
#define PAGE_TABLE_MIN		5

static struct kmem_cache *header_cache;
static struct kmem_cache *pte_list_cache;

int twin_mmu_init(void)
{
	header_cache = kmem_cache_create(EXTSPT_VARIANT "_sp", sizeof(struct twin_sp), 0,
					 SLAB_ACCOUNT, NULL);
	if (!header_cache)
		return -ENOMEM;
	pte_list_cache = kmem_cache_create(EXTSPT_VARIANT "_pte_list", PTE_LIST_DESC_SIZE, 0,
					   SLAB_ACCOUNT, NULL);
	if (pte_list_cache)
		return 0;
	kmem_cache_destroy(header_cache);
	return -ENOMEM;
}

void twin_mmu_exit(void)
{
	/* The last mirror pages may still be on their way through RCU. */
	rcu_barrier();
	kmem_cache_destroy(pte_list_cache);
	kmem_cache_destroy(header_cache);
}

/* mmu_topup_memory_caches(): the same caches in the same order. */
int twin_mmu_topup(struct twin_vcpu *vcpu)
{
	int ret;

	vcpu->pte_list.kmem = pte_list_cache;
	vcpu->header.kmem = header_cache;
	ret = memory_cache_topup(&vcpu->pte_list, PTE_LIST_MIN);
	if (!ret)
		ret = extspt_vcpu_topup(&vcpu->strategy);
	if (!ret)
		ret = memory_cache_topup(&vcpu->spt, PAGE_TABLE_MIN);
	if (!ret)
		ret = memory_cache_topup(&vcpu->header, PAGE_TABLE_MIN);
	return ret;
}

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

/* From here the page's private word points to its sp. */
static void twin_sp_init(struct twin_sp *sp, u64 *spt, struct page *sept)
{
	struct page *page = virt_to_page(spt);

	sp->spt = spt;
	sp->sept = sept;
	sp->ledger_entry = ledger_detach(page);
	set_page_private(page, (unsigned long)sp);
}

static void twin_sp_free(struct twin_sp *sp)
{
	struct page *page = virt_to_page(sp->spt);

	ledger_attach(page, sp->ledger_entry);
	ledger_free(page, OWNER_KVM);
	kmem_cache_free(header_cache, sp);
}

/* tdp_mmu_free_sp_rcu_callback() */
static void twin_sp_free_rcu(struct rcu_head *head)
{
	struct twin_sp *sp = container_of(head, struct twin_sp, rcu);

	if (sp->sept)
		free_path_rcu(sp->sept);
	twin_sp_free(sp);
}

/* tdp_mmu_free_unused_sp(): it lost the race, nobody has seen it. */
void twin_sp_free_unused(struct twin_sp *sp)
{
	free_path_unused(sp->sept);
	twin_sp_free(sp);
}

/* tdp_mmu_alloc_sp() for a mirror: all three from caches, nothing sleeps. */
static struct twin_sp *twin_sp_alloc(struct twin_vcpu *vcpu)
{
	struct twin_sp *sp;
	struct page *sept;
	u64 since, *spt;

	since = extspt_step_begin();
	sept = sept_source_alloc(&vcpu->strategy.sept);
	extspt_step_end(OP_ALLOC, since);
	if (!sept)
		return NULL;
	sp = memory_cache_alloc(&vcpu->header);
	spt = memory_cache_alloc(&vcpu->spt);
	if (WARN_ON_ONCE(!sp || !spt)) {
		free_path_unused(sept);
		return NULL;
	}
	twin_sp_init(sp, spt, sept);
	return sp;
}

/* tdp_mmu_alloc_sp_for_split() with an S-EPT page; mmu_lock is dropped. */
struct twin_sp *twin_sp_alloc_for_split(struct twin_vm *vm)
{
	struct page *spt, *sept;
	struct twin_sp *sp;

	sp = kmem_cache_zalloc(header_cache, GFP_KERNEL_ACCOUNT);
	if (!sp)
		return NULL;
	spt = ledger_alloc(CLASS_MIRROR, OWNER_KVM, GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!spt)
		goto free_sp;
	sept = split_source_alloc(&vm->strategy.split);
	if (!sept)
		goto free_spt;
	twin_sp_init(sp, page_address(spt), sept);
	return sp;

free_spt:
	ledger_free(spt, OWNER_KVM);
free_sp:
	kmem_cache_free(header_cache, sp);
	return NULL;
}

/*
 * __tdp_mmu_set_spte_atomic() for a mirror: freeze, tell TDX, set. -EBUSY also
 * when somebody else was faster; then nothing has changed.
 */
static int twin_link(struct twin_vcpu *vcpu, u64 *sptep, u64 gfn, int level, struct twin_sp *sp)
{
	int ret;

	if (cmpxchg64(sptep, 0, SPTE_FROZEN) != 0) {
		extspt_count(COUNT_LOST_RACES);
		return -EBUSY;
	}
	ret = vendor_call(link, &vcpu->strategy, gfn_round_for_level(gfn, level), level, sp->sept);
	/* Pairs with twin_map(): the table or page is ready when it shows. */
	smp_store_release(sptep, ret ? 0 : twin_nonleaf_spte(sp));
	return ret;
}

static int twin_map_leaf(struct twin_vcpu *vcpu, u64 *sptep, u64 gfn, int level)
{
	struct page *page = twin_gfn_to_page(vcpu->vm, gfn);
	int ret;

	if (cmpxchg64(sptep, 0, SPTE_FROZEN) != 0) {
		extspt_count(COUNT_LOST_RACES);
		return -EBUSY;
	}
	ret = vendor_call(map, &vcpu->strategy, gfn, level, page);
	/* Pairs with twin_map(): the table or page is ready when it shows. */
	smp_store_release(sptep, ret ? 0 : twin_leaf_spte(page));
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
	for (;;) {
		sptep = &table[spte_index(gfn, level)];
		/* Pairs with whoever set it. */
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
	struct twin_vm *vm = vcpu->vm;
	u64 since, locked;
	int ret;

	for (;;) {
		since = extspt_step_begin();
		ret = twin_mmu_topup(vcpu);
		extspt_step_end(OP_TOPUP, since);
		if (ret)
			return ret;
		locked = mrwlock_read(&vm->mmu_lock);
		rcu_read_lock();
		ret = twin_map(vcpu, gfn, twin_goal_level(vm, gfn));
		rcu_read_unlock();
		mrwlock_read_unlock(&vm->mmu_lock, locked);
		if (ret != -EBUSY)
			break;
		extspt_count(COUNT_RETRIES);
		cond_resched();
	}
	extspt_count(COUNT_FAULTS);
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
			call_rcu(&sp->rcu, twin_sp_free_rcu);
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
