// SPDX-License-Identifier: GPL-2.0-only
/*
 * Custody: what the caller did with a page before, while and after the module
 * had it. The marks of a page are written by whoever holds it, one at a time.
 */
#include "state.h"

static bool is_region(const struct seam_pamt *pamt, u64 pa)
{
	return pamt == &seam_region_of(pa)->pamt;
}

/* Every word differs, so that a copied or shifted page is noticed too. */
static u64 pattern(u64 pa, unsigned int word)
{
	return (pa + word * sizeof(u64)) * 0x9e3779b97f4a7c15ULL | 1;
}

static void fill_page(u64 pa)
{
	u64 *words = platform_page(pa);
	unsigned int i;

	for (i = 0; i < SEAM_PAGE_SIZE / sizeof(u64); i++)
		words[i] = pattern(pa, i);
}

static void check_page(struct seam_call *call, const struct seam_pamt *pamt, u64 pa)
{
	const u64 *words = platform_page(pa);
	unsigned int i;

	for (i = 0; i < SEAM_PAGE_SIZE / sizeof(u64); i++) {
		if (words[i] == pattern(pa, i))
			continue;
		seam_violate_call(call, SEAM_TOUCHED_WHILE_OWNED, pa, pamt, i * sizeof(u64));
		return;
	}
}

static void check_marks(struct seam_call *call, struct seam_pamt *page, u64 pa)
{
	u8 marks = READ_ONCE(page->marks);

	if (!(marks & SEAM_MARK_FLUSHED))
		seam_violate_call(call, SEAM_NOT_FLUSHED, pa, NULL, 0);
	if (marks & SEAM_MARK_WRITE_BACK)
		seam_violate_call(call, SEAM_NOT_WRITTEN_BACK, pa, page, 0);
	WRITE_ONCE(page->marks, 0);
}

/*
 * Before @pamt is changed, under its lock. Of a 2M page the flush of the first
 * 4K page is asked for, as Linux flushes that one only.
 */
void seam_custody_take(struct seam_call *call, struct seam_pamt *pamt, u64 pa)
{
	unsigned int i, nr = is_region(pamt, pa) ? SEAM_REGION_PAGES : 1;

	if (unlikely(seam.config.check_caches))
		check_marks(call, seam_pamt_of(pa), pa);
	if (unlikely(seam.config.check_content))
		for (i = 0; i < nr; i++)
			fill_page(pa + i * SEAM_PAGE_SIZE);
}

/* @write_back: lines with the TD's key may be left, WBINVD has to follow. */
void seam_custody_return(struct seam_call *call, struct seam_pamt *pamt, u64 pa, bool write_back)
{
	unsigned int i, nr = is_region(pamt, pa) ? SEAM_REGION_PAGES : 1;

	for (i = 0; unlikely(seam.config.check_content) && i < nr; i++)
		check_page(call, pamt, pa + i * SEAM_PAGE_SIZE);
	for (i = 0; unlikely(seam.config.check_caches) && i < nr && write_back; i++)
		WRITE_ONCE(seam_pamt_of(pa)[i].marks, SEAM_MARK_WRITE_BACK);
}

void seam_custody_written_back(u64 pa)
{
	if (unlikely(seam.config.check_caches))
		WRITE_ONCE(seam_pamt_of(pa)->marks, 0);
}

bool seam_page_owned(u64 pa)
{
	const struct seam_pamt *page;

	if (!seam.pages || !seam_pa_covered(pa))
		return false;
	page = seam_pamt_of(pa);
	return READ_ONCE(page->type) != PT_NDA || READ_ONCE(page->pamt_page) ||
	       READ_ONCE(seam_region_of(pa)->pamt.type) == PT_REG;
}

void seam_page_flushed(u64 pa)
{
	struct seam_pamt *page;

	if (!seam.pages || !seam.config.check_caches || !seam_pa_covered(pa))
		return;
	page = seam_pamt_of(pa);
	WRITE_ONCE(page->marks, READ_ONCE(page->marks) | SEAM_MARK_FLUSHED);
}

static void freed(u64 pa, enum seam_violation_kind kind, const struct seam_pamt *owner,
		  unsigned long site)
{
	struct seam_violation v = {
		.kind = kind,
		.pa = pa,
		.owner = READ_ONCE(owner->type) == PT_NDA ?
			 SEAM_NULL_PA : (u64)READ_ONCE(owner->owner) << SEAM_PAGE_SHIFT,
		.other = SEAM_NULL_PA,
		.owner_leaf = seam_row_names[owner->row],
		.owner_site = owner->site,
		.other_site = site,
	};

	seam_violate(&v);
}

void seam_page_freed(u64 pa)
{
	struct seam_pamt *page;

	if (!seam.pages || !seam_pa_covered(pa))
		return;
	page = seam_pamt_of(pa);
	if (seam_page_owned(pa)) {
		bool leaf = READ_ONCE(seam_region_of(pa)->pamt.type) == PT_REG;

		freed(pa, SEAM_FREED_WHILE_OWNED, leaf ? &seam_region_of(pa)->pamt : page,
		      _RET_IP_);
	} else if (READ_ONCE(page->marks) & SEAM_MARK_WRITE_BACK) {
		freed(pa, SEAM_NOT_WRITTEN_BACK, page, _RET_IP_);
	}
	WRITE_ONCE(page->marks, 0);
}

static void leaked(u64 pa, const struct seam_pamt *pamt, u64 n)
{
	struct seam_violation v = {
		.kind = SEAM_LEAK,
		.pa = pa,
		.owner = pamt && READ_ONCE(pamt->type) != PT_NDA ?
			 (u64)READ_ONCE(pamt->owner) << SEAM_PAGE_SHIFT : SEAM_NULL_PA,
		.other = SEAM_NULL_PA,
		.owner_leaf = pamt ? seam_row_names[pamt->row] : NULL,
		.owner_site = pamt ? pamt->site : 0,
		.other_site = _RET_IP_,
		.info = n,
	};

	seam_violate(&v);
}

/* Nothing runs: what is not NDA now, is a PAMT page, or is locked, stays so for ever. */
u64 seam_check_leaks(void)
{
	const u32 first = seam.first_page;
	u64 i, n = 0, first_pa = 0;

	for (i = 0; seam.pages && i < seam.nr_pages; i++) {
		u64 pa = (first + i) << SEAM_PAGE_SHIFT;

		if (!seam_page_owned(pa) && !(atomic_read(&seam.pages[i].lock) >> 2))
			continue;
		if (!n++)
			first_pa = pa;
	}
	if (n)
		leaked(first_pa, seam_page_owned(first_pa) ? seam_pamt_of(first_pa) : NULL, n);
	return n;
}
