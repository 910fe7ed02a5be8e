// SPDX-License-Identifier: GPL-2.0-only
/*
 * The external ops in the shape of Linux 7.2: one for every SPTE, and one for a
 * page table that goes, which takes its page.
 */

#include "mmu.h"
#include "mmu/mmu_internal.h"
#include "mmu/spte.h"
#include "extspt/extspt.h"

static int extspt_set_external_spte(struct kvm *kvm, gfn_t gfn, u64 old_spte, u64 new_spte,
				    enum pg_level level)
{
	struct kvm_vcpu *vcpu = kvm_get_running_vcpu();
	struct kvm_mmu_page *sp;

	lockdep_assert_held(&kvm->mmu_lock);
	if (is_shadow_present_pte(old_spte))
		return extspt_remove_leaf(kvm, gfn, level, spte_to_pfn(old_spte));
	if (KVM_BUG_ON(!is_shadow_present_pte(new_spte) || !vcpu, kvm))
		return -EIO;
	if (is_last_spte(new_spte, level))
		return static_call(extspt_map)(*extspt_vcpu_state(vcpu), gfn, level,
					       pfn_to_page(spte_to_pfn(new_spte)));
	sp = spte_to_child_sp(new_spte);
	/* KVM's own cache cannot be empty here; a strategy's source can. */
	if (!sp->external_spt)
		return -ENOMEM;
	return static_call(extspt_link)(*extspt_vcpu_state(vcpu), gfn, level,
					virt_to_page(sp->external_spt));
}

static void extspt_free_external_spt(struct kvm *kvm, struct kvm_mmu_page *sp)
{
	struct page *sept;

	sept = static_call(extspt_free_spt)(*extspt_vm_state(kvm), virt_to_page(sp->external_spt));
	sp->external_spt = sept ? page_address(sept) : NULL;
}

/* As tdx_sept_free_private_spt(): freed at once. */
struct page *extspt_plain_reclaimed(struct page *sept)
{
	__free_page(sept);
	return NULL;
}

void extspt_ops_set(struct kvm_x86_ops *ops)
{
	ops->set_external_spte = extspt_set_external_spte;
	ops->free_external_spt = extspt_free_external_spt;
}
