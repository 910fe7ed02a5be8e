// SPDX-License-Identifier: GPL-2.0-only
/*
 * The invariants of the model:
 *	every lock is free
 *	a TD's child count is the number of 4K pages it owns
 *	every REG and EPT page of a TD with keys is in exactly one S-EPT entry,
 *	at the size PAMT says, and every entry's page is the TD's
 *	a region's count is its number of 4K pages in use, none without a pair
 *	no page is a PAMT page and typed, and a pair's pages are PAMT pages
 *	every shadow table is free or belongs to one EPT page or root
 */
#include "invariants.h"

static char why[256];

#define BROKEN(...) (snprintf(why, sizeof(why), __VA_ARGS__), why)

static bool locked(const atomic_t *lock)
{
	return atomic_read(lock) & ~(int)SEAM_LOCK_HOST_PRIORITY;
}

struct census {
	u64 children[256];
	u64 references[256];	/* 4K pages and tables reached through the S-EPT */
	u64 mapped[256];	/* REG and EPT pages, in 4K pages, by owner */
	u64 pamt_pages, paired;
	u32 tables;
};

static struct census census;

static const struct seam_td *owner_of(const struct seam_pamt *pamt)
{
	const struct seam_pamt *tdr = seam_pamt_of((u64)pamt->owner << SEAM_PAGE_SHIFT);

	return tdr->type == PT_TDR ? &seam.tds[tdr->object] : NULL;
}

static const char *count_page(u64 pa, const struct seam_pamt *pamt, u64 size)
{
	const struct seam_td *td;

	if (locked(&pamt->lock))
		return BROKEN("PAMT entry of %llx is locked: %x", pa, atomic_read(&pamt->lock));
	if (pamt->type == PT_NDA || pamt->type == PT_TDR || pamt->type == PT_PAMT)
		return NULL;
	td = owner_of(pamt);
	if (!td)
		return BROKEN("page %llx of type %u has no TD", pa, pamt->type);
	census.children[td - seam.tds] += size;
	if (pamt->type == PT_REG || pamt->type == PT_EPT)
		census.mapped[td - seam.tds] += size;
	if (pamt->type == PT_EPT)
		census.tables++;
	return NULL;
}

static const char *check_pair(u64 pa, const struct seam_region *region)
{
	int i;

	for (i = 0; i < 2; i++) {
		u64 page_pa = (u64)region->pair[i] << SEAM_PAGE_SHIFT;

		if (!seam_pamt_of(page_pa)->pamt_page)
			return BROKEN("pair page %x of region %llx is none", region->pair[i], pa);
	}
	census.paired += 2;
	return NULL;
}

static const char *check_4k_pages(u64 first, const struct seam_region *region)
{
	u64 used = 0, pamt_pages = 0, i;

	for (i = 0; i < SEAM_REGION_PAGES; i++) {
		const struct seam_pamt *pamt = &seam.pages[first + i];
		const char *broken = count_page((first + i) << SEAM_PAGE_SHIFT, pamt, 1);

		if (broken)
			return broken;
		if (pamt->pamt_page && pamt->type != PT_NDA)
			return BROKEN("page %llx is a PAMT page of type %u", first + i, pamt->type);
		used += pamt->type != PT_NDA;
		pamt_pages += pamt->pamt_page;
	}
	census.pamt_pages += pamt_pages;
	if (used != (u64)atomic_read(&region->used) ||
	    pamt_pages != (u64)atomic_read(&region->pamt_pages))
		return BROKEN("region %llx counts %d + %d pages, has %llu + %llu", first,
			      atomic_read(&region->used), atomic_read(&region->pamt_pages), used,
			      pamt_pages);
	return NULL;
}

static const char *check_region(u64 index)
{
	const struct seam_region *region = &seam.regions[index];
	u64 pa = index << (SEAM_PAGE_SHIFT + SEAM_REGION_SHIFT);
	const char *broken = count_page(pa, &region->pamt, SEAM_REGION_PAGES);

	if (!broken)
		broken = check_4k_pages(index * SEAM_REGION_PAGES, region);
	if (!broken && region->pamt.type == PT_PAMT)
		broken = check_pair(pa, region);
	if (broken)
		return broken;
	if (atomic_read(&region->removals))
		return BROKEN("region %llx counts a removal", pa);
	if (atomic_read(&region->used) &&
	    region->pamt.type != (seam_is_dpamt() ? PT_PAMT : PT_NDA))
		return BROKEN("region %llx of type %u has 4K pages", pa, region->pamt.type);
	return NULL;
}

