/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Failures, one after the other: every point of a checked run where something
 * may fail has a number, and a rule says which numbers do fail. A sweep over the
 * numbers leaves no hole, as random failures do.
 */
#ifndef EXTSPT_INJECT_H
#define EXTSPT_INJECT_H

#include <linux/types.h>

#include "lib/checked.h"

struct seq_file;

enum inject_kind {
	INJECT_ALLOC,		/* a page, an object, or memory of the host's own fails */
	INJECT_BUSY,		/* a SEAMCALL is refused; the points are in the model */
	INJECT_LOST,		/* another vCPU was faster: a freeze of a mirror SPTE fails */
	NR_INJECT
};

/* The points @first, counted from 1, up to @nr in a row; @first 0: none. */
struct inject_rule {
	u64 first, nr;
};

/* All from one on. */
void inject_begin(const struct inject_rule rules[NR_INJECT]);
void inject_end(void);
/* "inject":{...} of a run that was checked. */
void inject_show(struct seq_file *m);

bool __inject_fails(enum inject_kind kind, const char *site);

static __always_inline bool inject_fails(enum inject_kind kind, const char *site)
{
	return extspt_check_on() && __inject_fails(kind, site);
}

/* @alloc, an expression that gives a pointer, or NULL in its place. */
#define inject_alloc(alloc)						\
	(inject_fails(INJECT_ALLOC, __func__) ? NULL : (alloc))

#endif /* EXTSPT_INJECT_H */
