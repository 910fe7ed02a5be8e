// SPDX-License-Identifier: GPL-2.0-only
/*
 * What tdx.c does for KVM's MMU, built from the axes. mmu_lock is the host's,
 * so the host asserts it; the comments in ops.h say which mode.
 */

#include "lib/identity.h"
#include "strategy.h"
#include "tdx/tdh.h"

const struct extspt_identity extspt_identity = {
	.variant = EXTSPT_VARIANT,
	.title = EXTSPT_TITLE,
	.origin = EXTSPT_ORIGIN,
	.design = EXTSPT_DESIGN,
	.folder = "extspt_" EXTSPT_VARIANT,
};

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

int tdx_prepare_pfn(struct extspt_vcpu *vcpu, struct page *page, int level)
{
	return pamt_install_prepare_pfn(&vcpu->install, page, level);
}

void tdx_pfn_done(struct extspt_vcpu *vcpu)
{
	pamt_install_pfn_done(&vcpu->install);
}

int tdx_phys_prepare(struct extspt_vcpu *vcpu, struct page *page, int level)
{
	if (level != PG_LEVEL_4K)
		return 0;
	return pamt_install_phys_prepare(page, pamt_source_supply(&vcpu->pamt));
}

void tdx_phys_cleanup(struct page *page, int level)
{
	if (level == PG_LEVEL_4K)
		pamt_install_phys_cleanup(page);
}

int tdx_link(struct extspt_vcpu *vcpu, u64 gfn, int level, struct page *sept)
{
	u64 since = extspt_step_begin();
	int ret;

	ret = pamt_install_link(sept, pamt_source_supply(&vcpu->pamt));
	if (ret)
		return ret;
	ret = tdx_error(tdh_range_page(SEAM_MEM_SEPT_ADD, vcpu->vm->td.tdr, gfn << PAGE_SHIFT,
				       level, sept));
	if (ret)
		pamt_install_unlink(sept);
	extspt_step_end(OP_LINK, since);
	return ret;
}

/* A 2 MiB page must not have a pair behind it (seam-model.md section 2). */
static int tdx_map_begin(struct extspt_vcpu *vcpu, int level, struct page *page)
{
	struct pamt_supply from = pamt_source_supply(&vcpu->pamt);

	if (level == PG_LEVEL_4K)
		return pamt_install_map(&vcpu->install, page, from);
	return split_source_leaf_map(&vcpu->vm->split, from);
}

int tdx_map(struct extspt_vcpu *vcpu, u64 gfn, int level, struct page *page)
{
	u64 since = extspt_step_begin();
	int ret;

	ret = tdx_map_begin(vcpu, level, page);
	if (ret)
		return ret;
	ret = tdx_error(tdh_range_page(SEAM_MEM_PAGE_AUG, vcpu->vm->td.tdr, gfn << PAGE_SHIFT,
				       level, page));
	if (ret && level == PG_LEVEL_4K)
		pamt_install_unmap(&vcpu->install, page);
	else if (ret)
		split_source_leaf_unmapped(&vcpu->vm->split);
	extspt_step_end(OP_MAP, since);
	return ret;
}

/* The module has given a guest page back. */
static void tdx_unmapped(struct extspt_vm *vm, int level, struct page *page)
{
	if (level == PG_LEVEL_4K)
		pamt_install_unmapped(page);
	else
		split_source_leaf_unmapped(&vm->split);
}

/*
 * tdh_do_no_vcpus(): with mmu_lock held for write only the guest itself is in
 * the way, and is so once: upstream bugs the VM when the call that follows the
 * kick of all vCPUs is BUSY, too.
 */
static u64 tdh_range_no_vcpus(struct extspt_vm *vm, u64 fn, u64 gpa, int level)
{
	u64 status = tdh_range(fn, vm->td.tdr, gpa, level);

	if (likely(!seam_is_busy(status)))
		return status;
	extspt_host_kick_vcpus(vm);
	return tdh_range(fn | SEAM_ALONE, vm->td.tdr, gpa, level);
}

static u64 tdh_track_no_vcpus(struct extspt_vm *vm)
{
	phys_addr_t tdr = page_to_phys(vm->td.tdr);
	u64 status = tdh_one(SEAM_MEM_TRACK, tdr);

	if (likely(!seam_is_busy(status)))
		return status;
	extspt_host_kick_vcpus(vm);
	return tdh_one(SEAM_MEM_TRACK | SEAM_ALONE, tdr);
}

