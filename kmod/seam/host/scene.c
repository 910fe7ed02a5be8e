// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>

#include "scene.h"

u64 scene_call(u64 leaf, u64 rcx, u64 rdx, u64 r8, u64 r9)
{
	struct seam_args args = { .rcx = rcx, .rdx = rdx, .r8 = r8, .r9 = r9 };

	return seam_call(leaf, &args);
}

u64 scene_demote(u64 gpa, u64 tdr, u64 table, u64 pair0, u64 pair1)
{
	struct seam_args args = {
		.rcx = gpa, .rdx = tdr, .r8 = table, .r9 = SEAM_NULL_PA, .r10 = SEAM_NULL_PA,
		.r11 = SEAM_NULL_PA, .r12 = pair0, .r13 = pair1,
	};

	return seam_call(SEAM_MEM_PAGE_DEMOTE, &args);
}

void scene_must(u64 leaf, u64 rcx, u64 rdx, u64 r8, u64 r9)
{
	u64 status = scene_call(leaf, rcx, rdx, r8, r9);

	if (!status)
		return;
	fprintf(stderr, "leaf %llu rcx %llx rdx %llx r8 %llx: %llx\n", leaf, rcx, rdx, r8, status);
	exit(2);
}

void scene_module(const struct seam_config *config)
{
	seam_exit();
	seam_reset_costs();
	if (!seam_init(config))
		return;
	fprintf(stderr, "seam_init failed\n");
	exit(2);
}

void scene_td_build(struct scene_td *td, u64 control, u8 hkid)
{
	int i;

	td->tdr = control;
	td->hkid = hkid;
	td->next = control + SEAM_PAGE_SIZE;
	scene_must(SEAM_MNG_CREATE, td->tdr, hkid, 0, 0);
	scene_must(SEAM_MNG_KEY_CONFIG, td->tdr, 0, 0, 0);
	for (i = 0; i < SEAM_MIN_TDCX; i++, td->next += SEAM_PAGE_SIZE)
		scene_must(SEAM_MNG_ADDCX, td->next, td->tdr, 0, 0);
	scene_must(SEAM_MNG_INIT, td->tdr, 0, 0, 0);
}

void scene_td_run(struct scene_td *td)
{
	u64 vcpu = td->next;
	int i;

	scene_must(SEAM_VP_CREATE, vcpu, td->tdr, 0, 0);
	for (i = 0; i < SEAM_VCPU_TDCX; i++) {
		td->next += SEAM_PAGE_SIZE;
		scene_must(SEAM_VP_ADDCX, td->next, vcpu, 0, 0);
	}
	td->next += SEAM_PAGE_SIZE;
	scene_must(SEAM_VP_INIT, vcpu, 0, 0, 0);
	scene_must(SEAM_MR_FINALIZE, td->tdr, 0, 0, 0);
	scene_must(SEAM_VP_FLUSH, vcpu, 0, 0, 0);
}

void scene_tables(struct scene_td *td, u64 gpa, u32 level)
{
	u32 l;

	for (l = SEAM_ROOT_LEVEL; l > level; l--) {
		u64 at = gpa & ~((SEAM_PAGE_SIZE << (l * SEAM_REGION_SHIFT)) - 1);
		u64 status = scene_call(SEAM_MEM_SEPT_ADD, at | l, td->tdr, td->next, 0);

		if (!status)
			td->next += SEAM_PAGE_SIZE;
	}
}

void scene_td_end(struct scene_td *td, u64 control)
{
	u64 pa;

	scene_must(SEAM_MNG_VPFLUSHDONE, td->tdr, 0, 0, 0);
	scene_must(SEAM_PHYMEM_CACHE_WB, 0, 0, 0, 0);
	scene_must(SEAM_MNG_KEY_FREEID, td->tdr, 0, 0, 0);
	for (pa = control + SEAM_PAGE_SIZE; pa < td->next; pa += SEAM_PAGE_SIZE)
		scene_must(SEAM_PHYMEM_PAGE_RECLAIM, pa, 0, 0, 0);
	scene_must(SEAM_PHYMEM_PAGE_RECLAIM, td->tdr, 0, 0, 0);
	scene_must(SEAM_PHYMEM_PAGE_WBINVD, td->tdr, 0, 0, 0);
}
