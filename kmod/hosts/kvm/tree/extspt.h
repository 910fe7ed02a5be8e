/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the hook lines in KVM's files call. Each line hands over to the strategy
 * for a VM that has one, and does what stood there before for all others.
 */
#ifndef __KVM_X86_EXTSPT_H
#define __KVM_X86_EXTSPT_H

#include <linux/kvm_host.h>
#include <linux/static_call.h>

#include "extspt/seam.h"

struct folio;
struct kvm_mmu_page;

/* Set while a strategy is registered, so for the whole life of its VMs. */
extern const struct extspt_kvm_ops *extspt_ops;
/* The state's pointers are the last word of the VM's and the vCPU's memory. */
extern unsigned int extspt_vm_offset;
extern unsigned int extspt_vcpu_offset;

int extspt_no_topup(void *vcpu, bool fault);
struct page *extspt_no_alloc(void *vcpu);
void extspt_no_free(struct page *sept);
DECLARE_STATIC_CALL(extspt_topup, extspt_no_topup);
DECLARE_STATIC_CALL(extspt_alloc, extspt_no_alloc);
DECLARE_STATIC_CALL(extspt_free_unused, extspt_no_free);

static inline void **extspt_vm_state(struct kvm *kvm)
{
	return (void *)kvm + extspt_vm_offset;
}

static inline void **extspt_vcpu_state(struct kvm_vcpu *vcpu)
{
	return (void *)vcpu + extspt_vcpu_offset;
}

int plain_link(void *vcpu, u64 gfn, int level, struct page *sept);
int plain_map(void *vcpu, u64 gfn, int level, struct page *page);
int plain_remove(void *vm, u64 gfn, int level, struct page *page);
struct page *plain_free_spt(void *vm, struct page *sept);
DECLARE_STATIC_CALL(extspt_link, plain_link);
DECLARE_STATIC_CALL(extspt_map, plain_map);
DECLARE_STATIC_CALL(extspt_remove, plain_remove);
DECLARE_STATIC_CALL(extspt_free_spt, plain_free_spt);

/* The external ops, one file for each shape that trees have: ops2.c, ops4.c. */
void extspt_ops_set(struct kvm_x86_ops *ops);
/* What upstream does with a page that TDX has given back: returns what is left to RCU. */
struct page *extspt_plain_reclaimed(struct page *sept);
/* For them: a leaf goes; whether real TDs, with a real backend, are the strategy's. */
int extspt_remove_leaf(struct kvm *kvm, gfn_t gfn, int level, kvm_pfn_t pfn);
extern bool extspt_backend;

/* x86.c, before the static calls of @ops are updated; kvm_main.c, kvm_init(). */
void extspt_ops_update(struct kvm_x86_ops *ops);
unsigned int extspt_vcpu_size(unsigned int vcpu_size);

/* tdx.c */
void extspt_free_used(void *spt);

/* Upstream's own way, counted: VMs without a strategy. */
int extspt_plain_topup(struct kvm_vcpu *vcpu, int min);
void extspt_plain_free_unused(void *spt);

int extspt_vm_create(struct kvm *kvm);
void extspt_vm_destroy(struct kvm *kvm);
int extspt_vcpu_create(struct kvm_vcpu *vcpu);
void extspt_vcpu_destroy(struct kvm_vcpu *vcpu);

/* Points of few strategies: on while one is registered that has them. */
DECLARE_STATIC_KEY_FALSE(extspt_fault_point);
DECLARE_STATIC_KEY_FALSE(extspt_phys_point);
DECLARE_STATIC_KEY_FALSE(extspt_gmem_point);

int extspt_fault_begin(struct kvm_vcpu *vcpu, kvm_pfn_t pfn);
void extspt_fault_end(struct kvm_vcpu *vcpu);
int extspt_phys_prepare(struct kvm_vcpu *vcpu, kvm_pfn_t pfn);
void extspt_phys_cleanup(kvm_pfn_t pfn);
struct folio *extspt_gmem_folio(struct folio *folio);
void extspt_gmem_free_folio(struct folio *folio);

