// SPDX-License-Identifier: GPL-2.0-only
/* The fuzzer's calls, with operands that are nearly right most of the time. */
#include "fuzz.h"

#define SPREAD	12	/* pages of a region that calls prefer */

u32 ledger[PAGES];
bool ledger_on;

u64 fuzz_draw(struct actor *a)
{
	u64 z = a->rng += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static u32 below(struct actor *a, u32 n)
{
	return (fuzz_draw(a) >> 32) * n >> 32;
}

bool fuzz_chance(struct actor *a, u32 percent)
{
	return below(a, 100) < percent;
}

/* TD i lives in region 0: TDR at page 32 * i, its control pages behind it. */
static u64 tdr_of(struct actor *a)
{
	if (fuzz_chance(a, 2))
		return PAGE(below(a, PAGES));
	return PAGE(32 * below(a, TDS));
}

static u64 some_page(struct actor *a)
{
	u32 region = below(a, REGIONS);

	if (fuzz_chance(a, 3))
		return PAGE(below(a, PAGES)) | 1ULL << below(a, 53);
	if (fuzz_chance(a, 1))
		return SEAM_NULL_PA;
	return REGION(region) + PAGE(below(a, fuzz_chance(a, 90) ? SPREAD : SEAM_REGION_PAGES));
}

/* Pages of region 1 serve as PAMT pages, from a second range that 4K pages rarely use. */
static u64 pamt_page(struct actor *a)
{
	return fuzz_chance(a, 90) ? REGION(1) + PAGE(256 + below(a, 24)) : some_page(a);
}

static u64 some_gpa(struct actor *a, u32 level)
{
	u64 gpa = REGION(below(a, 3)) + PAGE(below(a, SPREAD));

	if (fuzz_chance(a, 2))
		return fuzz_draw(a);
	gpa &= ~((SEAM_PAGE_SIZE << (level * SEAM_REGION_SHIFT)) - 1);
	return gpa | level;
}

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
	struct seam_args r = { .rcx = tdr_of(a), .rdx = 33 + below(a, TDS + 1) };

	if (!seam_call(SEAM_MNG_CREATE, &r))
		note_given(r.rcx, 1, owner_id(r.rcx));
}

static void key_config(struct actor *a)
{
	scene_call(SEAM_MNG_KEY_CONFIG, tdr_of(a), 0, 0, 0);
}

/* A control page, usually one behind the TDR. */
static u64 control_page(struct actor *a, u64 tdr)
{
	return fuzz_chance(a, 95) ? tdr + PAGE(1 + below(a, 24)) : some_page(a);
}

static void addcx(struct actor *a)
{
	u64 tdr = tdr_of(a);
	struct seam_args r = { .rcx = control_page(a, tdr), .rdx = tdr };

	if (!seam_call(SEAM_MNG_ADDCX, &r))
		note_given(r.rcx, 1, owner_id(tdr));
}

static void mng_init(struct actor *a)
{
	scene_call(SEAM_MNG_INIT, tdr_of(a), 0, 0, 0);
}

static void vp_create(struct actor *a)
{
	u64 tdr = tdr_of(a);
	struct seam_args r = { .rcx = tdr + PAGE(20), .rdx = tdr };

	if (!seam_call(SEAM_VP_CREATE, &r))
		note_given(r.rcx, 1, owner_id(tdr));
}

static void vp_addcx(struct actor *a)
{
	u64 tdr = tdr_of(a);
	struct seam_args r = { .rcx = tdr + PAGE(21 + below(a, 7)), .rdx = tdr + PAGE(20) };

	if (!seam_call(SEAM_VP_ADDCX, &r))
		note_given(r.rcx, 1, owner_id(tdr));
}

static void vp_init(struct actor *a)
{
	scene_call(SEAM_VP_INIT, tdr_of(a) + PAGE(20), 0, 0, 0);
}

static void vp_flush(struct actor *a)
{
	scene_call(SEAM_VP_FLUSH, tdr_of(a) + PAGE(20), 0, 0, 0);
}

static void finalize(struct actor *a)
{
	scene_call(SEAM_MR_FINALIZE, tdr_of(a), 0, 0, 0);
}

static void sept_add(struct actor *a)
{
	u32 level = fuzz_chance(a, 60) ? 1 : 2 + below(a, 2);
	struct seam_args r = {
		.rcx = some_gpa(a, level), .rdx = tdr_of(a) | fuzz_chance(a, 20),
		.r8 = some_page(a),
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
		.rcx = some_gpa(a, 0), .rdx = tdr_of(a), .r8 = some_page(a), .r9 = PAGE(1),
	};
	u64 tdr = r.rdx;

	if (!seam_call(SEAM_MEM_PAGE_ADD, &r))
		note_given(r.r8, 1, owner_id(tdr));
}

static void page_aug(struct actor *a)
{
	u32 level = fuzz_chance(a, 30);
	struct seam_args r = {
		.rcx = some_gpa(a, level), .rdx = tdr_of(a),
		.r8 = level ? REGION(2 + below(a, REGIONS - 2)) : some_page(a),
	};
	u64 tdr = r.rdx, big = r.rcx & 7;

	if (!seam_call(SEAM_MEM_PAGE_AUG, &r))
		note_given(r.r8, big ? SEAM_REGION_PAGES : 1, owner_id(tdr));
}

