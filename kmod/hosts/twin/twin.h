/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The twin host: a small copy of KVM's TDP MMU path for mirror page tables.
 *
 * It models KVM's path and does not drive KVM. Locking, RCU, the freeze by
 * cmpxchg, the order of steps and the GFP flags follow arch/x86/kvm/mmu/ of
 * Linux 7.2; guest memory, memslots and the vCPU's own state are left out.
 */
#ifndef EXTSPT_TWIN_H
#define EXTSPT_TWIN_H

#include <linux/io.h>
#include <linux/rcupdate.h>

#include "lib/compat.h"
#include "strategy.h"

#define TWIN_MAX_VCPUS		64
/* 4-level S-EPT: the root is a control page of the TD. */
#define TWIN_ROOT_LEVEL		4
#define TWIN_PAGES_PER_REGION	PTRS_PER_PTE

/* Mirror SPTEs: who walks them is this host only, so the bits are its own. */
#define SPTE_PRESENT		BIT_ULL(0)
#define SPTE_LEAF		BIT_ULL(1)
/* As upstream's FROZEN_SPTE: not present, and nobody else's to change. */
#define SPTE_FROZEN		0x5a0ULL

/* struct kvm_mmu_page; found from a page table through its page->private. */
struct twin_sp {
	u64 *spt;
	struct page *sept;		/* sp->external_spt */
	unsigned long ledger_entry;	/* of the spt's page */
	struct rcu_head rcu;
};

/* 2 MiB of guest physical address space and the memory behind it. */
struct twin_region {
	struct page *backing;
	struct page **pages;		/* of a region that is not contiguous, else NULL */
	bool scattered;			/* one page only, at the region's start */
	bool huge;			/* may be mapped as 2 MiB: not converted yet */
	unsigned int converted;		/* conversions done, for the vCPUs to follow */
};

struct twin_vcpu {
	struct extspt_vcpu strategy;
	struct twin_vm *vm;
	/* mmu_pte_list_desc_cache, mmu_shadow_page_cache, mmu_page_header_cache */
	struct memory_cache pte_list, spt, header;
};

struct twin_vm {
	struct extspt_vm strategy;
	struct mrwlock mmu_lock;
	u64 *root;
	struct twin_region *regions;
	unsigned int nr_regions;
	struct twin_vcpu *vcpus;
	unsigned int nr_vcpus;
	struct twin_vm *next;		/* destroyed with this one */
};

struct twin_shape {
	unsigned int nr_vcpus;
	unsigned int nr_regions;
	unsigned int contig;		/* pages per 2 MiB of the host's memory; 0: all */
	bool scattered;			/* one page per region */
	bool huge;			/* 2 MiB mappings, if the design can split them */
};

/* sp.c: page tables, and the caches they come from */
int twin_mmu_init(void);
void twin_mmu_exit(void);
int twin_mmu_topup(struct twin_vcpu *vcpu);
struct twin_sp *twin_sp_alloc(struct twin_vcpu *vcpu);
void twin_sp_free_unused(struct twin_sp *sp);
void twin_sp_free_rcu(struct twin_sp *sp);
struct twin_sp *twin_sp_alloc_for_split(struct twin_vm *vm);
void twin_sp_free_for_split(struct twin_vm *vm, struct twin_sp *sp);

/* mirror.c: the fault path */
int twin_fault(struct twin_vcpu *vcpu, u64 gfn);
void twin_mmu_destroy(struct twin_vm *vm);
u64 *twin_find_leaf(struct twin_vm *vm, u64 gfn, int *level);
u64 twin_leaf_spte(struct page *page);
u64 twin_nonleaf_spte(struct twin_sp *sp);

/* convert.c: what a conversion to shared does */
int twin_convert(struct twin_vm *vm, u64 gfn);
int twin_split_regions(struct twin_vm *vm, unsigned int first, unsigned int nr, unsigned int step);

/* vm.c */
extern struct mlock_class twin_mmu_lock_read, twin_mmu_lock_write;
struct twin_vm *twin_vm_create(const struct twin_shape *shape);
void twin_vm_destroy(struct twin_vm *vm);
/* Its mirror pages are still on their way through RCU when this returns. */
void twin_vm_destroy_async(struct twin_vm *vm);

static inline struct page *twin_gfn_to_page(struct twin_vm *vm, u64 gfn)
{
	struct twin_region *region = &vm->regions[gfn / TWIN_PAGES_PER_REGION];

	if (region->pages)
		return region->pages[gfn % TWIN_PAGES_PER_REGION];
	return region->backing + gfn % TWIN_PAGES_PER_REGION;
}

static inline u64 twin_gfn_base(unsigned int region)
{
	return (u64)region * TWIN_PAGES_PER_REGION;
}

#endif /* EXTSPT_TWIN_H */
