/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tdh_*() wrappers this bench needs, on seam_call(). Same order of
 * arguments as arch/x86/virt/vmx/tdx/tdx.c where that has the wrapper; DEMOTE
 * and PAMT.ADD/REMOVE have none upstream (7.3). As upstream, a page is flushed
 * before it is handed over.
 */
#ifndef EXTSPT_TDX_TDH_H
#define EXTSPT_TDX_TDH_H

#include <linux/io.h>
#include <linux/mm.h>

#include "lib/bare.h"
#include "lib/compat.h"
#include "lib/custody.h"
#include "lib/stats.h"
#include "seam/seam.h"

/* enum pg_level of the kernel counts from 1, the module's levels from 0. */
#define PG_LEVEL_TO_TDX(level)	((level) - 1)

/* RDRAND_RETRY_LOOPS of sc_retry() */
#define TDH_ENTROPY_TRIES	10

static inline u64 tdh_call_again(u64 fn, struct seam_args *args)
{
	int tries = TDH_ENTROPY_TRIES;
	u64 status;

	do
		status = seam_call(fn, args);
	while (status == SEAM_RND_NO_ENTROPY && --tries > 1);
	return status;
}

static inline u64 tdh_call(u64 fn, struct seam_args *args)
{
	u64 since = extspt_step_begin();
	u64 status = extspt_bare_on() ? bare_seam_call(fn, args) : seam_call(fn, args);

	if (unlikely(status == SEAM_RND_NO_ENTROPY))
		status = tdh_call_again(fn, args);
	extspt_step_end(OP_SEAMCALL, since);
	extspt_count(COUNT_SEAMCALLS);
	if (seam_is_busy(status))
		extspt_count(COUNT_BUSY);
	return status;
}

static inline void tdh_give(struct page *page)
{
	custody_given(page);
	extspt_clflush_page(page);
	if (!extspt_bare_on())
		seam_page_flushed(page_to_phys(page));
}

/* Leaves that take one operand in RCX. */
static inline u64 tdh_one(u64 fn, u64 rcx)
{
	struct seam_args args = { .rcx = rcx };

	return tdh_call(fn, &args);
}

/* Leaves that take a GPA with its level, and the TD. */
static inline u64 tdh_range(u64 fn, struct page *tdr, u64 gpa, int level)
{
	struct seam_args args = {
		.rcx = gpa | PG_LEVEL_TO_TDX(level),
		.rdx = page_to_phys(tdr),
	};

	return tdh_call(fn, &args);
}

/* Leaves that also hand over a page. */
static inline u64 tdh_range_page(u64 fn, struct page *tdr, u64 gpa, int level, struct page *page)
{
	struct seam_args args = {
		.rcx = gpa | PG_LEVEL_TO_TDX(level),
		.rdx = page_to_phys(tdr),
		.r8 = page_to_phys(page),
	};

	tdh_give(page);
	return tdh_call(fn, &args);
}

static inline u64 tdh_mem_page_demote(struct page *tdr, u64 gpa, int level, struct page *sept,
				      struct page * const pair[])
{
	struct seam_args args = {
		.rcx = gpa | PG_LEVEL_TO_TDX(level),
		.rdx = page_to_phys(tdr),
		.r8 = page_to_phys(sept),
		/* No L2 VMs, so no L2 page tables. */
		.r9 = SEAM_NULL_PA, .r10 = SEAM_NULL_PA, .r11 = SEAM_NULL_PA,
		.r12 = pair ? page_to_phys(pair[0]) : 0,
		.r13 = pair ? page_to_phys(pair[1]) : 0,
	};

	tdh_give(sept);
	return tdh_call(SEAM_MEM_PAGE_DEMOTE, &args);
}

/* @range: any page of the 2 MiB. */
static inline u64 tdh_phymem_pamt_add(struct page *range, struct page * const pair[])
{
	struct seam_args args = {
		.rcx = (page_to_phys(range) & PMD_MASK) | SEAM_LEVEL_2M,
		.rdx = page_to_phys(pair[0]),
		.r8 = page_to_phys(pair[1]),
	};

	tdh_give(pair[0]);
	tdh_give(pair[1]);
	return tdh_call(SEAM_PHYMEM_PAMT_ADD, &args);
}

static inline u64 tdh_phymem_pamt_remove(struct page *range, struct page *pair[])
{
	struct seam_args args = {
		.rcx = (page_to_phys(range) & PMD_MASK) | SEAM_LEVEL_2M,
	};
	u64 status = tdh_call(SEAM_PHYMEM_PAMT_REMOVE, &args);

	if (!seam_is_error(status)) {
		pair[0] = pfn_to_page(PHYS_PFN(args.rdx));
		pair[1] = pfn_to_page(PHYS_PFN(args.r8));
	}
	return status;
}

/* HKID bits sit above the physical address; seam-model.md 1.1. */
#define TDX_HKID_SHIFT		46

static inline u64 tdh_phymem_page_wbinvd_hkid(u16 hkid, struct page *page)
{
	return tdh_one(SEAM_PHYMEM_PAGE_WBINVD, page_to_phys(page) | (u64)hkid << TDX_HKID_SHIFT);
}

#endif /* EXTSPT_TDX_TDH_H */