/* tdx_track(): a vCPU that is in the guest still may use the old epoch's TLB. */
static int tdx_track(struct extspt_vm *vm)
{
	int ret = tdx_error(tdh_track_no_vcpus(vm));

	extspt_host_kick_vcpus(vm);
	return ret;
}

static int tdx_block_and_track(struct extspt_vm *vm, u64 gpa, int level)
{
	int ret = tdx_error(tdh_range_no_vcpus(vm, SEAM_MEM_RANGE_BLOCK, gpa, level));

	return ret ?: tdx_track(vm);
}

int tdx_remove(struct extspt_vm *vm, u64 gfn, int level, struct page *page)
{
	u64 gpa = gfn << PAGE_SHIFT;
	int ret;

	ret = tdx_block_and_track(vm, gpa, level);
	if (ret)
		return ret;
	ret = tdx_error(tdh_range_no_vcpus(vm, SEAM_MEM_PAGE_REMOVE, gpa, level));
	if (ret)
		return ret;
	ret = tdx_error(tdh_phymem_page_wbinvd_hkid(vm->td.hkid, page));
	if (ret)
		return ret;
	tdx_unmapped(vm, level, page);
	return 0;
}

/* Nothing was done: by an interrupt, or for a call that wants the S-EPT tree more. */
static bool tdx_interrupted(u64 status)
{
	return status == SEAM_INTERRUPTED_RESTARTABLE ||
	       (status & SEAM_STATUS_MASK) == SEAM_INTERRUPTED_BUSY;
}

/* Until the module is not interrupted; @pair is for the guest's range, if it needs one. */
static int tdx_demote_call(struct extspt_vm *vm, u64 gpa, struct page *sept, struct page *page,
			   struct pamt_pair *pair)
{
	unsigned long begun = pamt_demote_begin(page);
	int retried = 0;
	u64 status;

	do {
		status = tdh_mem_page_demote(vm->td.tdr, gpa, PG_LEVEL_2M, sept,
					     pair ? pair->page : NULL);
	} while (tdx_interrupted(status) || (seam_is_busy(status) && !retried++));
	pamt_demote_end(page, begun);
	return tdx_error(status);
}

static int tdx_demote(struct extspt_vm *vm, u64 gpa, struct page *sept, struct page *page)
{
	struct pamt_pair pair;
	int ret;

	if (!pamt_install_dynamic())
		return tdx_demote_call(vm, gpa, sept, page, NULL);
	split_source_take_begin(&vm->split);
	ret = pamt_pair_take(&pair, split_source_guest_supply(&vm->split, sept));
	if (ret)
		goto out;
	tdh_give(pair.page[0]);
	tdh_give(pair.page[1]);
	ret = tdx_demote_call(vm, gpa, sept, page, &pair);
	if (ret)
		split_source_guest_pair_back(&vm->split, &pair);
	else
		pamt_split_refs(page);
out:
	split_source_take_end(&vm->split);
	return ret;
}

static int tdx_split_sept(struct extspt_vm *vm, struct page *sept)
{
	int ret;

	split_source_take_begin(&vm->split);
	ret = pamt_install_split(sept, split_source_sept_supply(&vm->split, sept));
	split_source_take_end(&vm->split);
	return ret;
}

int tdx_split(struct extspt_vm *vm, u64 gfn, struct page *sept, struct page *page)
{
	bool early = split_source_pamt_before_block();
	u64 gpa = gfn << PAGE_SHIFT;
	int ret = 0;

	if (early)
		ret = tdx_split_sept(vm, sept);
	if (ret)
		return ret;
	ret = tdx_block_and_track(vm, gpa, PG_LEVEL_2M);
	if (ret) {
		if (early)
			pamt_install_unsplit(sept);
		return ret;
	}
	if (!early)
		ret = tdx_split_sept(vm, sept);
	if (ret)
		return ret;
	ret = tdx_demote(vm, gpa, sept, page);
	if (ret)
		pamt_install_unsplit(sept);
	return ret;
}

/* The HKID is released, and with it all lines were written back that the TD wrote. */
static int tdx_reclaim_page(struct page *page)
{
	return tdx_error(tdh_one(SEAM_PHYMEM_PAGE_RECLAIM, page_to_phys(page)));
}

struct page *tdx_free_spt(struct extspt_vm *vm, struct page *sept)
{
	/* A page that cannot be reclaimed is leaked on purpose, as upstream does. */
	if (tdx_reclaim_page(sept))
		return NULL;
	return free_path_reclaimed(sept);
}

int tdx_reclaim(struct extspt_vm *vm, struct page *page, int level)
{
	int ret = tdx_reclaim_page(page);

	if (!ret)
		tdx_unmapped(vm, level, page);
	return ret;
}