static const char *check_entry(const struct seam_td *td, u64 gpa, u32 level, u64 entry)
{
	u8 state = sept_state(entry), type = sept_is_table(state) ? PT_EPT : PT_REG;
	const struct seam_pamt *pamt;

	if (entry & SEPT_LOCK)
		return BROKEN("entry %llx level %u is locked", gpa, level);
	if (state == ST_FREE || state == ST_REMOVED)
		return sept_pa(entry) ? BROKEN("free entry %llx has a page", gpa) : NULL;
	pamt = seam_pamt_at(sept_pa(entry), type == PT_EPT ? SEAM_LEVEL_4K : level);
	if (pamt->type != type || pamt->owner != td->tdr)
		return BROKEN("entry %llx level %u: page %llx is of type %u", gpa, level,
			      sept_pa(entry), pamt->type);
	census.references[td - seam.tds] +=
		type == PT_EPT ? 1 : 1ULL << (level * SEAM_REGION_SHIFT);
	return NULL;
}

/* Depth is at most 4. */
static const char *check_table(const struct seam_td *td, u32 table, u64 gpa, u32 level)
{
	const char *broken = NULL;
	unsigned int i;

	for (i = 0; !broken && i < SEAM_TABLE_ENTRIES; i++) {
		u64 entry = seam.tables[table].entry[i];
		u64 at = gpa | (u64)i << (SEAM_PAGE_SHIFT + level * SEAM_REGION_SHIFT);

		if (!entry)
			continue;
		broken = check_entry(td, at, level, entry);
		if (!broken && sept_is_table(sept_state(entry)))
			broken = check_table(td, seam_pamt_of(sept_pa(entry))->object, at,
					     level - 1);
	}
	return broken;
}

static const char *check_td(const struct seam_td *td)
{
	unsigned int i = td - seam.tds;
	const char *broken;

	if (!atomic_read(&td->in_use))
		return NULL;
	if (td->root != SEAM_NONE)
		census.tables++;
	if (locked(&td->op_lock) || locked(&td->tree_lock) || locked(&td->epoch_lock))
		return BROKEN("a lock of TD %x is held", td->tdr);
	if ((u64)atomic64_read(&td->children) != census.children[i])
		return BROKEN("TD %x counts %lld children, has %llu", td->tdr,
			      atomic64_read(&td->children), census.children[i]);
	if (td->life_cycle == LC_TEARDOWN || td->root == SEAM_NONE)
		return NULL;
	broken = check_table(td, td->root, 0, SEAM_ROOT_LEVEL);
	if (!broken && census.references[i] != census.mapped[i])
		return BROKEN("TD %x owns %llu mapped pages, entries name %llu", td->tdr,
			      census.mapped[i], census.references[i]);
	return broken;
}

static const char *check_tables(void)
{
	u32 table = seam.free_tables;

	for (; table != SEAM_NONE; table = seam.next_table[table])
		if (++census.tables > seam.config.nr_sept_tables)
			break;
	if (census.tables != seam.config.nr_sept_tables)
		return BROKEN("%u shadow tables of %u", census.tables, seam.config.nr_sept_tables);
	return NULL;
}

const char *invariants_broken(void)
{
	const char *broken = NULL;
	u64 i;

	memset(&census, 0, sizeof(census));
	for (i = 0; !broken && i < seam.nr_gigs; i++)
		if (locked(&seam.gigs[i].lock))
			broken = BROKEN("1G PAMT entry %llu is locked", i);
	for (i = 0; !broken && i < seam.nr_regions; i++)
		broken = check_region(i);
	for (i = 0; !broken && i < seam.config.nr_tds; i++)
		broken = check_td(&seam.tds[i]);
	if (!broken)
		broken = check_tables();
	if (!broken && census.paired != census.pamt_pages)
		broken = BROKEN("%llu PAMT pages, %llu in pairs", census.pamt_pages, census.paired);
	if (!broken && (locked(&seam.kot_lock) || locked(&seam.packages[0].lock)))
		broken = BROKEN("a global lock is held");
	return broken;
}
