// SPDX-License-Identifier: GPL-2.0-only
/*
 * The strategy behind kvm.ko's seam: the same axis headers and the same kmod/tdx
 * as in the twin, called from KVM's own MMU.
 */

#include <linux/module.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include "hosts/kvm/host_kvm.h"
#include "hosts/kvm/seam.h"
#include "lib/checked.h"
#include "lib/custody.h"
#include "lib/inject.h"

/* And guest_memfd's folios, for strategies that are told of them. */
atomic_t kvm_nr_vms = ATOMIC_INIT(0);
DECLARE_WAIT_QUEUE_HEAD(kvm_vm_gone);

/* What KVM hangs on a VM. */
struct kvm_vm_state {
	struct extspt_vm strategy;
	struct list_head node;
	void *kvm;
	bool modelled;		/* its TD is one of the SEAM model */
	u64 released_at;
};

/* What KVM hangs on a vCPU: its strategy. */
struct kvm_vcpu_state {
	struct extspt_vcpu strategy;
	int id;
};

static LIST_HEAD(vms);
static DEFINE_MUTEX(vms_lock);

static unsigned int count_pools(void)
{
	struct kvm_vm_state *vm;
	unsigned int nr = 0;

	list_for_each_entry(vm, &vms, node)
		nr += list_count_nodes(&vm->strategy.pools);
	return nr;
}

int kvm_pools_snapshot(struct pool_snapshot *snapshot)
{
	struct kvm_vm_state *vm;
	struct page_pool *pool;
	int ret = 0;

	mutex_lock(&vms_lock);
	snapshot->nr = 0;
	snapshot->pools = kvcalloc(count_pools(), sizeof(*snapshot->pools), GFP_KERNEL);
	if (!snapshot->pools)
		ret = -ENOMEM;
	list_for_each_entry(vm, &vms, node)
		list_for_each_entry(pool, &vm->strategy.pools, node)
			if (!ret)
				snapshot->pools[snapshot->nr++] = *pool;
	mutex_unlock(&vms_lock);
	return ret;
}

static int vm_init(struct kvm_vm_state *vm)
{
	int ret;

	INIT_LIST_HEAD(&vm->strategy.pools);
	ret = split_source_vm_init(&vm->strategy.split, &vm->strategy.pools);
	if (!ret && vm->modelled)
		ret = extspt_td_create(&vm->strategy);
	if (ret) {
		split_source_vm_destroy(&vm->strategy.split);
		custody_pools_gone(&vm->strategy.pools, -1);
	}
	return ret;
}

static void *vm_create(void *kvm, bool modelled)
{
	enum check_path before = check_path_enter(PATH_INIT);
	struct kvm_vm_state *vm;
	int ret = -ENOMEM;

	vm = inject_alloc(kzalloc(sizeof(*vm), GFP_KERNEL));
	if (vm) {
		vm->kvm = kvm;
		vm->modelled = modelled;
		ret = vm_init(vm);
	}
	check_path_leave(before);
	if (ret) {
		kfree(vm);
		return ERR_PTR(ret);
	}
	mutex_lock(&vms_lock);
	list_add_tail(&vm->node, &vms);
	mutex_unlock(&vms_lock);
	atomic_inc(&kvm_nr_vms);
	return vm;
}

static void vm_release(void *state)
{
	enum check_path before = check_path_enter(PATH_TEARDOWN);
	struct kvm_vm_state *vm = state;

	vm->released_at = extspt_outer_begin();
	WARN_ON_ONCE(extspt_td_release_hkid(&vm->strategy));
	check_path_leave(before);
}

static void vm_destroy(void *state)
{
	enum check_path before = check_path_enter(PATH_TEARDOWN);
	struct kvm_vm_state *vm = state;

	/* A VM whose creation failed half-way was never told to let its HKID go. */
	if (vm->modelled && !vm->released_at)
		vm_release(vm);
	mutex_lock(&vms_lock);
	list_del(&vm->node);
	mutex_unlock(&vms_lock);
	split_source_vm_destroy(&vm->strategy.split);
	custody_pools_gone(&vm->strategy.pools, -1);
	if (vm->modelled) {
		extspt_td_destroy(&vm->strategy);
		extspt_outer_end(OP_TEARDOWN, vm->released_at);
	}
	check_path_leave(before);
	/* What was left to RCU has to be back before anybody counts. */
	rcu_barrier();
	kfree(vm);
	atomic_dec(&kvm_nr_vms);
	wake_up_all(&kvm_vm_gone);
}

static void vcpu_free(struct kvm_vcpu_state *vcpu)
{
	extspt_vcpu_destroy(&vcpu->strategy);
	custody_pools_gone(&vcpu->strategy.vm->pools, vcpu->id);
	kfree(vcpu);
}

static void *vcpu_create(void *state, int id)
{
	enum check_path before = check_path_enter(PATH_INIT);
	struct kvm_vm_state *vm = state;
	struct kvm_vcpu_state *vcpu;
	int ret = -ENOMEM;

	vcpu = inject_alloc(kzalloc(sizeof(*vcpu), GFP_KERNEL));
	if (vcpu) {
		vcpu->id = id;
		ret = extspt_vcpu_init(&vcpu->strategy, &vm->strategy, id);
		if (ret)
			vcpu_free(vcpu);
	}
	check_path_leave(before);
	return ret ? ERR_PTR(ret) : &vcpu->strategy;
}

