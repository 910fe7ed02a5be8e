// SPDX-License-Identifier: GPL-2.0-only
/*
 * Collisions on two CPUs: every pair of leaves of the matrix in seam-model.md
 * 1.6, with entries and pages apart, on one S-EPT entry, and with the pages in
 * one 2M region. KTAP on stdout.
 */
#include "pairs.h"

enum scenario { APART, SAME_ENTRY, SAME_REGION, NR_SCENARIOS };

static const char *const scenario_names[] = { "apart", "same entry", "same 2M region" };

/*
 * What each of the two works on. Region 0 holds the control pages, region 1 the
 * pages of all pairs. GPAs: a table with a free and a mapped 4K entry, a free
 * 2M entry, a 2M leaf, an empty table.
 */
struct side {
	u64 free_4k, mapped_4k, free_2m, mapped_2m, empty;
	u64 page;		/* to give: its region has a pair */
	u64 region;		/* to give: no pair */
	u64 leaf_region;	/* mapped at mapped_2m */
	u64 pair;		/* for DEMOTE */
};

static struct scene_td td;
static struct side side[2];

/* Entry the second call is made to use, for SAME_ENTRY. */
static u64 common_entry;
static bool use_common;

struct leaf {
	const char *name, *row;
	u32 levels;		/* bitmap of the entry levels it can act on */
	u64 (*call)(const struct side *s);
	u64 (*entry)(const struct side *s, u32 level);
	bool gives_4k, gives_2m;
};

static u64 target(const struct side *s, u64 own)
{
	return s == &side[1] && use_common ? common_entry : own;
}

static u64 free_entry(const struct side *s, u32 level)
{
	return level ? s->free_2m | 1 : s->free_4k;
}

static u64 mapped_entry(const struct side *s, u32 level)
{
	return level ? s->mapped_2m | 1 : s->mapped_4k;
}

static u64 table_entry(const struct side *s, u32 level)
{
	return s->empty | 1;
}

/* Level of the running call's entry; APART and SAME_REGION use the lowest one. */
static u32 level;

static u64 sept_add(const struct side *s)
{
	return scene_call(SEAM_MEM_SEPT_ADD, target(s, s->free_2m | 1), td.tdr, s->page, 0);
}

static u64 aug_4k(const struct side *s)
{
	return scene_call(SEAM_MEM_PAGE_AUG, target(s, s->free_4k), td.tdr, s->page, 0);
}

static u64 aug_2m(const struct side *s)
{
	return scene_call(SEAM_MEM_PAGE_AUG, target(s, s->free_2m | 1), td.tdr, s->region, 0);
}

static u64 block(const struct side *s)
{
	return scene_call(SEAM_MEM_RANGE_BLOCK, target(s, mapped_entry(s, level)), td.tdr, 0, 0);
}

static u64 track(const struct side *s)
{
	return scene_call(SEAM_MEM_TRACK, td.tdr, 0, 0, 0);
}

static u64 page_remove(const struct side *s)
{
	return scene_call(SEAM_MEM_PAGE_REMOVE, target(s, mapped_entry(s, level)), td.tdr, 0, 0);
}

static u64 sept_remove(const struct side *s)
{
	return scene_call(SEAM_MEM_SEPT_REMOVE, target(s, s->empty | 1), td.tdr, 0, 0);
}

static u64 sept_rd(const struct side *s)
{
	return scene_call(SEAM_MEM_SEPT_RD, target(s, mapped_entry(s, level)), td.tdr, 0, 0);
}

static u64 demote(const struct side *s)
{
	return scene_demote(target(s, s->mapped_2m | 1), td.tdr, s->page, s->pair,
			    s->pair + PAGE(1));
}

static u64 page_add(const struct side *s)
{
	return scene_call(SEAM_MEM_PAGE_ADD, target(s, s->free_4k), td.tdr, s->page, 0);
}

static u64 vp_enter(const struct side *s)
{
	u64 epoch, status = seam_guest_enter(td.tdr, &epoch);

	if (!status)
		seam_guest_exit(td.tdr, epoch);
	return status;
}

static u64 zero_step(const struct side *s)
{
	return seam_guest_zero_step(td.tdr, 0);
}

static u64 accept(const struct side *s)
{
	return seam_guest_accept(td.tdr, target(s, mapped_entry(s, level)));
}

#define L4K BIT(0)
#define L2M BIT(1)

static const struct leaf leaves[] = {
	{ "SEPT.ADD", "SEPT.ADD", L2M, sept_add, free_entry, .gives_4k = true },
	{ "AUG 4K", "PAGE.AUG.4K", L4K, aug_4k, free_entry, .gives_4k = true },
	{ "AUG 2M", "PAGE.AUG.2M", L2M, aug_2m, free_entry, .gives_2m = true },
	{ "BLOCK", "RANGE.BLOCK", L4K | L2M, block, mapped_entry },
	{ "TRACK", "TRACK", 0, track },
	{ "REMOVE", "PAGE.REMOVE", L4K | L2M, page_remove, mapped_entry },
	{ "SEPT.REMOVE", "SEPT.REMOVE", L2M, sept_remove, table_entry },
	{ "SEPT.RD", "SEPT.RD", L4K | L2M, sept_rd, mapped_entry },
	{ "DEMOTE", "DEMOTE", L2M, demote, mapped_entry, .gives_4k = true },
	{ "PAGE.ADD", "PAGE.ADD", L4K, page_add, free_entry, .gives_4k = true },
	{ "VP.ENTER", NULL, 0, vp_enter },
	{ "VP.ENTER zero-step", NULL, 0, zero_step },
	{ "ACCEPT", NULL, L4K | L2M, accept, mapped_entry },
};

