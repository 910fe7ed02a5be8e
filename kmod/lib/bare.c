// SPDX-License-Identifier: GPL-2.0-only

#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/pfn.h>
#include <linux/vmalloc.h>

#include "lib/bare.h"
#include "lib/compat.h"
#include "seam/seam.h"

DEFINE_STATIC_KEY_FALSE(extspt_bare);

static bool bare;
module_param(bare, bool, 0400);
MODULE_PARM_DESC(bare, "without ledger and SEAM model: only the design is left");

/* The pair of each 2 MiB range of physical memory; 0: none. */
static struct bare_pair {
	u64 pa[2];
} *bare_pairs;

int bare_init(void)
{
	if (!bare)
		return 0;
	bare_pairs = vcalloc(DIV_ROUND_UP(PFN_PHYS(extspt_max_pfn()), PMD_SIZE),
			     sizeof(*bare_pairs));
	if (!bare_pairs)
		return -ENOMEM;
	static_branch_enable(&extspt_bare);
	return 0;
}

void bare_exit(void)
{
	if (!bare)
		return;
	static_branch_disable(&extspt_bare);
	vfree(bare_pairs);
}

static u64 bare_pamt_add(struct bare_pair *pair, const struct seam_args *args)
{
	if (pair->pa[0])
		return SEAM_HPA_RANGE_NOT_FREE;
	pair->pa[0] = args->rdx;
	pair->pa[1] = args->r8;
	return SEAM_SUCCESS;
}

static u64 bare_pamt_remove(struct bare_pair *pair, struct seam_args *args)
{
	if (!pair->pa[0])
		return SEAM_NO_PAMT_PAGE_PAIR;
	args->rdx = pair->pa[0];
	args->r8 = pair->pa[1];
	pair->pa[0] = 0;
	return SEAM_SUCCESS;
}

u64 bare_seam_call(u64 fn, struct seam_args *args)
{
	switch (fn & SEAM_LEAF_MASK) {
	case SEAM_PHYMEM_PAMT_ADD:
		return bare_pamt_add(&bare_pairs[args->rcx >> PMD_SHIFT], args);
	case SEAM_PHYMEM_PAMT_REMOVE:
		return bare_pamt_remove(&bare_pairs[args->rcx >> PMD_SHIFT], args);
	}
	return SEAM_SUCCESS;
}
