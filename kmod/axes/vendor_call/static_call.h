/* SPDX-License-Identifier: GPL-2.0-only */
/* static_call(), patched when the module is loaded, as kvm_x86_ops. */
#ifndef EXTSPT_VENDOR_CALL_STATIC_CALL_H
#define EXTSPT_VENDOR_CALL_STATIC_CALL_H

#include <linux/static_call.h>

#define EXTSPT_OP(op)	DECLARE_STATIC_CALL(extspt_op_##op, tdx_##op);
#include "tdx/op_list.h"

#define vendor_call(op, ...)	static_call(extspt_op_##op)(__VA_ARGS__)

#define VENDOR_CALL_DEFINE						\
	DEFINE_STATIC_CALL_NULL(extspt_op_topup, tdx_topup);		\
	DEFINE_STATIC_CALL_NULL(extspt_op_link, tdx_link);		\
	DEFINE_STATIC_CALL_NULL(extspt_op_map, tdx_map);		\
	DEFINE_STATIC_CALL_NULL(extspt_op_remove, tdx_remove);		\
	DEFINE_STATIC_CALL_NULL(extspt_op_split, tdx_split);		\
	DEFINE_STATIC_CALL_NULL(extspt_op_free_spt, tdx_free_spt);	\
	DEFINE_STATIC_CALL_NULL(extspt_op_reclaim, tdx_reclaim);

static inline void vendor_call_init(void)
{
#define EXTSPT_OP(op)	static_call_update(extspt_op_##op, tdx_##op);
#include "tdx/op_list.h"
}

#endif /* EXTSPT_VENDOR_CALL_STATIC_CALL_H */