enum { SADD, AUG4, AUG2, BLK, TRK, REM, SREM, SRD, DEM, PADD, NR_RUNNING, NR_CALLED = 13 };

/*
 * The matrix, running call by row: B busy, e on the same entry, p with pages in
 * one 2M region, * both, - never. Columns as in leaves[]. PAGE.ADD is a build-phase
 * leaf: no guest runs beside it. A 4K page given cannot lie in the region a DEMOTE
 * that succeeds splits, so p stays out of that column for 4K rows.
 */
static const char matrix[NR_RUNNING][NR_CALLED + 1] = {
	[SADD] = "ee*B-eBeeB-Be",
	[AUG4] = "ee*B-eBeeB-Be",
	[AUG2] = "***B-eBe*B-Be",
	[BLK]  = "BBBB-BBBBB-Be",
	[TRK]  = "----B----BB--",
	[REM]  = "eeeB-eBeeB-Be",
	[SREM] = "BBBB-BBBBB-Be",
	[SRD]  = "eeeB-eBeeB-Be",
	[DEM]  = "***B-eBe*B-Be",
	[PADD] = "BBBBBBBBBB   ",
};

static void prepare_side(struct side *s, unsigned int index)
{
	u64 gpa = REGION(16 * index), host = REGION(2 + 4 * index);

	*s = (struct side){
		.free_4k = gpa, .mapped_4k = gpa + PAGE(1), .free_2m = gpa + REGION(1),
		.mapped_2m = gpa + REGION(2), .empty = gpa + REGION(3),
		.page = host + PAGE(1), .region = host + REGION(1),
		.leaf_region = host + REGION(2), .pair = host + REGION(3),
	};
	scene_must(SEAM_PHYMEM_PAMT_ADD, host | 1, REGION(1) + PAGE(2 + 2 * index),
		   REGION(1) + PAGE(3 + 2 * index), 0);
	scene_tables(&td, gpa, 0);
	scene_tables(&td, s->empty, 0);
	scene_must(SEAM_MEM_PAGE_AUG, s->mapped_4k, td.tdr, host, 0);
	scene_must(SEAM_MEM_PAGE_AUG, s->mapped_2m | 1, td.tdr, s->leaf_region, 0);
}

static const struct leaf *running, *called;
static enum scenario scenario;

static void prepare(void)
{
	struct seam_config config = {
		.generation = SEAM_1_5_25, .dynamic_pamt = true, .tdmr_size = REGION(16),
		.nr_sept_tables = 64,
	};

	scene_module(&config);
	scene_must(SEAM_PHYMEM_PAMT_ADD, REGION(0) | 1, REGION(1), REGION(1) + PAGE(1), 0);
	scene_td_build(&td, REGION(0), 33);
	prepare_side(&side[0], 0);
	prepare_side(&side[1], 1);
	use_common = scenario == SAME_ENTRY;
	if (use_common)
		common_entry = running->entry(&side[0], level);
	if (scenario == SAME_REGION) {
		u64 region = running->gives_2m ? side[0].region : side[0].page & ~(REGION(1) - 1);

		if (running->call == demote)
			region = side[0].leaf_region;
		side[1].page = region + PAGE(7);
		side[1].region = region;
	}
}

static u64 run_running(void)
{
	return running->call(&side[0]);
}

static u64 run_called(void)
{
	return called->call(&side[1]);
}

/* The lowest level both can act on; false: there is none. */
static bool choose_level(void)
{
	u32 levels = running->levels & (scenario == SAME_ENTRY ? called->levels : ~0U);

	level = levels & L4K ? SEAM_LEVEL_4K : SEAM_LEVEL_2M;
	return scenario != SAME_ENTRY || levels;
}

static bool applies(void)
{
	if (!choose_level())
		return false;
	if (scenario != SAME_REGION)
		return true;
	return (running->gives_4k || running->gives_2m) && (called->gives_4k || called->gives_2m);
}

static unsigned int nr, nr_failed;

static void report(bool ok, const char *expected, u64 status)
{
	nr++;
	nr_failed += !ok;
	printf("%s %u %s, %s called: %s", ok ? "ok" : "not ok", nr, running->name, called->name,
	       scenario_names[scenario]);
	if (!ok)
		printf(" # expected %s, got %llx, running %llx", expected, status,
		       pair_running_status());
	printf("\n");
}

static bool busy_expected(char cell)
{
	switch (scenario) {
	case SAME_ENTRY:
		return cell == 'B' || cell == 'e' || cell == '*';
	case SAME_REGION:
		return cell == 'B' || cell == 'p' || cell == '*';
	default:
		return cell == 'B';
	}
}

static bool busy_wanted;

static bool met(u64 status)
{
	return status != PAIR_NEVER && seam_is_busy(status) == busy_wanted;
}

static void test_cell(char cell)
{
	const struct pair pair = {
		.prepare = prepare, .running = run_running, .row = running->row,
		.called = run_called, .met = met,
	};
	u64 status;

	if (cell == ' ' || !applies())
		return;
	busy_wanted = busy_expected(cell);
	status = pair_run(&pair);
	report(met(status) && !pair_running_status(), busy_wanted ? "BUSY" : "no BUSY", status);
}

int main(void)
{
	unsigned int row, column;

	printf("KTAP version 1\n");
	for (row = 0; row < NR_RUNNING; row++) {
		for (column = 0; column < NR_CALLED; column++) {
			for (scenario = APART; scenario < NR_SCENARIOS; scenario++) {
				running = &leaves[row];
				called = &leaves[column];
				test_cell(matrix[row][column]);
			}
		}
	}
	printf("1..%u\n", nr);
	seam_exit();
	return nr_failed ? 1 : 0;
}
