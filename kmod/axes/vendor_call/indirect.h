/* SPDX-License-Identifier: GPL-2.0-only */
/* A table of pointers, as kvm_x86_ops was before static calls. */
#ifndef EXTSPT_VENDOR_CALL_INDIRECT_H
#define EXTSPT_VENDOR_CALL_INDIRECT_H

struct extspt_tdx_ops {
	int (*topup)(struct extspt_vcpu *vcpu, unsigned int extra);
	int (*prepare_pfn)(struct extspt_vcpu *vcpu, struct page *page, int level);
	void (*pfn_done)(struct extspt_vcpu *vcpu);
	int (*phys_prepare)(struct extspt_vcpu *vcpu, struct page *page, int level);
	void (*phys_cleanup)(struct page *page, int level);
	int (*link)(struct extspt_vcpu *vcpu, u64 gfn, int level, struct page *sept);
	int (*map)(struct extspt_vcpu *vcpu, u64 gfn, int level, struct page *page);
	int (*remove)(struct extspt_vm *vm, u64 gfn, int level, struct page *page);
	int (*split)(struct extspt_vm *vm, u64 gfn, struct page *sept, struct page *page);
	struct page *(*free_spt)(struct extspt_vm *vm, struct page *sept);
	int (*reclaim)(struct extspt_vm *vm, struct page *page, int level);
};

extern struct extspt_tdx_ops extspt_tdx_ops;

#define vendor_call(op, ...)	extspt_tdx_ops.op(__VA_ARGS__)
#define VENDOR_CALL_DEFINE(op)
#define VENDOR_CALL_TABLE	struct extspt_tdx_ops extspt_tdx_ops

static inline void vendor_call_init(void)
{
#define EXTSPT_OP(op)	WRITE_ONCE(extspt_tdx_ops.op, tdx_##op)
#include "tdx/op_list.h"
}

#endif /* EXTSPT_VENDOR_CALL_INDIRECT_H */
