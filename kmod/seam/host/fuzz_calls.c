// SPDX-License-Identifier: GPL-2.0-only
/* The fuzzer's calls, and the ledger of what they did. */
#include "fuzz.h"

u32 ledger[PAGES];
bool ledger_on;

static void note_given(u64 pa, u64 nr, u32 owner)
{
	while (ledger_on && nr--)
		ledger[(pa >> SEAM_PAGE_SHIFT) + nr] = owner;
}

/* The ledger has it as free, the module owns it. */
static bool is_new(u64 pa)
{
	return ledger_on && pa < PAGE(PAGES) && !ledger[pa >> SEAM_PAGE_SHIFT] &&
	       seam_page_owned(pa);
}

static u32 owner_id(u64 tdr)
{
	return (tdr >> SEAM_PAGE_SHIFT) + 1;
}

typedef void fuzz_call(struct actor *a);

static void create(struct actor *a)
{
	struct seam_args r = { .rcx = fuzz_tdr(a), .rdx = 33 + fuzz_below(a, TDS + 1) };

	if (!seam_call(SEAM_MNG_CREATE, &r))
		note_given(r.rcx, 1, owner_id(r.rcx));
}

static void key_config(struct actor *a)
{
	scene_call(SEAM_MNG_KEY_CONFIG, fuzz_tdr(a), 0, 0, 0);
}

static void addcx(struct actor *a)
{
	u64 tdr = fuzz_tdr(a);
	struct seam_args r = { .rcx = fuzz_control_page(a, tdr), .rdx = tdr };

	if (!seam_call(SEAM_MNG_ADDCX, &r))
		note_given(r.rcx, 1, owner_id(tdr));
}

static void mng_init(struct actor *a)
{
	scene_call(SEAM_MNG_INIT, fuzz_tdr(a), 0, 0, 0);
}

static void vp_create(struct actor *a)
{
	u64 tdr = fuzz_tdr(a);
	struct seam_args r = { .rcx = tdr + PAGE(20), .rdx = tdr };

	if (!seam_call(SEAM_VP_CREATE, &r))
		note_given(r.rcx, 1, owner_id(tdr));
}

static void vp_addcx(struct actor *a)
{
	u64 tdr = fuzz_tdr(a);
	struct seam_args r = { .rcx = tdr + PAGE(21 + fuzz_below(a, 7)), .rdx = tdr + PAGE(20) };

	if (!seam_call(SEAM_VP_ADDCX, &r))
		note_given(r.rcx, 1, owner_id(tdr));
}

static void vp_init(struct actor *a)
{
	scene_call(SEAM_VP_INIT, fuzz_tdr(a) + PAGE(20), 0, 0, 0);
}

static void vp_flush(struct actor *a)
{
	scene_call(SEAM_VP_FLUSH, fuzz_tdr(a) + PAGE(20), 0, 0, 0);
}

static void finalize(struct actor *a)
{
	scene_call(SEAM_MR_FINALIZE, fuzz_tdr(a), 0, 0, 0);
}

static void sept_add(struct actor *a)
{
	u32 level = fuzz_chance(a, 60) ? 1 : 2 + fuzz_below(a, 2);
	struct seam_args r = {
		.rcx = fuzz_gpa(a, level), .rdx = fuzz_tdr(a) | fuzz_chance(a, 20),
		.r8 = fuzz_page(a),
		.r9 = SEAM_NULL_PA, .r10 = SEAM_NULL_PA, .r11 = SEAM_NULL_PA,
	};
	u64 version = fuzz_chance(a, 20), tdr = r.rdx & ~1ULL, page = r.r8;
	u64 status = seam_call(SEAM_MEM_SEPT_ADD | version << SEAM_VERSION_SHIFT, &r);

	/* Version 0 does not say whether it took the page; the module is asked. */
	if (!status && (version ? r.r8 == SEAM_NULL_PA && page != SEAM_NULL_PA :
			is_new(page)))
		note_given(page, 1, owner_id(tdr));
}

static void page_add(struct actor *a)
{
	struct seam_args r = {
		.rcx = fuzz_gpa(a, 0), .rdx = fuzz_tdr(a), .r8 = fuzz_page(a), .r9 = PAGE(1),
	};
	u64 tdr = r.rdx;

	if (!seam_call(SEAM_MEM_PAGE_ADD, &r))
		note_given(r.r8, 1, owner_id(tdr));
}

