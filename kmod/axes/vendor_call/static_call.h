/* SPDX-License-Identifier: GPL-2.0-only */
/* static_call(), patched when the module is loaded, as kvm_x86_ops. */
#ifndef EXTSPT_VENDOR_CALL_STATIC_CALL_H
#define EXTSPT_VENDOR_CALL_STATIC_CALL_H

#include <linux/static_call.h>

#define EXTSPT_OP(op)	DECLARE_STATIC_CALL(extspt_op_##op, tdx_##op)
#include "tdx/op_list.h"

#define vendor_call(op, ...)	static_call(extspt_op_##op)(__VA_ARGS__)
#define VENDOR_CALL_DEFINE(op)	DEFINE_STATIC_CALL_NULL(extspt_op_##op, tdx_##op)
#define VENDOR_CALL_TABLE

static inline void vendor_call_init(void)
{
#define EXTSPT_OP(op)	static_call_update(extspt_op_##op, tdx_##op)
#include "tdx/op_list.h"
}

#endif /* EXTSPT_VENDOR_CALL_STATIC_CALL_H */
