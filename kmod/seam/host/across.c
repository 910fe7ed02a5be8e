// SPDX-License-Identifier: GPL-2.0-only
/*
 * Collisions on two CPUs that do not stay within one TD: the 2M PAMT entry that
 * calls on different TDs share, the key table, and PAMT.ADD against PAMT.ADD.
 * KTAP on stdout.
 */
#include "pairs.h"

/* Region 0: control pages of both TDs and guest pages, with a pair. */
#define CONTROL1	REGION(0)
#define CONTROL2	(REGION(0) + PAGE(64))
#define GUEST		(REGION(0) + PAGE(128))
#define PAIRS		REGION(1)
#define EMPTY_A		REGION(4)	/* no pair, nothing in use */
#define EMPTY_B		REGION(5)
#define IDLE_PAIR	REGION(6)	/* a pair, nothing in use */

static struct scene_td td1, td2, flushed;

static void prepare(void)
{
	struct seam_config config = {
		.generation = SEAM_1_5_25, .dynamic_pamt = true, .tdmr_size = REGION(8),
		.nr_sept_tables = 64,
	};

	scene_module(&config);
	scene_must(SEAM_PHYMEM_PAMT_ADD, REGION(0) | 1, PAIRS, PAIRS + PAGE(1), 0);
	scene_must(SEAM_PHYMEM_PAMT_ADD, IDLE_PAIR | 1, PAIRS + PAGE(2), PAIRS + PAGE(3), 0);
	scene_td_build(&td1, CONTROL1, 33);
	scene_td_build(&td2, CONTROL2, 34);
	scene_td_build(&flushed, CONTROL2 + PAGE(128), 40);
	scene_must(SEAM_MNG_VPFLUSHDONE, flushed.tdr, 0, 0, 0);
	scene_tables(&td1, 0, 0);
	scene_tables(&td2, 0, 0);
	scene_must(SEAM_MEM_PAGE_AUG, PAGE(9), td1.tdr, GUEST + PAGE(9), 0);
	scene_must(SEAM_MEM_PAGE_AUG, PAGE(9), td2.tdr, GUEST + PAGE(10), 0);
	scene_must(SEAM_MEM_PAGE_AUG, PAGE(11), td2.tdr, IDLE_PAIR + PAGE(7), 0);
}

/* Adding backing for A, with pages that lie in the 2M range of B. */
static u64 back_a_from_b(void)
{
	return scene_call(SEAM_PHYMEM_PAMT_ADD, EMPTY_A | 1, EMPTY_B + PAGE(1),
			  EMPTY_B + PAGE(2), 0);
}

static u64 back_b(void)
{
	return scene_call(SEAM_PHYMEM_PAMT_ADD, EMPTY_B | 1, PAIRS + PAGE(8), PAIRS + PAGE(9), 0);
}

static u64 back_a(void)
{
	return scene_call(SEAM_PHYMEM_PAMT_ADD, EMPTY_A | 1, PAIRS + PAGE(10), PAIRS + PAGE(11), 0);
}

static u64 aug_2m_b(void)
{
	return scene_call(SEAM_MEM_PAGE_AUG, REGION(1) | 1, td1.tdr, EMPTY_B, 0);
}

static u64 aug_2m_control(void)
{
	return scene_call(SEAM_MEM_PAGE_AUG, REGION(1) | 1, td1.tdr, REGION(0), 0);
}

static u64 aug1(void)
{
	return scene_call(SEAM_MEM_PAGE_AUG, 0, td1.tdr, GUEST, 0);
}

static u64 aug2(void)
{
	return scene_call(SEAM_MEM_PAGE_AUG, 0, td2.tdr, GUEST + PAGE(1), 0);
}

static u64 aug2_idle(void)
{
	return scene_call(SEAM_MEM_PAGE_AUG, 0, td2.tdr, IDLE_PAIR, 0);
}

static u64 pamt_remove_idle(void)
{
	return scene_call(SEAM_PHYMEM_PAMT_REMOVE, IDLE_PAIR | 1, 0, 0, 0);
}

static u64 remove2_idle(void)
{
	return scene_call(SEAM_MEM_PAGE_REMOVE, PAGE(11), td2.tdr, 0, 0);
}

static u64 remove1(void)
{
	return scene_call(SEAM_MEM_PAGE_REMOVE, PAGE(9), td1.tdr, 0, 0);
}

static u64 block1(void)
{
	return scene_call(SEAM_MEM_RANGE_BLOCK, PAGE(9), td1.tdr, 0, 0);
}

