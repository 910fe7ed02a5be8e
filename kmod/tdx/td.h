/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A TD as far as its memory needs it: created, finalised with one vCPU that is
 * never entered, torn down. TD_EPOCH counters stay at zero, so one TRACK does.
 */
#ifndef EXTSPT_TDX_TD_H
#define EXTSPT_TDX_TD_H

#include <linux/types.h>

struct page;
struct extspt_vm;

/* tdcs_base_size and tdvps_base_size of 1.5, in pages (seam-model.md 4.4). */
#define TD_NR_TDCX	6
#define TD_NR_TDVPX	5

struct extspt_td {
	struct page *tdr;
	struct page *tdcx[TD_NR_TDCX];
	struct page *tdvpr;
	struct page *tdvpx[TD_NR_TDVPX];
	u16 hkid;
	bool announced;		/* to pamt_install */
	bool released;		/* HKID is free: reclaim works, blocking no more */
};

/* Module load: configures the SEAM model for all of this machine's memory. */
int extspt_tdx_init(void);
/* No TD alive: restarts the model with or without the checks that cost time. */
int extspt_tdx_check(bool on);
void extspt_tdx_exit(void);

/* No lock held; may sleep. On error what was made is torn down. */
int extspt_td_create(struct extspt_vm *vm);
/* No more faults. From here pages are reclaimed, not removed. 0 or -EIO. */
int extspt_td_release_hkid(struct extspt_vm *vm);
/* After every guest and S-EPT page is back. */
void extspt_td_destroy(struct extspt_vm *vm);

#endif /* EXTSPT_TDX_TD_H */