static u32 any_level(struct actor *a)
{
	return fuzz_chance(a, 95) ? below(a, 2) : below(a, 8);
}

static void block(struct actor *a)
{
	scene_call(SEAM_MEM_RANGE_BLOCK, some_gpa(a, any_level(a)), tdr_of(a), 0, 0);
}

static void unblock(struct actor *a)
{
	scene_call(SEAM_MEM_RANGE_UNBLOCK, some_gpa(a, any_level(a)), tdr_of(a), 0, 0);
}

static void track(struct actor *a)
{
	scene_call(SEAM_MEM_TRACK, tdr_of(a), 0, 0, 0);
}

static void sept_rd(struct actor *a)
{
	scene_call(SEAM_MEM_SEPT_RD, some_gpa(a, any_level(a)), tdr_of(a), 0, 0);
}

static void page_remove(struct actor *a)
{
	struct seam_args r = { .rcx = some_gpa(a, any_level(a)), .rdx = tdr_of(a) };
	u64 big = (r.rcx & 7) == 1;

	if (!seam_call(SEAM_MEM_PAGE_REMOVE, &r))
		note_given(r.rcx & SEAM_PA_MASK, big ? SEAM_REGION_PAGES : 1, 0);
}

static void sept_remove(struct actor *a)
{
	struct seam_args r = { .rcx = some_gpa(a, 1 + below(a, 2)), .rdx = tdr_of(a) };

	if (!seam_call(SEAM_MEM_SEPT_REMOVE, &r))
		note_given(r.rcx & SEAM_PA_MASK, 1, 0);
}

static void demote(struct actor *a)
{
	struct seam_args r = {
		.rcx = some_gpa(a, 1), .rdx = tdr_of(a) | fuzz_chance(a, 10), .r8 = some_page(a),
		.r9 = SEAM_NULL_PA, .r10 = SEAM_NULL_PA, .r11 = SEAM_NULL_PA,
		.r12 = pamt_page(a), .r13 = pamt_page(a),
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
	struct seam_args r = { .rcx = some_gpa(a, 1), .rdx = tdr_of(a) };

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
		.rcx = REGION(below(a, REGIONS)) | 1, .rdx = pamt_page(a), .r8 = pamt_page(a),
	};

	if (seam_call(SEAM_PHYMEM_PAMT_ADD, &r))
		return;
	note_given(r.rdx, 1, PAIR);
	note_given(r.r8, 1, PAIR);
}

static void pamt_remove(struct actor *a)
{
	struct seam_args r = { .rcx = REGION(below(a, REGIONS)) | 1 };

	if (seam_call(SEAM_PHYMEM_PAMT_REMOVE, &r))
		return;
	note_given(r.rdx, 1, 0);
	note_given(r.r8, 1, 0);
}

static void reclaim(struct actor *a)
{
	u64 tdr = tdr_of(a), pa = fuzz_chance(a, 60) ? some_page(a) : control_page(a, tdr);
	struct seam_args r = { .rcx = fuzz_chance(a, 10) ? tdr : pa };

	pa = r.rcx;
	if (!seam_call(SEAM_PHYMEM_PAGE_RECLAIM, &r))
		note_given(pa, r.r8 ? SEAM_REGION_PAGES : 1, 0);
}

/* The end of a TD takes many reclaims: everything once, in a random direction. */
static void reclaim_all(struct actor *a)
{
	u32 i, start = below(a, PAGES);

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
	scene_call(SEAM_PHYMEM_PAGE_WBINVD, some_page(a) | (u64)below(a, 64) << SEAM_HKID_SHIFT,
		   0, 0, 0);
}

static void vpflushdone(struct actor *a)
{
	if (fuzz_chance(a, 10))
		scene_call(SEAM_MNG_VPFLUSHDONE, tdr_of(a), 0, 0, 0);
}

static void cache_wb(struct actor *a)
{
	scene_call(SEAM_PHYMEM_CACHE_WB, below(a, 3), 0, 0, 0);
}

static void freeid(struct actor *a)
{
	scene_call(SEAM_MNG_KEY_FREEID, tdr_of(a), 0, 0, 0);
}

static void guest_enter(struct actor *a)
{
	u32 i = below(a, TDS);
	u64 epoch;

	if (a->epochs[i][0] && a->epochs[i][1])
		return;
	if (!seam_guest_enter(PAGE(32 * i), &epoch))
		a->epochs[i][!!a->epochs[i][0]] = epoch + 1;
}

static void guest_exit(struct actor *a)
{
	u32 i = below(a, TDS), slot = below(a, 2);

	if (a->epochs[i][slot])
		seam_guest_exit(PAGE(32 * i), a->epochs[i][slot] - 1);
	a->epochs[i][slot] = 0;
}

static void guest_accept(struct actor *a)
{
	seam_guest_accept(PAGE(32 * below(a, TDS)), some_gpa(a, below(a, 2)));
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
	pick = below(a, READ_ONCE(total));
	for (i = 0; pick >= calls[i].weight; i++)
		pick -= calls[i].weight;
	calls[i].call(a);
	a->calls++;
}
