// SPDX-License-Identifier: GPL-2.0-only
/*
 * extspt-bench in kvm.ko: software-protected VMs made mirrored, with the SEAM
 * model of a strategy module as their external page table. tdx.c takes no part.
 *
 * Without a strategy, VMs are mirrored on request (extspt_mirror): upstream's own
 * behaviour with its own cache, in front of a backend that does nothing but count.
 */

#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pagemap.h>
#include <linux/percpu.h>

#include "mmu.h"
#include "mmu/mmu_internal.h"
#include "mmu/spte.h"
#include "x86.h"
#include "extspt/extspt.h"

/* Its name until 6.17. */
#ifndef EXPORT_SYMBOL_FOR_MODULES
#define EXPORT_SYMBOL_FOR_MODULES EXPORT_SYMBOL_GPL_FOR_MODULES
#endif

const struct extspt_kvm_ops *extspt_ops;
unsigned int extspt_vm_offset;
unsigned int extspt_vcpu_offset;

/* Registration, and the making of states. */
static DEFINE_MUTEX(extspt_lock);
bool extspt_backend;	/* the external ops are ours */
static unsigned int extspt_nr_plain;	/* mirrored VMs without a strategy */

static bool extspt_mirror;
module_param(extspt_mirror, bool, 0600);
MODULE_PARM_DESC(extspt_mirror, "mirror software-protected VMs without a strategy");

/* What upstream's own behaviour did since the last write to extspt_counts. */
enum plain_event {
	PLAIN_TOPUP,
	PLAIN_REFILL,
	PLAIN_PAGE,
	PLAIN_UNUSED,
	PLAIN_LINK,
	PLAIN_MAP,
	PLAIN_REMOVE,
	PLAIN_FREE_SPT,
	NR_PLAIN_EVENTS
};

static const char * const plain_names[NR_PLAIN_EVENTS] = {
	"topup", "refill", "page", "unused", "link", "map", "remove", "free_spt",
};

static DEFINE_PER_CPU(u64 [NR_PLAIN_EVENTS], plain_events);

static int plain_counts_get(char *buffer, const struct kernel_param *param)
{
	int cpu, event, size = 0;
	u64 n;

	for (event = 0; event < NR_PLAIN_EVENTS; event++) {
		for (n = 0, cpu = 0; cpu < nr_cpu_ids; cpu++)
			if (cpu_possible(cpu))
				n += per_cpu(plain_events, cpu)[event];
		size += sysfs_emit_at(buffer, size, "%s\"%s\":%llu", event ? "," : "{",
				      plain_names[event], n);
	}
	return size + sysfs_emit_at(buffer, size, "}\n");
}

static int plain_counts_set(const char *value, const struct kernel_param *param)
{
	int cpu;

	for_each_possible_cpu(cpu)
		memset(per_cpu(plain_events, cpu), 0, sizeof(u64 [NR_PLAIN_EVENTS]));
	return 0;
}

static const struct kernel_param_ops plain_counts_ops = {
	.get = plain_counts_get,
	.set = plain_counts_set,
};
module_param_cb(extspt_counts, &plain_counts_ops, NULL, 0600);

static void plain_count(enum plain_event event, int n)
{
	this_cpu_add(plain_events[event], n);
}

int extspt_plain_topup(struct kvm_vcpu *vcpu, int min)
{
	struct kvm_mmu_memory_cache *cache = &vcpu->arch.mmu_external_spt_cache;
	int before = cache->nobjs;
	int ret = kvm_mmu_topup_memory_cache(cache, min);

	plain_count(PLAIN_TOPUP, 1);
	plain_count(PLAIN_REFILL, before < min);
	plain_count(PLAIN_PAGE, cache->nobjs - before);
	return ret;
}

void extspt_plain_free_unused(void *spt)
{
	plain_count(PLAIN_UNUSED, 1);
	free_page((unsigned long)spt);
}

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

int plain_link(void *vcpu, u64 gfn, int level, struct page *sept)
{
	plain_count(PLAIN_LINK, 1);
	return 0;
}

int plain_map(void *vcpu, u64 gfn, int level, struct page *page)
{
	plain_count(PLAIN_MAP, 1);
	return 0;
}

int plain_remove(void *vm, u64 gfn, int level, struct page *page)
{
	plain_count(PLAIN_REMOVE, 1);
	return 0;
}

struct page *plain_free_spt(void *vm, struct page *sept)
{
	plain_count(PLAIN_FREE_SPT, 1);
	return extspt_plain_reclaimed(sept);
}

DEFINE_STATIC_CALL(extspt_topup, extspt_no_topup);
DEFINE_STATIC_CALL(extspt_alloc, extspt_no_alloc);
DEFINE_STATIC_CALL(extspt_free_unused, extspt_no_free);
DEFINE_STATIC_CALL(extspt_link, plain_link);
DEFINE_STATIC_CALL(extspt_map, plain_map);
DEFINE_STATIC_CALL(extspt_remove, plain_remove);
DEFINE_STATIC_CALL(extspt_free_spt, plain_free_spt);

