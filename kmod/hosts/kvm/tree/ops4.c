// SPDX-License-Identifier: GPL-2.0-only
/*
 * The external ops in the shape of Linux 6.16 to 6.18: link, map, remove, and one for a
 * page table that goes. Its page stays KVM's, which frees it by RCU.
 */

#include "mmu.h"
#include "mmu/mmu_internal.h"
#include "mmu/spte.h"
#include "extspt/extspt.h"

static int extspt_set_external_spte(struct kvm *kvm, gfn_t gfn, enum pg_level level,
				    kvm_pfn_t pfn)
{
	struct kvm_vcpu *vcpu = kvm_get_running_vcpu();

	lockdep_assert_held(&kvm->mmu_lock);
	if (KVM_BUG_ON(!vcpu, kvm))
		return -EIO;
	return static_call(extspt_map)(*extspt_vcpu_state(vcpu), gfn, level, pfn_to_page(pfn));
}

static int extspt_link_external_spt(struct kvm *kvm, gfn_t gfn, enum pg_level level, void *spt)
{
	struct kvm_vcpu *vcpu = kvm_get_running_vcpu();

	lockdep_assert_held(&kvm->mmu_lock);
	if (KVM_BUG_ON(!vcpu, kvm))
		return -EIO;
	/* KVM's own cache cannot be empty here; a strategy's source can. */
	if (!spt)
		return -ENOMEM;
	return static_call(extspt_link)(*extspt_vcpu_state(vcpu), gfn, level, virt_to_page(spt));
}

static int extspt_remove_external_spte(struct kvm *kvm, gfn_t gfn, enum pg_level level,
				       kvm_pfn_t pfn)
{
	return extspt_remove_leaf(kvm, gfn, level, pfn);
}

/* An error, in answer to which KVM forgets the page: it is gone already. */
static int extspt_free_external_spt(struct kvm *kvm, gfn_t gfn, enum pg_level level, void *spt)
{
	struct page *sept;

	sept = static_call(extspt_free_spt)(*extspt_vm_state(kvm), virt_to_page(spt));
	return sept ? 0 : -ENOENT;
}

struct page *extspt_plain_reclaimed(struct page *sept)
{
	return sept;
}

void extspt_ops_set(struct kvm_x86_ops *ops)
{
	ops->set_external_spte = extspt_set_external_spte;
	ops->link_external_spt = extspt_link_external_spt;
	ops->remove_external_spte = extspt_remove_external_spte;
	ops->free_external_spt = extspt_free_external_spt;
}

/* tdp_mmu.c, tdp_mmu_free_sp_rcu_callback(): what KVM was left with. */
void extspt_mmu_free_used(void **spt)
{
	if (!*spt)
		return;
	if (!extspt_ops)
		free_page((unsigned long)*spt);
	else if (extspt_backend)
		extspt_ops->free_rcu(virt_to_page(*spt));
	else
		extspt_ops->free_used(virt_to_page(*spt));
	*spt = NULL;
}
