// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page tables of the mirror, struct kvm_mmu_page as it were, and the caches
 * they come from: tdp_mmu.c and mmu.c of Linux 7.2.
 */

#include "hosts/twin/twin.h"

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
	enum check_path before = check_path_enter(PATH_TOPUP);
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
	check_path_leave(before);
	return ret;
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
	ledger_object_free(header_cache, sp);
}

/* tdp_mmu_free_sp_rcu_callback(): softirq. */
static void twin_sp_free_rcu_callback(struct rcu_head *head)
{
	struct twin_sp *sp = container_of(head, struct twin_sp, rcu);

	if (sp->sept)
		free_path_rcu(sp->sept);
	twin_sp_free(sp);
}

/* It was linked: walkers under RCU may still be in it. */
void twin_sp_free_rcu(struct twin_sp *sp)
{
	call_rcu(&sp->rcu, twin_sp_free_rcu_callback);
}

/* tdp_mmu_free_unused_sp(): it lost the race, nobody has seen it. mmu_lock held. */
void twin_sp_free_unused(struct twin_sp *sp)
{
	free_path_unused(sp->sept);
	twin_sp_free(sp);
}

/* tdp_mmu_alloc_sp() for a mirror: all three from caches, nothing sleeps. */
struct twin_sp *twin_sp_alloc(struct twin_vcpu *vcpu)
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
	if (!sp || !spt)
		goto free_all;
	twin_sp_init(sp, spt, sept);
	return sp;

	/* Only where an emergency allocation has failed too. */
free_all:
	if (spt)
		ledger_free(virt_to_page(spt), OWNER_KVM);
	if (sp)
		ledger_object_free(header_cache, sp);
	free_path_unused(sept);
	return NULL;
}

/* tdp_mmu_alloc_sp_for_split() with an S-EPT page; mmu_lock is dropped. */
struct twin_sp *twin_sp_alloc_for_split(struct twin_vm *vm)
{
	struct page *spt, *sept;
	struct twin_sp *sp;

	sp = ledger_object_alloc(header_cache, GFP_KERNEL_ACCOUNT | __GFP_ZERO, __func__);
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
	ledger_object_free(header_cache, sp);
	return NULL;
}

/* It was not needed. mmu_lock may be held. */
void twin_sp_free_for_split(struct twin_vm *vm, struct twin_sp *sp)
{
	split_source_free_unused(&vm->strategy.split, sp->sept);
	twin_sp_free(sp);
}
