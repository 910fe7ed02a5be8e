// SPDX-License-Identifier: GPL-2.0-only
/* Operands for the fuzzer: nearly right most of the time. */
#include "fuzz.h"

#define SPREAD	12	/* pages of a region that calls prefer */

u64 fuzz_draw(struct actor *a)
{
	u64 z = a->rng += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

u32 fuzz_below(struct actor *a, u32 n)
{
	return (fuzz_draw(a) >> 32) * n >> 32;
}

bool fuzz_chance(struct actor *a, u32 percent)
{
	return fuzz_below(a, 100) < percent;
}

/* TD i lives in region 0: TDR at page 32 * i, its control pages behind it. */
u64 fuzz_tdr(struct actor *a)
{
	if (fuzz_chance(a, 2))
		return PAGE(fuzz_below(a, PAGES));
	return PAGE(32 * fuzz_below(a, TDS));
}

u64 fuzz_page(struct actor *a)
{
	u32 region = fuzz_below(a, REGIONS);

	if (fuzz_chance(a, 3))
		return PAGE(fuzz_below(a, PAGES)) | 1ULL << fuzz_below(a, 53);
	if (fuzz_chance(a, 1))
		return SEAM_NULL_PA;
	return REGION(region) +
	       PAGE(fuzz_below(a, fuzz_chance(a, 90) ? SPREAD : SEAM_REGION_PAGES));
}

/* Pages of region 1 serve as PAMT pages, from a second range that 4K pages rarely use. */
u64 fuzz_pamt_page(struct actor *a)
{
	return fuzz_chance(a, 90) ? REGION(1) + PAGE(256 + fuzz_below(a, 24)) : fuzz_page(a);
}

u64 fuzz_gpa(struct actor *a, u32 level)
{
	u64 gpa = REGION(fuzz_below(a, 3)) + PAGE(fuzz_below(a, SPREAD));

	if (fuzz_chance(a, 2))
		return fuzz_draw(a);
	gpa &= ~((SEAM_PAGE_SIZE << (level * SEAM_REGION_SHIFT)) - 1);
	return gpa | level;
}

/* A control page, usually one behind the TDR. */
u64 fuzz_control_page(struct actor *a, u64 tdr)
{
	return fuzz_chance(a, 95) ? tdr + PAGE(1 + fuzz_below(a, 24)) : fuzz_page(a);
}

u32 fuzz_level(struct actor *a)
{
	return fuzz_chance(a, 95) ? fuzz_below(a, 2) : fuzz_below(a, 8);
}
