/* SPDX-License-Identifier: GPL-2.0-only */
/* The leaf functions and what each asks of its TD. */
#ifndef EXTSPT_SEAM_LEAVES_H
#define EXTSPT_SEAM_LEAVES_H

#include "call.h"

/* What the leaf asks of the TD before it looks at its other operands. */
#define LEAF_TD_IN_RCX		BIT(0)
#define LEAF_TD_IN_RDX		BIT(1)
#define LEAF_TD_EXCLUSIVE	BIT(2)
#define LEAF_NOT_FATAL		BIT(3)
#define LEAF_KEYS		BIT(4)
#define LEAF_TDCS		BIT(5)
#define LEAF_OP_LOCK		BIT(6)
#define LEAF_DETAILS		BIT(7)	/* RCX and RDX are always written */
#define LEAF_FLAGS		BIT(8)	/* RDX bit 0 is a flag */
#define LEAF_DPAMT		BIT(9)	/* exists with Dynamic PAMT only */
#define LEAF_CONTENDED		BIT(10)	/* Linux runs it against others and expects BUSY */

/* Usual sets. */
#define LEAF_MEM	(LEAF_TD_IN_RDX | LEAF_NOT_FATAL | LEAF_KEYS | LEAF_TDCS | LEAF_OP_LOCK | \
			 LEAF_DETAILS | LEAF_CONTENDED)
#define LEAF_MEM_EX	(LEAF_TD_IN_RDX | LEAF_TD_EXCLUSIVE | LEAF_NOT_FATAL | LEAF_KEYS | \
			 LEAF_TDCS | LEAF_DETAILS)

struct seam_leaf_desc {
	u16 number;
	u8 max_version;
	u8 row;
	u16 flags;
	u16 op_states;			/* bitmap, 0 = not looked at here */
	u64 (*handler)(struct seam_call *call);
};

/* mng.c, vp.c, keys.c, mem_*.c, pamt_leaves.c, phymem.c */
u64 seam_mng_create(struct seam_call *call);
u64 seam_mng_key_config(struct seam_call *call);
u64 seam_mng_addcx(struct seam_call *call);
u64 seam_mng_init(struct seam_call *call);
u64 seam_mr_finalize(struct seam_call *call);
u64 seam_vp_create(struct seam_call *call);
u64 seam_vp_addcx(struct seam_call *call);
u64 seam_vp_init(struct seam_call *call);
u64 seam_vp_flush(struct seam_call *call);
u64 seam_mng_vpflushdone(struct seam_call *call);
u64 seam_phymem_cache_wb(struct seam_call *call);
u64 seam_mng_key_freeid(struct seam_call *call);
u64 seam_mem_sept_add(struct seam_call *call);
u64 seam_mem_page_add(struct seam_call *call);
u64 seam_mem_page_aug(struct seam_call *call);
u64 seam_mem_range_block(struct seam_call *call);
u64 seam_mem_range_unblock(struct seam_call *call);
u64 seam_mem_track(struct seam_call *call);
u64 seam_mem_sept_rd(struct seam_call *call);
u64 seam_mem_page_remove(struct seam_call *call);
u64 seam_mem_sept_remove(struct seam_call *call);
u64 seam_mem_page_demote(struct seam_call *call);
u64 seam_mem_page_promote(struct seam_call *call);
u64 seam_phymem_page_reclaim(struct seam_call *call);
u64 seam_phymem_page_wbinvd(struct seam_call *call);
u64 seam_pamt_add(struct seam_call *call);
u64 seam_pamt_remove(struct seam_call *call);

#endif
