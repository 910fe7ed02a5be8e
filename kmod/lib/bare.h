/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A module inserted with bare=1 has no ledger and no SEAM model: pages come from
 * and go to the allocator at once, and a SEAMCALL is answered by the empty backend
 * below. What an operation then takes is the design and its host alone; what the
 * rig takes is the difference. Such a module counts nothing and checks nothing, is
 * for one CPU, and splits nothing.
 */
#ifndef EXTSPT_BARE_H
#define EXTSPT_BARE_H

#include <linux/jump_label.h>
#include <linux/types.h>

struct seam_args;

DECLARE_STATIC_KEY_FALSE(extspt_bare);

static __always_inline bool extspt_bare_on(void)
{
	return static_branch_unlikely(&extspt_bare);
}

/* Before anything is allocated; after everything is freed. 0 or -ENOMEM. */
int bare_init(void);
void bare_exit(void);

/* Success; of what the caller gives it keeps only PAMT pages, to give them back. */
u64 bare_seam_call(u64 fn, struct seam_args *args);

#endif /* EXTSPT_BARE_H */