static void vcpu_destroy(void *state)
{
	enum check_path before = check_path_enter(PATH_TEARDOWN);

	vcpu_free(container_of(state, struct kvm_vcpu_state, strategy));
	check_path_leave(before);
}

static int topup(void *state, bool fault)
{
	enum check_path before = check_path_enter(PATH_TOPUP);
	u64 since = extspt_step_begin();
	int ret = extspt_vcpu_topup(state);

	extspt_step_end(OP_TOPUP, since);
	check_path_leave(before);
	/* Every attempt; a sample takes its fault's first one off again. */
	if (fault)
		extspt_count(COUNT_RETRIES);
	return ret;
}

static struct page *alloc(void *state)
{
	enum check_path before = check_path_enter(PATH_FAULT);
	struct extspt_vcpu *vcpu = state;
	u64 since = extspt_step_begin();
	struct page *page = sept_source_alloc(&vcpu->sept);

	extspt_step_end(OP_ALLOC, since);
	check_path_leave(before);
	return page;
}

static void free_unused(struct page *sept)
{
	enum check_path before = check_path_enter(PATH_FAULT);

	extspt_count(COUNT_LOST_RACES);
	free_path_unused(sept);
	check_path_leave(before);
}

static int link(void *vcpu, u64 gfn, int level, struct page *sept)
{
	enum check_path before = check_path_enter(PATH_FAULT);
	int ret;

	/* As if another vCPU had set the mirror's SPTE. */
	ret = inject_fails(INJECT_LOST, __func__) ? -EBUSY :
	      vendor_call(link, vcpu, gfn, level, sept);
	check_path_leave(before);
	return ret;
}

static int map(void *vcpu, u64 gfn, int level, struct page *page)
{
	enum check_path before = check_path_enter(PATH_FAULT);
	int ret;

	ret = inject_fails(INJECT_LOST, __func__) ? -EBUSY :
	      vendor_call(map, vcpu, gfn, level, page);
	check_path_leave(before);
	if (!ret)
		extspt_uncount(COUNT_SPURIOUS);
	return ret;
}

void extspt_host_kick_vcpus(struct extspt_vm *vm)
{
	extspt_kick_vcpus(container_of(vm, struct kvm_vm_state, strategy)->kvm);
}

static int remove(void *state, u64 gfn, int level, struct page *page)
{
	enum check_path before = check_path_enter(PATH_ZAP);
	struct kvm_vm_state *vm = state;
	int ret = vendor_call(remove, &vm->strategy, gfn, level, page);

	check_path_leave(before);
	return ret;
}

static struct page *free_spt(void *state, struct page *sept)
{
	enum check_path before = check_path_enter(PATH_TEARDOWN);
	struct kvm_vm_state *vm = state;
	struct page *page = vendor_call(free_spt, &vm->strategy, sept);

	check_path_leave(before);
	return page;
}

static int fault_begin(void *vcpu, struct page *page, int level)
{
	enum check_path before = check_path_enter(PATH_TOPUP);
	int ret = extspt_fault_begin(vcpu, page, level);

	check_path_leave(before);
	return ret;
}

static void fault_end(void *vcpu)
{
	extspt_fault_end(vcpu);
}

static int phys_prepare(void *vcpu, struct page *page, int level)
{
	enum check_path before = check_path_enter(PATH_FAULT);
	int ret = extspt_phys_prepare(vcpu, page, level);

	check_path_leave(before);
	return ret;
}

/* Until it is unbound a run is not over. */
static int gmem_bound(struct page *page, unsigned int nr)
{
	enum check_path before = check_path_enter(PATH_OTHER);
	int ret = pamt_install_bound(page, nr);

	check_path_leave(before);
	if (!ret)
		atomic_inc(&kvm_nr_vms);
	return ret;
}

static void gmem_unbound(struct page *page, unsigned int nr)
{
	pamt_install_unbound(page, nr);
	if (atomic_dec_and_test(&kvm_nr_vms))
		wake_up_all(&kvm_vm_gone);
}

/* NULL for a point that the design does not need. */
#define POINT(need, op)	(IS_ENABLED(CONFIG_EXTSPT_NEEDS_##need) ? (op) : NULL)

const struct extspt_kvm_ops extspt_kvm_ops = {
	.owner		= THIS_MODULE,
	.vm_create	= vm_create,
	.vm_release	= vm_release,
	.vm_destroy	= vm_destroy,
	.vcpu_create	= vcpu_create,
	.vcpu_destroy	= vcpu_destroy,
	.topup		= topup,
	.alloc		= alloc,
	.free_unused	= free_unused,
	.link		= link,
	.map		= map,
	.remove		= remove,
	.free_spt	= free_spt,
	/* No model has counted it: as if it had never been the module's. */
	.free_used	= free_path_unused,
	.free_rcu	= free_path_rcu,
	.fault_begin	= POINT(PREPARE_PFN, fault_begin),
	.fault_end	= POINT(PREPARE_PFN, fault_end),
	.phys_prepare	= POINT(PHYS_PREPARE, phys_prepare),
	.phys_cleanup	= POINT(PHYS_PREPARE, extspt_phys_cleanup),
	.gmem_bound	= POINT(GMEM_BOUND, gmem_bound),
	.gmem_unbound	= POINT(GMEM_BOUND, gmem_unbound),
};