static void page_aug(struct actor *a)
{
	u32 level = fuzz_chance(a, 30);
	struct seam_args r = {
		.rcx = fuzz_gpa(a, level), .rdx = fuzz_tdr(a),
		.r8 = level ? REGION(2 + fuzz_below(a, REGIONS - 2)) : fuzz_page(a),
	};
	u64 tdr = r.rdx, big = r.rcx & 7;

	if (!seam_call(SEAM_MEM_PAGE_AUG, &r))
		note_given(r.r8, big ? SEAM_REGION_PAGES : 1, owner_id(tdr));
}

static void block(struct actor *a)
{
	scene_call(SEAM_MEM_RANGE_BLOCK, fuzz_gpa(a, fuzz_level(a)), fuzz_tdr(a), 0, 0);
}

static void unblock(struct actor *a)
{
	scene_call(SEAM_MEM_RANGE_UNBLOCK, fuzz_gpa(a, fuzz_level(a)), fuzz_tdr(a), 0, 0);
}

static void track(struct actor *a)
{
	scene_call(SEAM_MEM_TRACK, fuzz_tdr(a), 0, 0, 0);
}

static void sept_rd(struct actor *a)
{
	scene_call(SEAM_MEM_SEPT_RD, fuzz_gpa(a, fuzz_level(a)), fuzz_tdr(a), 0, 0);
}

static void page_remove(struct actor *a)
{
	struct seam_args r = { .rcx = fuzz_gpa(a, fuzz_level(a)), .rdx = fuzz_tdr(a) };
	u64 big = (r.rcx & 7) == 1;

	if (!seam_call(SEAM_MEM_PAGE_REMOVE, &r))
		note_given(r.rcx & SEAM_PA_MASK, big ? SEAM_REGION_PAGES : 1, 0);
}

static void sept_remove(struct actor *a)
{
	struct seam_args r = { .rcx = fuzz_gpa(a, 1 + fuzz_below(a, 2)), .rdx = fuzz_tdr(a) };

	if (!seam_call(SEAM_MEM_SEPT_REMOVE, &r))
		note_given(r.rcx & SEAM_PA_MASK, 1, 0);
}

static void demote(struct actor *a)
{
	struct seam_args r = {
		.rcx = fuzz_gpa(a, 1), .rdx = fuzz_tdr(a) | fuzz_chance(a, 10),
		.r8 = fuzz_page(a),
		.r9 = SEAM_NULL_PA, .r10 = SEAM_NULL_PA, .r11 = SEAM_NULL_PA,
		.r12 = fuzz_pamt_page(a), .r13 = fuzz_pamt_page(a),
	};
	struct seam_args in = r;

	if (seam_call(SEAM_MEM_PAGE_DEMOTE, &r))
		return;
	note_given(in.r8, 1, owner_id(in.rdx & ~1ULL));
	if (seam.config.dynamic_pamt) {
		note_given(in.r12, 1, PAIR);
		note_given(in.r13, 1, PAIR);
	}
}

static void promote(struct actor *a)
{
	struct seam_args r = { .rcx = fuzz_gpa(a, 1), .rdx = fuzz_tdr(a) };

	if (seam_call(SEAM_MEM_PAGE_PROMOTE, &r))
		return;
	note_given(r.rcx & SEAM_PA_MASK, 1, 0);
	if (seam.config.dynamic_pamt) {
		note_given(r.r12, 1, 0);
		note_given(r.r13, 1, 0);
	}
}

static void pamt_add(struct actor *a)
{
	struct seam_args r = {
		.rcx = REGION(fuzz_below(a, REGIONS)) | 1,
		.rdx = fuzz_pamt_page(a), .r8 = fuzz_pamt_page(a),
	};

	if (seam_call(SEAM_PHYMEM_PAMT_ADD, &r))
		return;
	note_given(r.rdx, 1, PAIR);
	note_given(r.r8, 1, PAIR);
}

static void pamt_remove(struct actor *a)
{
	struct seam_args r = { .rcx = REGION(fuzz_below(a, REGIONS)) | 1 };

	if (seam_call(SEAM_PHYMEM_PAMT_REMOVE, &r))
		return;
	note_given(r.rdx, 1, 0);
	note_given(r.r8, 1, 0);
}

static void reclaim(struct actor *a)
{
	u64 tdr = fuzz_tdr(a);
	u64 pa = fuzz_chance(a, 60) ? fuzz_page(a) : fuzz_control_page(a, tdr);
	struct seam_args r = { .rcx = fuzz_chance(a, 10) ? tdr : pa };

	pa = r.rcx;
	if (!seam_call(SEAM_PHYMEM_PAGE_RECLAIM, &r))
		note_given(pa, r.r8 ? SEAM_REGION_PAGES : 1, 0);
}

