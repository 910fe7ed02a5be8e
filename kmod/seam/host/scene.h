/* SPDX-License-Identifier: GPL-2.0-only */
/* A TD in a few calls, for the programs of the harness. */
#ifndef EXTSPT_SEAM_SCENE_H
#define EXTSPT_SEAM_SCENE_H

#include "host.h"

#define PAGE(n)		((u64)(n) << SEAM_PAGE_SHIFT)
#define REGION(n)	((u64)(n) << (SEAM_PAGE_SHIFT + SEAM_REGION_SHIFT))

struct scene_td {
	u64 tdr;
	u64 next;	/* next free control page */
	u8 hkid;
};

u64 scene_call(u64 leaf, u64 rcx, u64 rdx, u64 r8, u64 r9);
u64 scene_demote(u64 gpa, u64 tdr, u64 table, u64 pair0, u64 pair1);
/* As scene_call(), and the program ends when the leaf does not succeed. */
void scene_must(u64 leaf, u64 rcx, u64 rdx, u64 r8, u64 r9);

/* A module over @regions 2M regions; the program ends when that fails. */
void scene_module(const struct seam_config *config);
/* A TD whose control pages start at @control, initialised; the region has its pair. */
void scene_td_build(struct scene_td *td, u64 control, u8 hkid);
/* One initialised vCPU, MR.FINALIZE. */
void scene_td_run(struct scene_td *td);
/* S-EPT tables down to 4K (or 2M with @level 1) for @gpa. */
void scene_tables(struct scene_td *td, u64 gpa, u32 level);
/* HKID freed, all control pages reclaimed; guest pages must be back. */
void scene_td_end(struct scene_td *td, u64 control);

#endif
