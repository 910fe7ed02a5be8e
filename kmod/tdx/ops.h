/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The vendor ops: what KVM's MMU asks of TDX, in the shape tdx.c has. How a
 * call gets there is axis vendor_call.
 */
#ifndef EXTSPT_TDX_OPS_H
#define EXTSPT_TDX_OPS_H

#include <linux/types.h>

struct extspt_vcpu;
struct extspt_vm;
struct page;

/* No lock; may sleep. Fills TDX's cache for one fault and @extra pages more. */
int tdx_topup(struct extspt_vcpu *vcpu, unsigned int extra);

/* No lock; may sleep: the pfn of a fault is known. Done: the fault is over, in any way. */
int tdx_prepare_pfn(struct extspt_vcpu *vcpu, struct page *page, int level);
void tdx_pfn_done(struct extspt_vcpu *vcpu);

/* mmu_lock held for read, the SPTE not frozen yet. Cleanup: the page stays the caller's. */
int tdx_phys_prepare(struct extspt_vcpu *vcpu, struct page *page, int level);
void tdx_phys_cleanup(struct page *page, int level);

/*
 * mmu_lock held for read, the SPTE frozen; never sleep. 0; -EBUSY: restore the
 * SPTE and retry the fault; -ENOMEM, -EIO: the fault fails. On error the page
 * is still the caller's. @level is that of the SPTE being set.
 */
int tdx_link(struct extspt_vcpu *vcpu, u64 gfn, int level, struct page *sept);
int tdx_map(struct extspt_vcpu *vcpu, u64 gfn, int level, struct page *page);

/* mmu_lock held for write; never sleep. On success the guest page is the caller's again. */
int tdx_remove(struct extspt_vm *vm, u64 gfn, int level, struct page *page);
/* @sept becomes the module's on success, @page stays mapped as 512 small ones. */
int tdx_split(struct extspt_vm *vm, u64 gfn, struct page *sept, struct page *page);

/* HKID released, mmu_lock held for read. Returns what KVM has to free by RCU, or NULL. */
struct page *tdx_free_spt(struct extspt_vm *vm, struct page *sept);
/* HKID released, mmu_lock held for read: a guest page comes back. 0 or -EIO. */
int tdx_reclaim(struct extspt_vm *vm, struct page *page, int level);

#include "axes/vendor_call/contract.h"
#include EXTSPT_AXIS_VENDOR_CALL

#endif /* EXTSPT_TDX_OPS_H */
