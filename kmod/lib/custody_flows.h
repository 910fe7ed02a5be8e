/* SPDX-License-Identifier: GPL-2.0-only */
/* What custody.c has to tell: tables of bounded size, each row with a count. */
#ifndef EXTSPT_CUSTODY_FLOWS_H
#define EXTSPT_CUSTODY_FLOWS_H

#include "lib/custody.h"

/* An object that is no page has no class. */
#define CLASS_OBJECT	NR_CLASSES
/* Nobody freed it. */
#define OWNER_NONE	NR_OWNERS

/* The way of a page. All names are literals of this module. */
struct custody_flow {
	const char *pool;	/* the last it waited in; NULL: none */
	const char *alloc, *free;
	gfp_t gfp;
	u8 class, owner, freer;
	u8 alloc_path, path, free_path;	/* path: where it got its use */
	bool handed_over;	/* to the other subsystem */
	bool module;		/* the TDX module had it */
};

struct custody_fault {
	const char *alloc, *free;
	enum custody_error kind;
	u8 class;
};

/* A cache was empty when a page was wanted. */
struct custody_hole {
	const char *pool;
	const char *alloc;	/* what then allocated; NULL: nothing did */
	gfp_t gfp;
	u8 owner, class, path;
};

/* All from zero on. */
void custody_flows_reset(void);
/* Under the lock of custody.c. */
void custody_flow_add(const struct custody_flow *flow);
void custody_fault_add(enum custody_error kind, u8 class, const char *alloc, const char *free,
		       u64 n);
void custody_hole_add(const struct custody_hole *hole);
/* One more like @hole, and one less for which nothing allocated. */
void custody_hole_filled(const struct custody_hole *hole);
u64 custody_faults(void);

#endif /* EXTSPT_CUSTODY_FLOWS_H */
