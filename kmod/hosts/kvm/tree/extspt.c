// SPDX-License-Identifier: GPL-2.0-only
/*
 * extspt-bench in kvm.ko: software-protected VMs made mirrored, with the SEAM
 * model of a strategy module as their external page table. tdx.c takes no part.
 */

#include <linux/mutex.h>

#include "mmu.h"
#include "mmu/mmu_internal.h"
#include "mmu/spte.h"
#include "x86.h"
#include "extspt/extspt.h"

const struct extspt_kvm_ops *extspt_ops;
unsigned int extspt_vm_offset;
unsigned int extspt_vcpu_offset;

/* Registration, and the making of states. */
static DEFINE_MUTEX(extspt_lock);
static bool extspt_backend;	/* the external ops are this file's */

int extspt_no_topup(void *vcpu, bool fault)
{
	return -ENODEV;
}

struct page *extspt_no_alloc(void *vcpu)
{
	return NULL;
}

void extspt_no_free(struct page *sept)
{
	WARN_ON_ONCE(1);
}

static int extspt_no_page(void *owner, u64 gfn, int level, struct page *page)
{
	return -ENODEV;
}

static struct page *extspt_no_free_spt(void *vm, struct page *sept)
{
	return NULL;
}

DEFINE_STATIC_CALL(extspt_topup, extspt_no_topup);
DEFINE_STATIC_CALL(extspt_alloc, extspt_no_alloc);
DEFINE_STATIC_CALL(extspt_free_unused, extspt_no_free);
DEFINE_STATIC_CALL(extspt_link, extspt_no_page);
DEFINE_STATIC_CALL(extspt_map, extspt_no_page);
DEFINE_STATIC_CALL(extspt_remove, extspt_no_page);
DEFINE_STATIC_CALL(extspt_free_spt, extspt_no_free_spt);

/* As tdx_sept_remove_private_spte(): the vCPUs leave the guest after the track. */
static int extspt_remove_leaf(struct kvm *kvm, gfn_t gfn, u64 old_spte, enum pg_level level)
{
	int ret;

	lockdep_assert_held_write(&kvm->mmu_lock);
	ret = static_call(extspt_remove)(*extspt_vm_state(kvm), gfn, level,
					 pfn_to_page(spte_to_pfn(old_spte)));
	kvm_make_all_cpus_request(kvm, KVM_REQ_OUTSIDE_GUEST_MODE);
	return ret;
}

static int extspt_set_external_spte(struct kvm *kvm, gfn_t gfn, u64 old_spte, u64 new_spte,
				    enum pg_level level)
{
	struct kvm_vcpu *vcpu = kvm_get_running_vcpu();
	struct kvm_mmu_page *sp;

	lockdep_assert_held(&kvm->mmu_lock);
	if (is_shadow_present_pte(old_spte))
		return extspt_remove_leaf(kvm, gfn, old_spte, level);
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

static void extspt_vm_pre_destroy(struct kvm *kvm)
{
	if (*extspt_vm_state(kvm))
		extspt_ops->vm_release(*extspt_vm_state(kvm));
}

void extspt_ops_update(struct kvm_x86_ops *ops)
{
	extspt_vm_offset = ALIGN(ops->vm_size, sizeof(void *));
	ops->vm_size = extspt_vm_offset + sizeof(void *);

	/* A vendor module with a backend, as kvm-intel on a TDX host, keeps it. */
	extspt_backend = !ops->set_external_spte && !ops->vm_pre_destroy;
	if (!extspt_backend)
		return;
	ops->set_external_spte = extspt_set_external_spte;
	ops->free_external_spt = extspt_free_external_spt;
	ops->vm_pre_destroy = extspt_vm_pre_destroy;
}

unsigned int extspt_vcpu_size(unsigned int vcpu_size)
{
	extspt_vcpu_offset = ALIGN(vcpu_size, sizeof(void *));
	return extspt_vcpu_offset + sizeof(void *);
}

/* A software-protected VM becomes mirrored while a strategy is registered. */
int extspt_vm_create(struct kvm *kvm)
{
	void *vm;

	guard(mutex)(&extspt_lock);
	if (!extspt_ops || kvm->arch.vm_type != KVM_X86_SW_PROTECTED_VM)
		return 0;
	if (!try_module_get(extspt_ops->owner))
		return -ENODEV;
	vm = extspt_ops->vm_create();
	if (IS_ERR(vm)) {
		module_put(extspt_ops->owner);
		return PTR_ERR(vm);
	}
	*extspt_vm_state(kvm) = vm;
	/* The topmost bit that the zap of all of guest memory still covers. */
	kvm->arch.gfn_direct_bits = gpa_to_gfn(BIT_ULL(kvm_host.maxphyaddr - 1));
	return 0;
}

void extspt_vm_destroy(struct kvm *kvm)
{
	void **state = extspt_vm_state(kvm);

	if (!*state)
		return;
	extspt_ops->vm_destroy(*state);
	*state = NULL;
	module_put(extspt_ops->owner);
}

int extspt_vcpu_create(struct kvm_vcpu *vcpu)
{
	void *state;

	guard(mutex)(&extspt_lock);
	state = extspt_ops->vcpu_create(*extspt_vm_state(vcpu->kvm), vcpu->vcpu_idx);
	if (IS_ERR(state))
		return PTR_ERR(state);
	*extspt_vcpu_state(vcpu) = state;
	return 0;
}

void extspt_vcpu_destroy(struct kvm_vcpu *vcpu)
{
	void **state = extspt_vcpu_state(vcpu);

	if (*state)
		extspt_ops->vcpu_destroy(*state);
	*state = NULL;
}

int extspt_kvm_register(const struct extspt_kvm_ops *ops)
{
	guard(mutex)(&extspt_lock);
	if (extspt_ops || !extspt_backend)
		return -EBUSY;
	static_call_update(extspt_topup, ops->topup);
	static_call_update(extspt_alloc, ops->alloc);
	static_call_update(extspt_free_unused, ops->free_unused);
	static_call_update(extspt_link, ops->link);
	static_call_update(extspt_map, ops->map);
	static_call_update(extspt_remove, ops->remove);
	static_call_update(extspt_free_spt, ops->free_spt);
	extspt_ops = ops;
	return 0;
}
EXPORT_SYMBOL_FOR_MODULES(extspt_kvm_register, "extspt_*");

/* The module's own exit: no VM can hold a reference to it any more. */
void extspt_kvm_unregister(const struct extspt_kvm_ops *ops)
{
	guard(mutex)(&extspt_lock);
	if (WARN_ON_ONCE(extspt_ops != ops))
		return;
	extspt_ops = NULL;
	static_call_update(extspt_topup, extspt_no_topup);
	static_call_update(extspt_alloc, extspt_no_alloc);
	static_call_update(extspt_free_unused, extspt_no_free);
	static_call_update(extspt_link, extspt_no_page);
	static_call_update(extspt_map, extspt_no_page);
	static_call_update(extspt_remove, extspt_no_page);
	static_call_update(extspt_free_spt, extspt_no_free_spt);
}
EXPORT_SYMBOL_FOR_MODULES(extspt_kvm_unregister, "extspt_*");
