/* SPDX-License-Identifier: GPL-2.0-only */
/* A pointer per op, as in kvm_x86_ops before static calls. */
#ifndef EXTSPT_VENDOR_CALL_INDIRECT_H
#define EXTSPT_VENDOR_CALL_INDIRECT_H

#define EXTSPT_OP(op)	extern __typeof__(tdx_##op) *extspt_op_##op
#include "tdx/op_list.h"

#define vendor_call(op, ...)	extspt_op_##op(__VA_ARGS__)
#define VENDOR_CALL_DEFINE(op)	__typeof__(tdx_##op) *extspt_op_##op

static inline void vendor_call_init(void)
{
#define EXTSPT_OP(op)	WRITE_ONCE(extspt_op_##op, tdx_##op)
#include "tdx/op_list.h"
}

#endif /* EXTSPT_VENDOR_CALL_INDIRECT_H */
