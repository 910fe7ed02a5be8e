// SPDX-License-Identifier: GPL-2.0-only
/* A VM of the twin: its TD, its vCPUs and the memory behind it. */

#include "hosts/twin/twin.h"

#define REGION_ORDER	(PMD_SHIFT - PAGE_SHIFT)

struct mlock_class twin_mmu_lock_read, twin_mmu_lock_write;

/* The twin's vCPUs fault, but never run a guest: nobody is in. */
void extspt_host_kick_vcpus(struct extspt_vm *vm)
{
}

static void twin_block_free(struct page *page, unsigned int order)
{
	bool may = true;
	unsigned int i;

	for (i = 0; extspt_check_on() && i < 1U << order; i++) {
		may &= custody_free(page + i, OWNER_KVM, __func__);
		seam_page_freed(page_to_phys(page + i));
	}
	if (may)
		__free_pages(page, order);
}

/* A folio of guest_memfd, all of which is allocated: on record, and known to the design. */
static int twin_block_bind(struct page *page, unsigned int order)
{
	unsigned int i;

	for (i = 0; extspt_check_on() && i < 1U << order; i++)
		custody_alloc(page + i, CLASS_GUEST, OWNER_KVM, GFP_KERNEL, __func__);
	return pamt_install_bound(page, 1U << order);
}

static struct page *twin_block_alloc(unsigned int order)
{
	struct page *page = inject_alloc(alloc_pages(GFP_KERNEL | __GFP_NOWARN, order));

	if (!page || !twin_block_bind(page, order))
		return page;
	twin_block_free(page, order);
	return NULL;
}

static void twin_block_release(struct page *page, unsigned int order)
{
	pamt_install_unbound(page, 1U << order);
	twin_block_free(page, order);
}

/* @nr pages at the start of a 2 MiB block of the host's; the rest goes back. */
static int twin_block_part(struct page **pages, unsigned int nr)
{
	struct page *block = inject_alloc(alloc_pages(GFP_KERNEL | __GFP_NOWARN, REGION_ORDER));
	unsigned int i;
	int ret = 0;

	if (!block)
		return -ENOMEM;
	split_page(block, REGION_ORDER);
	for (i = 0; i < TWIN_PAGES_PER_REGION; i++) {
		if (i >= nr || ret) {
			__free_page(block + i);
			continue;
		}
		ret = twin_block_bind(block + i, 0);
		if (ret)
			twin_block_free(block + i, 0);
		else
			pages[i] = block + i;
	}
	return ret;
}

/* A region's pages, so many from each 2 MiB of the host's memory. */
static int twin_pages_alloc(struct twin_region *region, unsigned int contig)
{
	unsigned int i;
	int ret = 0;

	region->pages = inject_alloc(kvcalloc(TWIN_PAGES_PER_REGION, sizeof(*region->pages),
					      GFP_KERNEL));
	if (!region->pages)
		return -ENOMEM;
	for (i = 0; !ret && i < TWIN_PAGES_PER_REGION; i += contig)
		ret = twin_block_part(&region->pages[i], contig);
	return ret;
}

static void twin_pages_free(struct twin_region *region)
{
	unsigned int i;

	for (i = 0; i < TWIN_PAGES_PER_REGION; i++)
		if (region->pages[i])
			twin_block_release(region->pages[i], 0);
	kvfree(region->pages);
}

/*
 * Guest memory is the host's and the same for every design, so it is not on
 * the ledger; it stands for what guest_memfd would have allocated.
 */
static int twin_memory_alloc(struct twin_vm *vm, const struct twin_shape *shape)
{
	struct twin_region *region;
	unsigned int i;

	vm->regions = inject_alloc(kvcalloc(shape->nr_regions, sizeof(*vm->regions), GFP_KERNEL));
	if (!vm->regions)
		return -ENOMEM;
	for (i = 0; i < shape->nr_regions; i++) {
		region = &vm->regions[i];
		if (shape->contig && shape->contig < TWIN_PAGES_PER_REGION) {
			vm->nr_regions = i + 1;
			if (twin_pages_alloc(region, shape->contig))
				return -ENOMEM;
			continue;
		}
		region->scattered = shape->scattered;
		region->huge = shape->huge && split_source_possible();
		region->backing = twin_block_alloc(region->scattered ? 0 : REGION_ORDER);
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
		if (region->pages)
			twin_pages_free(region);
		if (region->backing)
			twin_block_release(region->backing, region->scattered ? 0 : REGION_ORDER);
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

	vm->vcpus = inject_alloc(kvcalloc(nr, sizeof(*vm->vcpus), GFP_KERNEL));
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
		custody_pools_gone(&vm->strategy.pools, i);
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
	vm->root = inject_alloc((u64 *)get_zeroed_page(GFP_KERNEL_ACCOUNT));
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
	struct twin_vm *vm = inject_alloc(kzalloc(sizeof(*vm), GFP_KERNEL));
	enum check_path before;
	int ret;

	if (!vm)
		return ERR_PTR(-ENOMEM);
	before = check_path_enter(PATH_INIT);
	ret = twin_vm_build(vm, shape);
	check_path_leave(before);
	if (!ret)
		return vm;
	twin_vm_destroy(vm);
	return ERR_PTR(ret);
}

/*
 * kvm_destroy_vm() for a TD: release the HKID, reclaim the pages, drain the
 * caches, then the control pages. Timed as one operation up to the RCU barrier.
 */
static void twin_vm_destroy_one(struct twin_vm *vm, bool wait)
{
	enum check_path before = check_path_enter(PATH_TEARDOWN);
	u64 since = extspt_outer_begin();
	int ret;

	ret = extspt_td_release_hkid(&vm->strategy);
	if (!WARN_ON_ONCE(ret))
		twin_mmu_destroy(vm);
	twin_vcpus_destroy(vm);
	split_source_vm_destroy(&vm->strategy.split);
	extspt_td_destroy(&vm->strategy);
	extspt_outer_end(OP_TEARDOWN, since);
	custody_pools_gone(&vm->strategy.pools, -1);

	if (wait)
		rcu_barrier();
	free_page((unsigned long)vm->root);
	if (vm->regions)
		twin_memory_free(vm);
	kfree(vm);
	check_path_leave(before);
}

static void twin_vms_destroy(struct twin_vm *vm, bool wait)
{
	struct twin_vm *next;

	for (; vm; vm = next) {
		next = vm->next;
		twin_vm_destroy_one(vm, wait);
	}
}

void twin_vm_destroy(struct twin_vm *vm)
{
	twin_vms_destroy(vm, true);
}

/* The barrier takes ticks; what RCU still has to free does not refer to the VM. */
void twin_vm_destroy_async(struct twin_vm *vm)
{
	twin_vms_destroy(vm, false);
}