/* The end of a TD takes many reclaims: everything once, in a random direction. */
static void reclaim_all(struct actor *a)
{
	u32 i, start = fuzz_below(a, PAGES);

	if (!fuzz_chance(a, 5))
		return;
	for (i = 0; i < PAGES; i++) {
		struct seam_args r = { .rcx = PAGE((start + i) % PAGES) };
		u64 pa = r.rcx;

		if (ledger_on && !ledger[pa >> SEAM_PAGE_SHIFT])
			continue;
		if (!seam_call(SEAM_PHYMEM_PAGE_RECLAIM, &r))
			note_given(pa, r.r8 ? SEAM_REGION_PAGES : 1, 0);
	}
}

static void wbinvd(struct actor *a)
{
	u64 hkid = fuzz_below(a, SEAM_NR_HKIDS);

	scene_call(SEAM_PHYMEM_PAGE_WBINVD, fuzz_page(a) | hkid << SEAM_HKID_SHIFT, 0, 0, 0);
}

static void vpflushdone(struct actor *a)
{
	if (fuzz_chance(a, 10))
		scene_call(SEAM_MNG_VPFLUSHDONE, fuzz_tdr(a), 0, 0, 0);
}

static void cache_wb(struct actor *a)
{
	scene_call(SEAM_PHYMEM_CACHE_WB, fuzz_below(a, 3), 0, 0, 0);
}

static void freeid(struct actor *a)
{
	scene_call(SEAM_MNG_KEY_FREEID, fuzz_tdr(a), 0, 0, 0);
}

static void guest_enter(struct actor *a)
{
	u32 i = fuzz_below(a, TDS);
	u64 epoch;

	if (a->epochs[i][0] && a->epochs[i][1])
		return;
	if (!seam_guest_enter(PAGE(32 * i), &epoch))
		a->epochs[i][!!a->epochs[i][0]] = epoch + 1;
}

static void guest_exit(struct actor *a)
{
	u32 i = fuzz_below(a, TDS), slot = fuzz_below(a, 2);

	if (a->epochs[i][slot])
		seam_guest_exit(PAGE(32 * i), a->epochs[i][slot] - 1);
	a->epochs[i][slot] = 0;
}

static void guest_accept(struct actor *a)
{
	seam_guest_accept(PAGE(32 * fuzz_below(a, TDS)), fuzz_gpa(a, fuzz_below(a, 2)));
}

static void anything(struct actor *a)
{
	struct seam_args r = {
		.rcx = fuzz_draw(a), .rdx = fuzz_draw(a), .r8 = fuzz_draw(a), .r9 = fuzz_draw(a),
		.r12 = fuzz_draw(a), .r13 = fuzz_draw(a),
	};

	/* Only calls that cannot succeed by accident: the ledger would not know. */
	r.rcx |= 1ULL << 52;
	seam_call(fuzz_draw(a) & 0xff00ff, &r);
}

static const struct {
	fuzz_call *call;
	u32 weight;
} calls[] = {
	{ create, 6 }, { key_config, 6 }, { addcx, 20 }, { mng_init, 8 }, { vp_create, 4 },
	{ vp_addcx, 12 }, { vp_init, 4 }, { vp_flush, 2 }, { finalize, 2 }, { sept_add, 40 },
	{ page_add, 20 }, { page_aug, 80 }, { block, 50 }, { unblock, 10 }, { track, 30 },
	{ sept_rd, 20 }, { page_remove, 60 }, { sept_remove, 10 }, { demote, 30 },
	{ promote, 8 }, { pamt_add, 25 }, { pamt_remove, 20 }, { reclaim, 12 },
	{ reclaim_all, 1 }, { wbinvd, 20 }, { vpflushdone, 2 }, { cache_wb, 6 }, { freeid, 4 },
	{ guest_enter, 6 }, { guest_exit, 10 }, { guest_accept, 20 }, { anything, 6 },
};

void fuzz_one_call(struct actor *a)
{
	static u32 total;
	unsigned int i;
	u32 sum = 0, pick;

	if (!READ_ONCE(total)) {
		for (i = 0; i < ARRAY_SIZE(calls); i++)
			sum += calls[i].weight;
		WRITE_ONCE(total, sum);
	}
	pick = fuzz_below(a, READ_ONCE(total));
	for (i = 0; pick >= calls[i].weight; i++)
		pick -= calls[i].weight;
	calls[i].call(a);
	a->calls++;
}