/* For tdx_track() of a strategy, and for upstream's own behaviour. */
void extspt_kick_vcpus(void *kvm)
{
	kvm_make_all_cpus_request(kvm, KVM_REQ_OUTSIDE_GUEST_MODE);
}
EXPORT_SYMBOL_FOR_MODULES(extspt_kick_vcpus, "extspt_*");

int extspt_remove_leaf(struct kvm *kvm, gfn_t gfn, int level, kvm_pfn_t pfn)
{
	lockdep_assert_held_write(&kvm->mmu_lock);
	if (!extspt_ops)
		extspt_kick_vcpus(kvm);
	return static_call(extspt_remove)(*extspt_vm_state(kvm), gfn, level, pfn_to_page(pfn));
}

/* tdx.c, in place of free_page(): what the TDX module has given back. */
void extspt_free_used(void *spt)
{
	if (extspt_ops)
		extspt_ops->free_used(virt_to_page(spt));
	else
		free_page((unsigned long)spt);
}
EXPORT_SYMBOL_FOR_MODULES(extspt_free_used, "kvm-intel");

/* kvm-intel has one whenever it is built with TDX; it does nothing for other VMs. */
static void (*extspt_vendor_pre_destroy)(struct kvm *kvm);

static void extspt_vm_pre_destroy(struct kvm *kvm)
{
	void *vm = *extspt_vm_state(kvm);

	if (vm && vm != &extspt_nr_plain)
		extspt_ops->vm_release(vm);
	if (extspt_vendor_pre_destroy)
		extspt_vendor_pre_destroy(kvm);
}

void extspt_ops_update(struct kvm_x86_ops *ops)
{
	extspt_vm_offset = ALIGN(ops->vm_size, sizeof(void *));
	ops->vm_size = extspt_vm_offset + sizeof(void *);

	/* A vendor module with a backend, as kvm-intel on a TDX host, keeps it. */
	extspt_backend = !ops->set_external_spte;
	if (!extspt_backend)
		return;
	extspt_ops_set(ops);
	extspt_vendor_pre_destroy = ops->vm_pre_destroy;
	ops->vm_pre_destroy = extspt_vm_pre_destroy;
}

unsigned int extspt_vcpu_size(unsigned int vcpu_size)
{
	extspt_vcpu_offset = ALIGN(vcpu_size, sizeof(void *));
	return extspt_vcpu_offset + sizeof(void *);
}

/* The topmost bit that the zap of all of guest memory still covers. */
static void extspt_make_mirrored(struct kvm *kvm)
{
	kvm->arch.gfn_direct_bits = gpa_to_gfn(BIT_ULL(kvm_host.maxphyaddr - 1));
}

/* Which VMs a strategy has: real TDs where kvm-intel has a real backend for them. */
static bool extspt_wants(struct kvm *kvm)
{
	return kvm->arch.vm_type == (extspt_backend ? KVM_X86_SW_PROTECTED_VM : KVM_X86_TDX_VM);
}

/* Upstream's own behaviour; while there is such a VM, no strategy is registered. */
static void extspt_plain_vm(struct kvm *kvm)
{
	if (extspt_backend && !extspt_mirror)
		return;
	if (extspt_backend)
		extspt_make_mirrored(kvm);
	*extspt_vm_state(kvm) = &extspt_nr_plain;
	extspt_nr_plain++;
}

/* A software-protected VM becomes mirrored while a strategy is registered. */
int extspt_vm_create(struct kvm *kvm)
{
	void *vm;

	guard(mutex)(&extspt_lock);
	if (!extspt_wants(kvm))
		return 0;
	if (!extspt_ops) {
		extspt_plain_vm(kvm);
		return 0;
	}
	if (!try_module_get(extspt_ops->owner))
		return -ENODEV;
	vm = extspt_ops->vm_create(kvm, extspt_backend);
	if (IS_ERR(vm)) {
		module_put(extspt_ops->owner);
		return PTR_ERR(vm);
	}
	*extspt_vm_state(kvm) = vm;
	if (extspt_backend)
		extspt_make_mirrored(kvm);
	return 0;
}

