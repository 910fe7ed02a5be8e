// SPDX-License-Identifier: GPL-2.0-only
/* seam_call(): from the registers to the leaf and back; setting the module up. */
#include "leaves.h"

struct seam_module seam;

#define OP(state)	BIT(OS_ ## state)
#define OP_BUILD_RUN	(OP(INITIALIZED) | OP(RUNNABLE) | OP(LIVE_EXPORT))
#define OP_BLOCKING	(OP_BUILD_RUN | OP(PAUSED_EXPORT) | OP(POST_EXPORT) | OP(POST_IMPORT) | \
			 OP(LIVE_IMPORT))
#define OP_IMPORTING	(OP(MEMORY_IMPORT) | OP(STATE_IMPORT) | OP(POST_IMPORT) | OP(LIVE_IMPORT))
#define OP_TRACKING	(OP_BLOCKING | OP_IMPORTING)

/* number, version, row, what is asked of the TD, OP_STATEs, handler */
#define LEAF(nr, version, name, td, ops, fn) \
	[SEAM_ ## nr] = { SEAM_ ## nr, version, ROW_ ## name, td, ops, fn }
#define TD_RCX_EX	(LEAF_TD_IN_RCX | LEAF_TD_EXCLUSIVE)
#define TD_RDX_EX	(LEAF_TD_IN_RDX | LEAF_TD_EXCLUSIVE)
#define BUILT		(LEAF_NOT_FATAL | LEAF_KEYS | LEAF_TDCS)

static const struct seam_leaf_desc leaves[SEAM_NR_LEAVES] = {
	LEAF(MNG_CREATE, 0, CREATE, 0, 0, seam_mng_create),
	LEAF(MNG_KEY_CONFIG, 0, KEY_CONFIG, TD_RCX_EX | LEAF_NOT_FATAL, 0, seam_mng_key_config),
	LEAF(MNG_ADDCX, 0, ADDCX, TD_RDX_EX | LEAF_NOT_FATAL | LEAF_KEYS, 0, seam_mng_addcx),
	LEAF(MNG_INIT, 0, MNG_INIT, TD_RCX_EX | BUILT, OP(UNINITIALIZED), seam_mng_init),
	LEAF(MR_FINALIZE, 0, FINALIZE, TD_RCX_EX | BUILT, OP(INITIALIZED), seam_mr_finalize),
	LEAF(MNG_VPFLUSHDONE, 0, VPFLUSHDONE, TD_RCX_EX, 0, seam_mng_vpflushdone),
	LEAF(MNG_KEY_FREEID, 0, KEY_FREEID, TD_RCX_EX, 0, seam_mng_key_freeid),
	LEAF(VP_CREATE, 0, VP_CREATE, LEAF_TD_IN_RDX | BUILT | LEAF_OP_LOCK,
	     OP(INITIALIZED) | OP(STATE_IMPORT), seam_vp_create),
	LEAF(VP_ADDCX, 0, VP_ADDCX, 0, 0, seam_vp_addcx),
	LEAF(VP_INIT, 0, VP_INIT, 0, 0, seam_vp_init),
	LEAF(VP_FLUSH, 0, VP_FLUSH, 0, 0, seam_vp_flush),
	LEAF(MEM_SEPT_ADD, 1, SEPT_ADD, LEAF_MEM | LEAF_FLAGS, OP_BUILD_RUN | OP_IMPORTING,
	     seam_mem_sept_add),
	LEAF(MEM_PAGE_ADD, 0, PAGE_ADD, LEAF_MEM_EX, OP(INITIALIZED), seam_mem_page_add),
	LEAF(MEM_PAGE_AUG, 0, AUG_4K, LEAF_MEM, OP_BUILD_RUN | OP(LIVE_IMPORT), seam_mem_page_aug),
	LEAF(MEM_RANGE_BLOCK, 0, BLOCK, LEAF_MEM, OP_BLOCKING, seam_mem_range_block),
	LEAF(MEM_RANGE_UNBLOCK, 0, UNBLOCK, LEAF_MEM, OP_BLOCKING, seam_mem_range_unblock),
	LEAF(MEM_TRACK, 0, TRACK, LEAF_TD_IN_RCX | BUILT | LEAF_OP_LOCK | LEAF_CONTENDED,
	     OP_TRACKING, seam_mem_track),
	LEAF(MEM_SEPT_RD, 0, SEPT_RD, LEAF_MEM | LEAF_FLAGS, OP_TRACKING | OP(FAILED_IMPORT),
	     seam_mem_sept_rd),
	LEAF(MEM_PAGE_REMOVE, 0, REMOVE, LEAF_MEM, OP_BLOCKING | OP(FAILED_IMPORT),
	     seam_mem_page_remove),
	LEAF(MEM_SEPT_REMOVE, 0, SEPT_REMOVE, LEAF_MEM, OP_TRACKING | OP(FAILED_IMPORT),
	     seam_mem_sept_remove),
	LEAF(MEM_PAGE_DEMOTE, 0, DEMOTE, LEAF_MEM | LEAF_FLAGS, OP_BLOCKING,
	     seam_mem_page_demote),
	LEAF(MEM_PAGE_PROMOTE, 0, PROMOTE, LEAF_MEM, OP_BLOCKING, seam_mem_page_promote),
	LEAF(PHYMEM_PAGE_RECLAIM, 0, RECLAIM, 0, 0, seam_phymem_page_reclaim),
	LEAF(PHYMEM_PAGE_WBINVD, 0, WBINVD, 0, 0, seam_phymem_page_wbinvd),
	LEAF(PHYMEM_CACHE_WB, 0, CACHE_WB, 0, 0, seam_phymem_cache_wb),
	LEAF(PHYMEM_PAMT_ADD, 0, PAMT_ADD, LEAF_DPAMT | LEAF_CONTENDED, 0, seam_pamt_add),
	LEAF(PHYMEM_PAMT_REMOVE, 0, PAMT_REMOVE, LEAF_DPAMT, 0, seam_pamt_remove),
};

static u64 run_leaf(struct seam_call *call)
{
	unsigned int flags = call->leaf->flags;
	u64 status;

	if (flags & LEAF_DETAILS) {
		call->out->rcx = 0;
		call->out->rdx = 0;
	}
	if (call->version > call->leaf->max_version ||
	    ((flags & LEAF_DPAMT) && !seam_is_dpamt()))
		return SEAM_OPERAND_INVALID | SEAM_OP_RAX;
	if (flags & (LEAF_TD_IN_RCX | LEAF_TD_IN_RDX)) {
		status = seam_td_prologue(call);
		if (status)
			return status;
	}
	return call->leaf->handler(call);
}

static bool begin(struct seam_call *call, u64 fn, struct seam_args *args)
{
	u64 number = fn & SEAM_LEAF_MASK;

	if (number >= SEAM_NR_LEAVES || !leaves[number].handler)
		return false;
	call->leaf = &leaves[number];
	call->alone = fn & SEAM_ALONE;
	call->version = (fn >> SEAM_VERSION_SHIFT) & SEAM_VERSION_MASK;
	call->row = call->leaf->row;
	call->in = *args;
	call->out = args;
	call->td = NULL;
	call->tdr = NULL;
	call->nr_held = 0;
	return true;
}

u64 seam_call(u64 fn, struct seam_args *args)
{
	struct seam_clock clock;
	struct seam_call call;
	u64 status;

	call.site = _RET_IP_;
	if (unlikely(!seam.pages))
		return SEAM_SW_NO_MODULE;
	if (unlikely(atomic_read(&seam.halted)))
		return SEAM_SW_HALTED;
	/* All work of the model falls into the modelled time, the count too. */
	seam_clock_enter(&clock);
	if (likely(begin(&call, fn, args))) {
		status = run_leaf(&call);
		if (!status)
			seam_clock_body(&clock, call.row);
		seam_release_all(&call);
		seam_count(call.row, status);
	} else {
		status = SEAM_OPERAND_INVALID | SEAM_OP_RAX;
	}
	seam_clock_leave(&clock, !status);
	return status;
}
