/* SPDX-License-Identifier: GPL-2.0-only */
/* A table of pointers, as kvm_x86_ops was before static calls. */
#ifndef EXTSPT_VENDOR_CALL_INDIRECT_H
#define EXTSPT_VENDOR_CALL_INDIRECT_H

struct extspt_tdx_ops {
#define EXTSPT_OP(op)	typeof(tdx_##op) *op;
#include "tdx/op_list.h"
};

extern struct extspt_tdx_ops extspt_tdx_ops;

#define vendor_call(op, ...)	extspt_tdx_ops.op(__VA_ARGS__)
#define VENDOR_CALL_DEFINE	struct extspt_tdx_ops extspt_tdx_ops;

static inline void vendor_call_init(void)
{
#define EXTSPT_OP(op)	extspt_tdx_ops.op = tdx_##op;
#include "tdx/op_list.h"
}

#endif /* EXTSPT_VENDOR_CALL_INDIRECT_H */