void extspt_vm_destroy(struct kvm *kvm)
{
	void **state = extspt_vm_state(kvm);

	if (!*state)
		return;
	if (*state == &extspt_nr_plain) {
		guard(mutex)(&extspt_lock);
		extspt_nr_plain--;
	} else {
		extspt_ops->vm_destroy(*state);
		module_put(extspt_ops->owner);
	}
	*state = NULL;
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

DEFINE_STATIC_KEY_FALSE(extspt_fault_point);
DEFINE_STATIC_KEY_FALSE(extspt_phys_point);
DEFINE_STATIC_KEY_FALSE(extspt_gmem_point);

/* VMs without a strategy, such as SNP's or those older than it, have private faults, too. */
int extspt_fault_begin(struct kvm_vcpu *vcpu, kvm_pfn_t pfn)
{
	void *state = *extspt_vcpu_state(vcpu);

	return state ? extspt_ops->fault_begin(state, pfn_to_page(pfn), PG_LEVEL_4K) : 0;
}

void extspt_fault_end(struct kvm_vcpu *vcpu)
{
	void *state = *extspt_vcpu_state(vcpu);

	if (state)
		extspt_ops->fault_end(state);
}

int extspt_phys_prepare(struct kvm_vcpu *vcpu, kvm_pfn_t pfn)
{
	return extspt_ops->phys_prepare(*extspt_vcpu_state(vcpu), pfn_to_page(pfn), PG_LEVEL_4K);
}

void extspt_phys_cleanup(kvm_pfn_t pfn)
{
	extspt_ops->phys_cleanup(pfn_to_page(pfn), PG_LEVEL_4K);
}

/* For who has no VM of the strategy's, so that it may be about to go. NULL, or held. */
static const struct extspt_kvm_ops *extspt_ops_get(void)
{
	const struct extspt_kvm_ops *ops;

	guard(rcu)();
	ops = READ_ONCE(extspt_ops);
	return ops && ops->gmem_bound && try_module_get(ops->owner) ? ops : NULL;
}

/*
 * Of any VM's memory. The folio's private word, which guest_memfd has no use for,
 * says that the strategy knows it, so that it is told of each folio once. A folio
 * may outlive its VM: it has a hold on the strategy's module of its own.
 */
struct folio *extspt_gmem_folio(struct folio *folio)
{
	const struct extspt_kvm_ops *ops;
	struct address_space *mapping;
	loff_t pos;
	int ret;

	if (IS_ERR(folio) || folio->private == &extspt_ops)
		return folio;
	ops = extspt_ops_get();
	if (!ops)
		return folio;
	ret = ops->gmem_bound(folio_page(folio, 0), folio_nr_pages(folio));
	if (!ret) {
		folio->private = &extspt_ops;
		return folio;
	}
	module_put(ops->owner);
	mapping = folio->mapping;
	pos = folio_pos(folio);
	folio_unlock(folio);
	folio_put(folio);
	truncate_inode_pages_range(mapping, pos, pos + PAGE_SIZE - 1);
	return ERR_PTR(ret);
}

void extspt_gmem_free_folio(struct folio *folio)
{
	const struct extspt_kvm_ops *ops = extspt_ops;

	if (folio->private != &extspt_ops)
		return;
	folio->private = NULL;
	ops->gmem_unbound(folio_page(folio, 0), folio_nr_pages(folio));
	module_put(ops->owner);
}

static void extspt_point(struct static_key_false *point, bool on)
{
	if (on)
		static_branch_enable(point);
	else
		static_branch_disable(point);
}

/* @ops: NULL when there is no strategy any more. */
static void extspt_points_set(const struct extspt_kvm_ops *ops)
{
	extspt_point(&extspt_fault_point, ops && ops->fault_begin);
	extspt_point(&extspt_phys_point, ops && ops->phys_prepare);
	extspt_point(&extspt_gmem_point, ops && ops->gmem_bound);
}

int extspt_kvm_register(const struct extspt_kvm_ops *ops)
{
	guard(mutex)(&extspt_lock);
	if (extspt_ops || extspt_nr_plain)
		return -EBUSY;
	static_call_update(extspt_topup, ops->topup);
	static_call_update(extspt_alloc, ops->alloc);
	static_call_update(extspt_free_unused, ops->free_unused);
	static_call_update(extspt_link, ops->link);
	static_call_update(extspt_map, ops->map);
	static_call_update(extspt_remove, ops->remove);
	static_call_update(extspt_free_spt, ops->free_spt);
	WRITE_ONCE(extspt_ops, ops);
	extspt_points_set(ops);
	return 0;
}
EXPORT_SYMBOL_FOR_MODULES(extspt_kvm_register, "extspt_*");

/* The module's own exit: no VM can hold a reference to it any more. */
void extspt_kvm_unregister(const struct extspt_kvm_ops *ops)
{
	guard(mutex)(&extspt_lock);
	if (WARN_ON_ONCE(extspt_ops != ops))
		return;
	extspt_points_set(NULL);
	WRITE_ONCE(extspt_ops, NULL);
	static_call_update(extspt_topup, extspt_no_topup);
	static_call_update(extspt_alloc, extspt_no_alloc);
	static_call_update(extspt_free_unused, extspt_no_free);
	static_call_update(extspt_link, plain_link);
	static_call_update(extspt_map, plain_map);
	static_call_update(extspt_remove, plain_remove);
	static_call_update(extspt_free_spt, plain_free_spt);
}
EXPORT_SYMBOL_FOR_MODULES(extspt_kvm_unregister, "extspt_*");
