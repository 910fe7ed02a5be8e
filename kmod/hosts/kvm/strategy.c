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

atomic_t kvm_nr_vms = ATOMIC_INIT(0);
DECLARE_WAIT_QUEUE_HEAD(kvm_vm_gone);
struct extspt_vm *kvm_last_vm;

/* What KVM hangs on a VM. */
struct kvm_vm_state {
	struct extspt_vm strategy;
	u64 released_at;
};

static void *vm_create(void)
{
	struct kvm_vm_state *vm = kzalloc(sizeof(*vm), GFP_KERNEL);
	int ret;

	if (!vm)
		return ERR_PTR(-ENOMEM);
	INIT_LIST_HEAD(&vm->strategy.pools);
	ret = split_source_vm_init(&vm->strategy.split, &vm->strategy.pools);
	if (!ret)
		ret = extspt_td_create(&vm->strategy);
	if (ret) {
		split_source_vm_destroy(&vm->strategy.split);
		kfree(vm);
		return ERR_PTR(ret);
	}
	kvm_last_vm = &vm->strategy;
	atomic_inc(&kvm_nr_vms);
	return vm;
}

static void vm_release(void *state)
{
	struct kvm_vm_state *vm = state;

	vm->released_at = extspt_outer_begin();
	WARN_ON_ONCE(extspt_td_release_hkid(&vm->strategy));
}

static void vm_destroy(void *state)
{
	struct kvm_vm_state *vm = state;

	split_source_vm_destroy(&vm->strategy.split);
	extspt_td_destroy(&vm->strategy);
	extspt_outer_end(OP_TEARDOWN, vm->released_at);
	kfree(vm);
	/* What was left to RCU has to be back before anybody counts. */
	rcu_barrier();
	atomic_dec(&kvm_nr_vms);
	wake_up_all(&kvm_vm_gone);
}

static void *vcpu_create(void *state, int id)
{
	struct extspt_vcpu *vcpu = kzalloc(sizeof(*vcpu), GFP_KERNEL);
	struct kvm_vm_state *vm = state;
	int ret;

	if (!vcpu)
		return ERR_PTR(-ENOMEM);
	ret = extspt_vcpu_init(vcpu, &vm->strategy, id);
	if (!ret)
		return vcpu;
	extspt_vcpu_destroy(vcpu);
	kfree(vcpu);
	return ERR_PTR(ret);
}

static void vcpu_destroy(void *state)
{
	extspt_vcpu_destroy(state);
	kfree(state);
}

static int topup(void *state, bool fault)
{
	u64 since = extspt_step_begin();
	int ret = extspt_vcpu_topup(state);

	extspt_step_end(OP_TOPUP, since);
	/* Every attempt; a sample takes its fault's first one off again. */
	if (fault)
		extspt_count(COUNT_RETRIES);
	return ret;
}

static struct page *alloc(void *state)
{
	struct extspt_vcpu *vcpu = state;
	u64 since = extspt_step_begin();
	struct page *page = sept_source_alloc(&vcpu->sept);

	extspt_step_end(OP_ALLOC, since);
	return page;
}

static void free_unused(struct page *sept)
{
	extspt_count(COUNT_LOST_RACES);
	free_path_unused(sept);
}

static int link(void *vcpu, u64 gfn, int level, struct page *sept)
{
	return vendor_call(link, vcpu, gfn, level, sept);
}

static int map(void *vcpu, u64 gfn, int level, struct page *page)
{
	int ret = vendor_call(map, vcpu, gfn, level, page);

	if (!ret)
		extspt_uncount(COUNT_SPURIOUS);
	return ret;
}

static int remove(void *state, u64 gfn, int level, struct page *page)
{
	struct kvm_vm_state *vm = state;

	return vendor_call(remove, &vm->strategy, gfn, level, page);
}

static struct page *free_spt(void *state, struct page *sept)
{
	struct kvm_vm_state *vm = state;

	return vendor_call(free_spt, &vm->strategy, sept);
}

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
	.free_rcu	= free_path_rcu,
};