static u64 block2(void)
{
	return scene_call(SEAM_MEM_RANGE_BLOCK, PAGE(9), td2.tdr, 0, 0);
}

static u64 wbinvd_b(void)
{
	return scene_call(SEAM_PHYMEM_PAGE_WBINVD, EMPTY_B, 0, 0, 0);
}

static u64 create3(void)
{
	return scene_call(SEAM_MNG_CREATE, GUEST + PAGE(3), 35, 0, 0);
}

static u64 create4(void)
{
	return scene_call(SEAM_MNG_CREATE, GUEST + PAGE(4), 36, 0, 0);
}

static u64 vpflushdone2(void)
{
	return scene_call(SEAM_MNG_VPFLUSHDONE, td2.tdr, 0, 0, 0);
}

static u64 cache_wb(void)
{
	return scene_call(SEAM_PHYMEM_CACHE_WB, 0, 0, 0, 0);
}

static const struct across {
	const char *name, *row;
	pair_call *running, *called;
	u64 expected;		/* exact status of the second call */
	u32 violations;
} cases[] = {
	{ "backing for A with pages in B's range, then backing for B", "PAMT.ADD",
	  back_a_from_b, back_b, SEAM_OPERAND_BUSY | SEAM_OP_RCX },
	{ "backing for B, then backing for A with pages in B's range", "PAMT.ADD",
	  back_b, back_a_from_b, SEAM_OPERAND_BUSY | SEAM_OP_RDX },
	{ "backing for A and for B from elsewhere", "PAMT.ADD", back_a, back_b, SEAM_SUCCESS },
	{ "backing for B by two CPUs", "PAMT.ADD", back_b, back_b,
	  SEAM_OPERAND_BUSY | SEAM_OP_RCX },
	{ "2M page over the region of a TDR in use", "PAGE.AUG.4K", aug2, aug_2m_control,
	  SEAM_OPERAND_BUSY | SEAM_OP_R8 },
	{ "2M page over a range whose page backs A", "PAMT.ADD", back_a_from_b, aug_2m_b,
	  SEAM_OPERAND_BUSY | SEAM_OP_R8 },
	{ "4K pages of one region to two TDs", "PAGE.AUG.4K", aug1, aug2, SEAM_SUCCESS },
	{ "blocking in two TDs", "RANGE.BLOCK", block1, block2, SEAM_SUCCESS },
	{ "removal in one TD, 4K page of the region to another", "PAGE.REMOVE", remove1, aug2,
	  SEAM_SUCCESS },
	{ "4K page given, its pair removed", "PAGE.AUG.4K", aug2_idle, pamt_remove_idle,
	  SEAM_OPERAND_BUSY | SEAM_OP_RCX },
	{ "pair removed over an unfinished removal", "PAGE.REMOVE", remove2_idle,
	  pamt_remove_idle, SEAM_SUCCESS, 1 },
	{ "write-back in a region that becomes a 2M page", "PAGE.AUG.2M", aug_2m_b, wbinvd_b,
	  SEAM_OPERAND_BUSY | SEAM_OP_RCX },
	{ "two TDs created", "MNG.CREATE", create3, create4, SEAM_OPERAND_BUSY | SEAM_OP_KOT },
	{ "TD created, another's vCPUs flushed", "MNG.CREATE", create3, vpflushdone2,
	  SEAM_OPERAND_BUSY | SEAM_OP_KOT },
	{ "caches written back, a TD created", "CACHE.WB", cache_wb, create4,
	  SEAM_OPERAND_BUSY | SEAM_OP_KOT },
	{ "caches written back twice on one package", "CACHE.WB", cache_wb, cache_wb,
	  SEAM_OPERAND_BUSY | SEAM_OP_WBCACHE },
};

static const struct across *current;

static bool met(u64 status)
{
	return status == current->expected && seam_nr_violations() == current->violations;
}

int main(void)
{
	unsigned int i, nr_failed = 0;

	printf("KTAP version 1\n1..%zu\n", ARRAY_SIZE(cases));
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct across *c = current = &cases[i];
		const struct pair pair = { prepare, c->running, c->row, c->called, met };
		u64 status = pair_run(&pair);
		bool ok = met(status) && !pair_running_status();

		nr_failed += !ok;
		printf("%s %u %s", ok ? "ok" : "not ok", i + 1, c->name);
		if (!ok)
			printf(" # expected %llx, got %llx, running %llx, %u violations",
			       c->expected, status, pair_running_status(), seam_nr_violations());
		printf("\n");
	}
	seam_exit();
	return nr_failed ? 1 : 0;
}
