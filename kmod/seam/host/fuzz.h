/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef EXTSPT_SEAM_FUZZ_H
#define EXTSPT_SEAM_FUZZ_H

#include "scene.h"

#define REGIONS		6
#define PAGES		(REGIONS * SEAM_REGION_PAGES)
#define TDS		3

struct actor {
	u64 rng, calls;
	unsigned int thread;
	u64 epochs[TDS][2];	/* vCPUs of this actor inside: epoch + 1, or 0 */
};

/*
 * Owner of each page as the calls and their results have it: TDR page + 1, PAIR
 * for PAMT pages, 0 for none. Kept while ledger_on, by one thread.
 */
#define PAIR (~0U)
extern u32 ledger[PAGES];
extern bool ledger_on;

/* fuzz_draw.c */
u64 fuzz_draw(struct actor *a);
u32 fuzz_below(struct actor *a, u32 n);
bool fuzz_chance(struct actor *a, u32 percent);
u64 fuzz_tdr(struct actor *a);
u64 fuzz_page(struct actor *a);
u64 fuzz_pamt_page(struct actor *a);
u64 fuzz_control_page(struct actor *a, u64 tdr);
u64 fuzz_gpa(struct actor *a, u32 level);
u32 fuzz_level(struct actor *a);

/* fuzz_calls.c */
void fuzz_one_call(struct actor *a);

#endif
