// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls per second of the model with zero costs, on one core: a running TD maps
 * and unmaps 4K pages. bench [calls]; prints one line of JSON.
 */
#include <stdlib.h>
#include <time.h>

#include "scene.h"

#define NR_PAGES	512
#define GUEST		REGION(2)

/* Time of this thread: what else runs on the machine is not the model's. */
static u64 now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

/* One round: every page mapped, blocked, tracked, removed, written back. */
static u64 round_of_calls(const struct scene_td *td)
{
	u64 i;

	for (i = 0; i < NR_PAGES; i++)
		scene_must(SEAM_MEM_PAGE_AUG, PAGE(i), td->tdr, GUEST + PAGE(i), 0);
	for (i = 0; i < NR_PAGES; i++)
		scene_must(SEAM_MEM_RANGE_BLOCK, PAGE(i), td->tdr, 0, 0);
	scene_must(SEAM_MEM_TRACK, td->tdr, 0, 0, 0);
	for (i = 0; i < NR_PAGES; i++) {
		scene_must(SEAM_MEM_PAGE_REMOVE, PAGE(i), td->tdr, 0, 0);
		scene_must(SEAM_PHYMEM_PAGE_WBINVD, GUEST + PAGE(i), 0, 0, 0);
	}
	return 4 * NR_PAGES + 1;
}

static double leaf_ns(const struct scene_td *td, u64 leaf, u64 rcx, u64 rdx)
{
	const u64 calls = 1 << 18;
	u64 i, start = now_ns();

	for (i = 0; i < calls; i++)
		scene_must(leaf, rcx, rdx ? td->tdr : 0, 0, 0);
	return (double)(now_ns() - start) / calls;
}

int main(int argc, char **argv)
{
	struct seam_config config = {
		.generation = SEAM_1_5_25, .dynamic_pamt = true, .tdmr_size = REGION(16),
	};
	u64 want = argc > 1 ? strtoull(argv[1], NULL, 0) : 20000000, calls = 0, start, ns;
	struct scene_td td;

	scene_module(&config);
	scene_must(SEAM_PHYMEM_PAMT_ADD, REGION(0) | 1, REGION(8), REGION(8) + PAGE(1), 0);
	scene_must(SEAM_PHYMEM_PAMT_ADD, GUEST | 1, REGION(8) + PAGE(2), REGION(8) + PAGE(3), 0);
	scene_td_build(&td, REGION(0), 33);
	scene_td_run(&td);
	scene_tables(&td, 0, 0);

	start = now_ns();
	while (calls < want)
		calls += round_of_calls(&td);
	ns = now_ns() - start;
	printf("{\"calls\":%llu,\"ns\":%llu,\"calls_per_s\":%.0f,", calls, ns, calls * 1e9 / ns);
	printf("\"sept_rd_ns\":%.1f,\"track_ns\":%.1f,\"refused_ns\":%.1f}\n",
	       leaf_ns(&td, SEAM_MEM_SEPT_RD, 0, 1), leaf_ns(&td, SEAM_MEM_TRACK, td.tdr, 0),
	       leaf_ns(&td, SEAM_PHYMEM_PAGE_WBINVD, GUEST, 0));
	seam_exit();
	return 0;
}
