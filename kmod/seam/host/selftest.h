/* SPDX-License-Identifier: GPL-2.0-only */
/* The self-test: what its two files share. */
#ifndef EXTSPT_SEAM_SELFTEST_H
#define EXTSPT_SEAM_SELFTEST_H

#include "scene.h"

#define NR_REGIONS	8
#define CONTROL		REGION(0)
#define GUEST		(REGION(0) + PAGE(64))
#define PAIRS		REGION(1)
#define BIG		REGION(4)	/* no pair */

struct selftest {
	const char *name;
	void (*run)(void);
};

/* selftest_custody.c; ends with an entry without a name. */
extern const struct selftest custody_tests[];
/* Last violation a test looked at, "" for none. */
extern char last_detail[256];

extern struct scene_td td;	/* of start() */
extern char *arena;		/* memory of the modelled pages */

void expect(bool met, const char *what);
#define EXPECT(e) expect(e, #e)

/* A module with one TD in its build phase, S-EPT tables for the first 2M. */
void start(bool check_content, bool check_caches);
/* The i-th guest page: mapped at the i-th 4K, taken back, written back. */
u64 aug(u64 i);
u64 unmap(u64 i);
u64 wbinvd(u64 i);

#endif
