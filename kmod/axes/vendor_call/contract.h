/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Axis vendor_call: how KVM's MMU reaches TDX.
 *
 * A choice defines the macro vendor_call(op, arguments...), which evaluates to
 * the result of tdx_<op>(arguments...), declares what it needs with the help of
 * tdx/op_list.h, and defines VENDOR_CALL_DEFINE(op) and VENDOR_CALL_TABLE, which
 * tdx/ops.c expands once for each op and once.
 */
#ifndef EXTSPT_VENDOR_CALL_CONTRACT_H
#define EXTSPT_VENDOR_CALL_CONTRACT_H

/* Module load, before the first call. */
static inline void vendor_call_init(void);

#endif /* EXTSPT_VENDOR_CALL_CONTRACT_H */
