/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between the patched kvm.ko (tree/) and a strategy module: opaque pointers and
 * pages, no struct of either side. A strategy is registered while none is; the
 * VMs created from then on are mirrored and hold a reference to its module.
 *
 * The ops of the fault path are reached through static calls.
 */
#ifndef EXTSPT_KVM_SEAM_H
#define EXTSPT_KVM_SEAM_H

#include <linux/types.h>

struct module;
struct page;

struct extspt_kvm_ops {
	struct module *owner;

	/*
	 * No lock held; may sleep. An error pointer, or what hangs on the VM, @kvm,
	 * which is there until vm_destroy. @modelled: link to free_spt are called;
	 * otherwise tdx.c does their work on a real TD, and hands back with free_used.
	 */
	void *(*vm_create)(void *kvm, bool modelled);
	/* No lock held; may sleep: the HKID goes, every leaf is gone already. */
	void (*vm_release)(void *vm);
	/* After the last vCPU and page table; waits for free_rcu. May sleep. */
	void (*vm_destroy)(void *vm);
	/* Before the first fault of vCPU @id. May sleep; one at a time. */
	void *(*vcpu_create)(void *vm, int id);
	void (*vcpu_destroy)(void *vcpu);

	/* No lock held; may sleep. @fault: not for the roots. 0 or -ENOMEM. */
	int (*topup)(void *vcpu, bool fault);
	/* mmu_lock held for read, in RCU. NULL: -ENOMEM, the fault fails. */
	struct page *(*alloc)(void *vcpu);
	/* The page lost its race. mmu_lock held for read, in RCU. */
	void (*free_unused)(struct page *sept);
	/* mmu_lock held for read, the SPTE frozen. 0, -EBUSY (retry), -EIO, -ENOMEM. */
	int (*link)(void *vcpu, u64 gfn, int level, struct page *sept);
	int (*map)(void *vcpu, u64 gfn, int level, struct page *page);
	/* mmu_lock held for write. Kicks the vCPUs. 0 or -EIO. */
	int (*remove)(void *vm, u64 gfn, int level, struct page *page);
	/* HKID released, mmu_lock held. What KVM frees by RCU, or NULL. */
	struct page *(*free_spt)(void *vm, struct page *sept);
	/* A real TDX module has given the page back. mmu_lock held. */
	void (*free_used)(struct page *sept);
	/* KVM, by RCU: what free_spt left to it. Softirq. */
	void (*free_rcu)(struct page *sept);

	/*
	 * Points that few strategies need; NULL, in pairs, for all others. KVM goes
	 * past a nop there.
	 *
	 * No lock held; may sleep: a private fault has its @page. The end follows in
	 * any case, after mmu_lock is dropped. 0 or -errno.
	 */
	int (*fault_begin)(void *vcpu, struct page *page, int level);
	void (*fault_end)(void *vcpu);
	/* mmu_lock held for read, in RCU, before the SPTE is frozen; undone unless it is set. */
	int (*phys_prepare)(void *vcpu, struct page *page, int level);
	void (*phys_cleanup)(struct page *page, int level);
	/* The folio's lock held; may sleep: guest_memfd has it, and gives it back. */
	int (*gmem_bound)(struct page *page, unsigned int nr);
	void (*gmem_unbound)(struct page *page, unsigned int nr);
};

/* 0; -EBUSY: there is one, or a mirrored VM without any. */
int extspt_kvm_register(const struct extspt_kvm_ops *ops);
void extspt_kvm_unregister(const struct extspt_kvm_ops *ops);
/* All vCPUs leave the guest: KVM_REQ_OUTSIDE_GUEST_MODE. mmu_lock held for write. */
void extspt_kick_vcpus(void *kvm);

#endif /* EXTSPT_KVM_SEAM_H */
