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

/* x86.c, before the static calls of @ops are updated; kvm_main.c, kvm_init(). */
void extspt_ops_update(struct kvm_x86_ops *ops);
unsigned int extspt_vcpu_size(unsigned int vcpu_size);

int extspt_vm_create(struct kvm *kvm);
void extspt_vm_destroy(struct kvm *kvm);
int extspt_vcpu_create(struct kvm_vcpu *vcpu);
void extspt_vcpu_destroy(struct kvm_vcpu *vcpu);

/* mmu.c, mmu_topup_memory_caches() of a mirrored VM. */
static inline int extspt_mmu_topup(struct kvm_vcpu *vcpu, int min)
{
	void **state;
	int ret;

	if (!extspt_ops)
		return kvm_mmu_topup_memory_cache(&vcpu->arch.mmu_external_spt_cache, min);
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
	if (extspt_ops && spt)
		static_call(extspt_free_unused)(virt_to_page(spt));
	else
		free_page((unsigned long)spt);
}

/* tdp_mmu.c, tdp_mmu_free_sp_rcu_callback() */
static inline void extspt_mmu_free_rcu(void *spt)
{
	if (extspt_ops && spt)
		extspt_ops->free_rcu(virt_to_page(spt));
	else
		WARN_ON_ONCE(spt);
}

#endif /* __KVM_X86_EXTSPT_H */
