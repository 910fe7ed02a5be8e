// SPDX-License-Identifier: GPL-2.0-only
/*
 * Custody: what the caller did with a page before, while and after the module
 * had it. The marks of a page are written by whoever holds it, one at a time.
 */
#include "call.h"

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
	platform_guard(pa, true);
}

static void check_page(struct seam_call *call, const struct seam_pamt *pamt, u64 pa)
{
	const u64 *words = platform_page(pa);
	unsigned int i;

	platform_guard(pa, false);
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

/* The PAMT entry that says whose an owned page is. */
static const struct seam_pamt *owner_entry(u64 pa)
{
	const struct seam_pamt *region = &seam_region_of(pa)->pamt;

	return READ_ONCE(region->type) == PT_REG ? region : seam_pamt_of(pa);
}

/* The host did something with its page, no call of the module is involved. */
static void host_violates(u64 pa, enum seam_violation_kind kind, const struct seam_pamt *owner,
			  unsigned long site)
{
	struct seam_violation v = {
		.kind = kind,
		.pa = pa,
		.owner = seam_tdr_of(owner, pa),
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
	if (seam_page_owned(pa))
		host_violates(pa, SEAM_FREED_WHILE_OWNED, owner_entry(pa), _RET_IP_);
	else if (READ_ONCE(page->marks) & SEAM_MARK_WRITE_BACK)
		host_violates(pa, SEAM_NOT_WRITTEN_BACK, page, _RET_IP_);
	WRITE_ONCE(page->marks, 0);
}

void seam_page_touched(u64 pa)
{
	if (seam_page_owned(pa))
		host_violates(pa, SEAM_TOUCHED_WHILE_OWNED, owner_entry(pa), _RET_IP_);
}

u64 seam_nr_lost_pairs(void)
{
	return atomic64_read(&seam.lost_pairs);
}

/*
 * Nothing runs: what the module owns now it owns for ever. One violation for
 * each span of pages that went to one TD by one leaf.
 */
u64 seam_check_leaks(void)
{
	struct seam_violation v = { .kind = SEAM_LEAK, .other = SEAM_NULL_PA };
	u64 i, n = 0;

	for (i = 0; seam.pages && i < seam.nr_pages; i++) {
		u64 pa = (seam.first_page + i) << SEAM_PAGE_SHIFT;
		const struct seam_pamt *owner = owner_entry(pa);

		if (!seam_page_owned(pa))
			continue;
		n++;
		if (v.info && v.owner == seam_tdr_of(owner, pa) && v.owner_site == owner->site) {
			v.info++;
			continue;
		}
		if (v.info)
			seam_violate(&v);
		v.pa = pa;
		v.owner = seam_tdr_of(owner, pa);
		v.owner_leaf = seam_row_names[owner->row];
		v.owner_site = owner->site;
		v.info = 1;
	}
	if (v.info)
		seam_violate(&v);
	return n;
}
