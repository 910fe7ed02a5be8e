/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The contract between a strategy and its host.
 *
 * A strategy is one choice per axis (variant.h names the headers), composed
 * here at compile time. It knows neither the twin's nor KVM's structs: its
 * state is the two structs below, which the host hangs on its vCPU and VM;
 * pages are struct page; locks are stated, not named. Each axis' contract.h
 * says for each hook what is held, what may sleep or fail, and whose the page
 * is afterwards.
 *
 *	host (KVM's MMU)		      TDX (kmod/tdx/, as tdx.c)
 *
 *	pamt_install_bound()			guest_memfd has a folio
 *	extspt_vcpu_topup()	------------> topup		no lock, sleeps
 *	extspt_fault_begin()	------------> prepare_pfn	no lock, sleeps
 *	sept_source_alloc()			mmu_lock read
 *	extspt_phys_prepare()	------------> phys_prepare	mmu_lock read
 *				------------> link, map		mmu_lock read
 *	extspt_fault_end()	------------> pfn_done		no lock
 *				------------> remove, split	mmu_lock write
 *				------------> free_spt		HKID released
 *	free_path_unused(), free_path_rcu()
 *
 * The arrows are vendor calls (tdx/ops.h): direct, static_call or a pointer,
 * which is an axis too.
 */
#ifndef EXTSPT_STRATEGY_H
#define EXTSPT_STRATEGY_H

#include <linux/list.h>

#include "variant.h"

#include "lib/ledger.h"
#include "lib/memory_cache.h"
#include "lib/mlock.h"
#include "lib/page_list.h"
#include "tdx/pamt.h"
#include "tdx/td.h"

/* Where choices have much in common, the contract fills in what one leaves out. */
#include EXTSPT_AXIS_PAMT_LOCK
#include "axes/pamt_lock/contract.h"
#include EXTSPT_AXIS_PAMT_INSTALL
#include "axes/pamt_install/contract.h"
#include "axes/pamt_source/contract.h"
#include EXTSPT_AXIS_PAMT_SOURCE
#include "axes/sept_source/contract.h"
#include EXTSPT_AXIS_SEPT_SOURCE
#include EXTSPT_AXIS_SPLIT_SOURCE
#include "axes/split_source/contract.h"
#include "axes/free_path/contract.h"
#include EXTSPT_AXIS_FREE_PATH

/* Strategy state of a VM; zeroed by the host. */
struct extspt_vm {
	struct extspt_td td;
	struct split_source_vm split;
	struct list_head pools;		/* every page_pool of the VM and its vCPUs */
};

/* The host's: every vCPU leaves the guest before it returns. mmu_lock held for write. */
void extspt_host_kick_vcpus(struct extspt_vm *vm);

/* Strategy state of a vCPU; zeroed by the host. */
struct extspt_vcpu {
	struct extspt_vm *vm;
	struct pamt_install_vcpu install;
	struct pamt_source_vcpu pamt;
	struct sept_source_vcpu sept;
};

#include "tdx/ops.h"

/* No lock held; may sleep. Pages allocated by a failed init are freed by destroy. */
static inline int extspt_vcpu_init(struct extspt_vcpu *vcpu, struct extspt_vm *vm, int id)
{
	int ret;

	vcpu->vm = vm;
	ret = pamt_source_vcpu_init(&vcpu->pamt, id, &vm->pools);
	return ret ?: sept_source_vcpu_init(&vcpu->sept, &vcpu->pamt, id, &vm->pools);
}

static inline void extspt_vcpu_destroy(struct extspt_vcpu *vcpu)
{
	sept_source_vcpu_destroy(&vcpu->sept);
	pamt_source_vcpu_destroy(&vcpu->pamt);
}

/*
 * Before every fault, no lock held; may sleep. -ENOMEM when a cache is still
 * below what the worst fault needs.
 */
static inline int extspt_vcpu_topup(struct extspt_vcpu *vcpu)
{
	int ret = sept_source_topup(&vcpu->sept);

	if (!ret)
		ret = pamt_source_kvm_topup(&vcpu->pamt);
	if (ret || !pamt_source_wants_topup())
		return ret;
	return vendor_call(topup, vcpu, sept_source_list_pages());
}

/*
 * A fault has its pfn, @page, and maps it at @level or not at all. No lock held;
 * may sleep. 0 or -errno. Whatever becomes of it, and after an error as well,
 * extspt_fault_end() follows once mmu_lock is dropped.
 */
static inline int extspt_fault_begin(struct extspt_vcpu *vcpu, struct page *page, int level)
{
	return IS_ENABLED(CONFIG_EXTSPT_NEEDS_PREPARE_PFN) ?
	       vendor_call(prepare_pfn, vcpu, page, level) : 0;
}

static inline void extspt_fault_end(struct extspt_vcpu *vcpu)
{
	if (IS_ENABLED(CONFIG_EXTSPT_NEEDS_PREPARE_PFN))
		vendor_call(pfn_done, vcpu);
}

/*
 * mmu_lock held for read: a mirror SPTE is about to be frozen for @page, which is
 * an S-EPT page (@level is that of the page itself, 4 KiB) or a guest's. Cleanup:
 * the vendor op was not called, or failed. 0 or -errno.
 */
static inline int extspt_phys_prepare(struct extspt_vcpu *vcpu, struct page *page, int level)
{
	return IS_ENABLED(CONFIG_EXTSPT_NEEDS_PHYS_PREPARE) ?
	       vendor_call(phys_prepare, vcpu, page, level) : 0;
}

static inline void extspt_phys_cleanup(struct page *page, int level)
{
	if (IS_ENABLED(CONFIG_EXTSPT_NEEDS_PHYS_PREPARE))
		vendor_call(phys_cleanup, page, level);
}

#endif /* EXTSPT_STRATEGY_H */