/* mmu.c, kvm_tdp_mmu_page_fault(), before and after mmu_lock; 0 or -errno. */
static inline int extspt_mmu_fault_begin(struct kvm_vcpu *vcpu, bool private, kvm_pfn_t pfn)
{
	if (!static_branch_unlikely(&extspt_fault_point) || !private)
		return 0;
	return extspt_fault_begin(vcpu, pfn);
}

static inline void extspt_mmu_fault_end(struct kvm_vcpu *vcpu, bool private)
{
	if (static_branch_unlikely(&extspt_fault_point) && private)
		extspt_fault_end(vcpu);
}

static inline kvm_pfn_t extspt_spt_pfn(void *spt)
{
	return spt ? PHYS_PFN(__pa(spt)) : 0;
}

/* tdp_mmu.c: @set, a mirror SPTE that @pfn, if not 0, becomes part of. 0 or -errno. */
#define extspt_mmu_prepared(vcpu, mirror, pfn, set)				\
({										\
	kvm_pfn_t __pfn = static_branch_unlikely(&extspt_phys_point) &&		\
			  (mirror) ? (pfn) : 0;					\
	int __ret = __pfn ? extspt_phys_prepare(vcpu, __pfn) : 0;		\
										\
	if (!__ret) {								\
		__ret = (set);							\
		if (__ret && __pfn)						\
			extspt_phys_cleanup(__pfn);				\
	}									\
	__ret;									\
})

/* guest_memfd.c: a folio that is locked, or an error; and where it is freed. */
static inline struct folio *extspt_gmem_got(struct folio *folio)
{
	return static_branch_unlikely(&extspt_gmem_point) ? extspt_gmem_folio(folio) : folio;
}

/* mmu.c, mmu_topup_memory_caches() of a mirrored VM. */
static inline int extspt_mmu_topup(struct kvm_vcpu *vcpu, int min)
{
	void **state;
	int ret;

	if (!extspt_ops)
		return extspt_plain_topup(vcpu, min);
	state = extspt_vcpu_state(vcpu);
	/* Here, as vCPU creation has no error path behind its MMU's. */
	if (unlikely(!*state)) {
		ret = extspt_vcpu_create(vcpu);
		if (ret)
			return ret;
	}
	return static_call(extspt_topup)(*state, VALID_PAGE(vcpu->arch.mmu->mirror_root_hpa));
}

/* mmu_internal.h, kvm_mmu_alloc_external_spt() */
static inline void *extspt_mmu_alloc(struct kvm_vcpu *vcpu)
{
	struct page *sept;

	if (!extspt_ops)
		return kvm_mmu_memory_cache_alloc(&vcpu->arch.mmu_external_spt_cache);
	sept = static_call(extspt_alloc)(*extspt_vcpu_state(vcpu));
	return sept ? page_address(sept) : NULL;
}

/* tdp_mmu.c, tdp_mmu_free_unused_sp(); @spt is NULL for what is no mirror. */
static inline void extspt_mmu_free_unused(void *spt)
{
	if (!spt)
		return;
	if (extspt_ops)
		static_call(extspt_free_unused)(virt_to_page(spt));
	else
		extspt_plain_free_unused(spt);
}

/* tdp_mmu.c, tdp_mmu_free_sp_rcu_callback(): 6.16 to 6.18, and later. */
void extspt_mmu_free_used(void **spt);

/* tdp_mmu.c, handle_removed_pt(), the same: whether KVM is to forget the page. */
static inline bool extspt_mmu_gone(int ret)
{
	return ret == -ENOENT || WARN_ON(ret);
}

static inline void extspt_mmu_free_rcu(void *spt)
{
	if (extspt_ops && spt)
		extspt_ops->free_rcu(virt_to_page(spt));
	else
		WARN_ON_ONCE(spt);
}

#endif /* __KVM_X86_EXTSPT_H */
