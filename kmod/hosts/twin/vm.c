// SPDX-License-Identifier: GPL-2.0-only
/* A VM of the twin: its TD, its vCPUs and the memory behind it. */

#include "hosts/twin/twin.h"

#define REGION_ORDER	(PMD_SHIFT - PAGE_SHIFT)

struct mlock_class twin_mmu_lock_read, twin_mmu_lock_write;

/*
 * Guest memory is the host's and the same for every design, so it is not on
 * the ledger; it stands for what guest_memfd would have allocated.
 */
static int twin_memory_alloc(struct twin_vm *vm, const struct twin_shape *shape)
{
	struct twin_region *region;
	unsigned int i;

	vm->regions = kvcalloc(shape->nr_regions, sizeof(*vm->regions), GFP_KERNEL);
	if (!vm->regions)
		return -ENOMEM;
	for (i = 0; i < shape->nr_regions; i++) {
		region = &vm->regions[i];
		region->scattered = shape->scattered;
		region->huge = shape->huge && split_source_possible();
		region->backing = alloc_pages(GFP_KERNEL | __GFP_NOWARN,
					      region->scattered ? 0 : REGION_ORDER);
		vm->nr_regions = i + 1;
		if (!region->backing)
			return -ENOMEM;
	}
	return 0;
}

static void twin_memory_free(struct twin_vm *vm)
{
	struct twin_region *region;
	unsigned int i;

	for (i = 0; i < vm->nr_regions; i++) {
		region = &vm->regions[i];
		if (region->backing)
			__free_pages(region->backing, region->scattered ? 0 : REGION_ORDER);
	}
	kvfree(vm->regions);
}

static void twin_vcpu_caches_init(struct twin_vcpu *vcpu, int id)
{
	struct list_head *pools = &vcpu->vm->strategy.pools;

	page_pool_init(&vcpu->spt.pool, "shadow_page_cache", CLASS_MIRROR, OWNER_KVM, id, pools);
	vcpu->spt.gfp_zero = __GFP_ZERO;
	vcpu->spt.fill = MEMORY_CACHE_CAPACITY;
	vcpu->pte_list.fill = MEMORY_CACHE_CAPACITY;
	vcpu->header.fill = MEMORY_CACHE_CAPACITY;
	vcpu->header.gfp_zero = __GFP_ZERO;
}

static int twin_vcpus_create(struct twin_vm *vm, unsigned int nr)
{
	struct twin_vcpu *vcpu;
	int ret;

	vm->vcpus = kvcalloc(nr, sizeof(*vm->vcpus), GFP_KERNEL);
	if (!vm->vcpus)
		return -ENOMEM;
	while (vm->nr_vcpus < nr) {
		vcpu = &vm->vcpus[vm->nr_vcpus];
		vcpu->vm = vm;
		twin_vcpu_caches_init(vcpu, vm->nr_vcpus);
		ret = extspt_vcpu_init(&vcpu->strategy, &vm->strategy, vm->nr_vcpus);
		vm->nr_vcpus++;
		if (ret)
			return ret;
	}
	return 0;
}

static void twin_vcpus_destroy(struct twin_vm *vm)
{
	struct twin_vcpu *vcpu;
	unsigned int i;

	for (i = 0; i < vm->nr_vcpus; i++) {
		vcpu = &vm->vcpus[i];
		extspt_vcpu_destroy(&vcpu->strategy);
		memory_cache_drain(&vcpu->pte_list);
		memory_cache_drain(&vcpu->spt);
		memory_cache_drain(&vcpu->header);
	}
	kvfree(vm->vcpus);
}

static int twin_vm_build(struct twin_vm *vm, const struct twin_shape *shape)
{
	int ret;

	rwlock_init(&vm->mmu_lock.lock);
	vm->mmu_lock.read = &twin_mmu_lock_read;
	vm->mmu_lock.write = &twin_mmu_lock_write;
	INIT_LIST_HEAD(&vm->strategy.pools);
	ret = split_source_vm_init(&vm->strategy.split, &vm->strategy.pools);
	if (ret)
		return ret;
	vm->root = (u64 *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!vm->root)
		return -ENOMEM;
	ret = extspt_td_create(&vm->strategy);
	if (!ret)
		ret = twin_memory_alloc(vm, shape);
	if (!ret)
		ret = twin_vcpus_create(vm, shape->nr_vcpus);
	return ret;
}

/* May sleep. An error pointer; nothing is left behind then. */
struct twin_vm *twin_vm_create(const struct twin_shape *shape)
{
	struct twin_vm *vm = kzalloc(sizeof(*vm), GFP_KERNEL);
	int ret;

	if (!vm)
		return ERR_PTR(-ENOMEM);
	ret = twin_vm_build(vm, shape);
	if (!ret)
		return vm;
	twin_vm_destroy(vm);
	return ERR_PTR(ret);
}

/*
 * kvm_destroy_vm() for a TD: release the HKID, reclaim the pages, drain the
 * caches, then the control pages. Timed as one operation up to the RCU barrier.
 */
void twin_vm_destroy(struct twin_vm *vm)
{
	u64 since = extspt_outer_begin();
	int ret;

	ret = extspt_td_release_hkid(&vm->strategy);
	if (!WARN_ON_ONCE(ret))
		twin_mmu_destroy(vm);
	twin_vcpus_destroy(vm);
	split_source_vm_destroy(&vm->strategy.split);
	extspt_td_destroy(&vm->strategy);
	extspt_outer_end(OP_TEARDOWN, since);

	rcu_barrier();
	free_page((unsigned long)vm->root);
	if (vm->regions)
		twin_memory_free(vm);
	kfree(vm);
}
