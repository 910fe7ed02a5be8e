// SPDX-License-Identifier: GPL-2.0-only
/*
 * What tdx.c does for KVM's MMU, built from the axes. mmu_lock is the host's,
 * so the host asserts it; the comments in ops.h say which mode.
 */

#include "strategy.h"
#include "tdx/tdh.h"

struct mlock_class extspt_split_lock_class;

VENDOR_CALL_TABLE;
#define EXTSPT_OP(op)	VENDOR_CALL_DEFINE(op)
#include "tdx/op_list.h"

/* Upstream's error handling: BUSY is retried by the fault, the rest is a bug. */
static int tdx_error(u64 status)
{
	if (seam_is_busy(status))
		return -EBUSY;
	return WARN_ON_ONCE(seam_is_error(status)) ? -EIO : 0;
}

int tdx_topup(struct extspt_vcpu *vcpu, unsigned int extra)
{
	return pamt_source_topup(&vcpu->pamt, extra);
}

int tdx_link(struct extspt_vcpu *vcpu, u64 gfn, int level, struct page *sept)
{
	u64 since = extspt_step_begin();
	int ret;

	ret = pamt_install_hand_over(sept, pamt_source_list(&vcpu->pamt));
	if (ret)
		return ret;
	ret = tdx_error(tdh_range_page(SEAM_MEM_SEPT_ADD, vcpu->vm->td.tdr, gfn << PAGE_SHIFT,
				       level, sept));
	if (ret)
		pamt_install_taken_back(sept);
	extspt_step_end(OP_LINK, since);
	return ret;
}

int tdx_map(struct extspt_vcpu *vcpu, u64 gfn, int level, struct page *page)
{
	/* A 2 MiB page must not have a pair behind it (seam-model.md section 2). */
	bool small = level == PG_LEVEL_4K;
	u64 since = extspt_step_begin();
	int ret;

	if (small) {
		ret = pamt_install_hand_over(page, pamt_source_list(&vcpu->pamt));
		if (ret)
			return ret;
	}
	ret = tdx_error(tdh_range_page(SEAM_MEM_PAGE_AUG, vcpu->vm->td.tdr, gfn << PAGE_SHIFT,
				       level, page));
	if (ret && small)
		pamt_install_taken_back(page);
	extspt_step_end(OP_MAP, since);
	return ret;
}

/* BLOCK and TRACK. No vCPU is ever inside the TD, so there is nobody to kick. */
static int tdx_block_and_track(struct extspt_td *td, u64 gpa, int level)
{
	int ret = tdx_error(tdh_range(SEAM_MEM_RANGE_BLOCK, td->tdr, gpa, level));

	return ret ?: tdx_error(tdh_one(SEAM_MEM_TRACK, page_to_phys(td->tdr)));
}

int tdx_remove(struct extspt_vm *vm, u64 gfn, int level, struct page *page)
{
	struct extspt_td *td = &vm->td;
	u64 gpa = gfn << PAGE_SHIFT;
	int ret;

	ret = tdx_block_and_track(td, gpa, level);
	if (ret)
		return ret;
	ret = tdx_error(tdh_range(SEAM_MEM_PAGE_REMOVE, td->tdr, gpa, level));
	if (ret)
		return ret;
	ret = tdx_error(tdh_phymem_page_wbinvd_hkid(td->hkid, page));
	if (ret)
		return ret;
	if (level == PG_LEVEL_4K)
		pamt_install_taken_back(page);
	return 0;
}

/* DEMOTE with the pair for the guest's range; the module may be interrupted. */
static int tdx_demote(struct extspt_vm *vm, u64 gpa, struct page *sept, struct page *page)
{
	struct page_list *list = split_source_list(&vm->split);
	bool dynamic = pamt_install_dynamic();
	struct pamt_pair pair;
	u64 status;
	int ret;

	if (dynamic) {
		ret = pamt_pair_take(&pair, list);
		if (ret)
			return ret;
		tdh_give(pair.page[0]);
		tdh_give(pair.page[1]);
	}
	do {
		status = tdh_mem_page_demote(vm->td.tdr, gpa, PG_LEVEL_2M, sept,
					     dynamic ? pair.page : NULL);
	} while (status == SEAM_INTERRUPTED_RESTARTABLE);
	ret = tdx_error(status);
	if (!dynamic)
		return ret;
	if (ret)
		pamt_pair_free(&pair);
	else
		pamt_split_refs(page);
	return ret;
}

int tdx_split(struct extspt_vm *vm, u64 gfn, struct page *sept, struct page *page)
{
	struct page_list *list = split_source_list(&vm->split);
	bool early = split_source_pamt_before_block();
	u64 gpa = gfn << PAGE_SHIFT;
	int ret = 0;

	if (early)
		ret = pamt_install_hand_over(sept, list);
	if (ret)
		return ret;
	ret = tdx_block_and_track(&vm->td, gpa, PG_LEVEL_2M);
	if (ret) {
		if (early)
			pamt_install_taken_back(sept);
		return ret;
	}
	if (!early)
		ret = pamt_install_hand_over(sept, list);
	if (ret)
		return ret;
	ret = tdx_demote(vm, gpa, sept, page);
	if (ret)
		pamt_install_taken_back(sept);
	return ret;
}

/* TDH.PHYMEM.PAGE.RECLAIM and the flush of the lines the TD wrote with its key. */
static int tdx_reclaim_page(struct extspt_td *td, struct page *page)
{
	int ret = tdx_error(tdh_one(SEAM_PHYMEM_PAGE_RECLAIM, page_to_phys(page)));

	return ret ?: tdx_error(tdh_phymem_page_wbinvd_hkid(td->hkid, page));
}

struct page *tdx_free_spt(struct extspt_vm *vm, struct page *sept)
{
	/* A page that cannot be reclaimed is leaked on purpose, as upstream does. */
	if (tdx_reclaim_page(&vm->td, sept))
		return NULL;
	return free_path_reclaimed(sept);
}

int tdx_reclaim(struct extspt_vm *vm, struct page *page, int level)
{
	int ret = tdx_reclaim_page(&vm->td, page);

	if (!ret && level == PG_LEVEL_4K)
		pamt_install_taken_back(page);
	return ret;
}
