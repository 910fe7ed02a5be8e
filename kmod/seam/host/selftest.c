// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the traces cannot show: violations (selftest_custody.c), modelled time,
 * injected events, the statistics and the limits. KTAP on stdout.
 */
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "selftest.h"

struct scene_td td;
char *arena;
static const char *why;		/* the first expectation that failed */

void expect(bool met, const char *what)
{
	if (!met && !why)
		why = what;
}

void start(bool check_content, bool check_caches)
{
	struct seam_config config = {
		.generation = SEAM_1_5_25, .dynamic_pamt = true,
		.tdmr_size = REGION(NR_REGIONS), .nr_sept_tables = 16,
		.check_content = check_content,
	};

	mprotect(arena, REGION(NR_REGIONS), PROT_READ | PROT_WRITE);
	scene_module(&config);
	scene_must(SEAM_PHYMEM_PAMT_ADD, REGION(0) | 1, PAIRS, PAIRS + PAGE(1), 0);
	scene_td_build(&td, CONTROL, 33);
	scene_tables(&td, 0, 0);
	seam.config.check_caches = check_caches;
}

u64 aug(u64 i)
{
	return scene_call(SEAM_MEM_PAGE_AUG, PAGE(i), td.tdr, GUEST + PAGE(i), 0);
}

u64 unmap(u64 i)
{
	return scene_call(SEAM_MEM_PAGE_REMOVE, PAGE(i), td.tdr, 0, 0);
}

u64 wbinvd(u64 i)
{
	return scene_call(SEAM_PHYMEM_PAGE_WBINVD, GUEST + PAGE(i), 0, 0, 0);
}

static void wrong_numbers(void)
{
	struct seam_args args = { 0 };

	start(false, false);
	EXPECT(seam_call(SEAM_MNG_RD, &args) == SEAM_OPERAND_INVALID);
	EXPECT(seam_call(0xffff, &args) == SEAM_OPERAND_INVALID);
	EXPECT(seam_call(SEAM_MEM_TRACK | 1 << SEAM_VERSION_SHIFT, &args) == SEAM_OPERAND_INVALID);
	seam_exit();
	EXPECT(seam_call(SEAM_MEM_TRACK, &args) == SEAM_SW_NO_MODULE);
	EXPECT(!seam_page_owned(GUEST) && !seam_check_leaks());
}

static void bad_config(void)
{
	struct seam_config config = { .generation = SEAM_1_5_01, .tdmr_size = REGION(1) };

	seam_exit();
	config.dynamic_pamt = true;
	EXPECT(seam_init(&config) == -EINVAL);
	config.dynamic_pamt = false;
	config.tdmr_base = REGION(1);
	EXPECT(seam_init(&config) == -EINVAL);
	config.tdmr_base = 0;
	config.tdmr_size = 0;
	EXPECT(seam_init(&config) == -EINVAL);
	config.tdmr_size = REGION(1);
	config.nr_packages = SEAM_MAX_PACKAGES + 1;
	EXPECT(seam_init(&config) == -EINVAL);
	config.nr_packages = 1;
	EXPECT(!seam_init(&config));
	EXPECT(seam_init(&config) == -EBUSY);
}

static u64 ticks_of(u64 (*call)(u64), u64 arg)
{
	u64 begin = platform_ticks();

	call(arg);
	return (platform_ticks() - begin) * 1000000 / platform_ticks_khz();
}

static void set_cost(const char *leaf, u32 transition_ns, u32 body_ns)
{
	struct seam_cost cost = { transition_ns, body_ns };

	if (seam_set_cost(leaf, cost))
		exit(2);
}

/* Lower bounds are exact; upper ones allow for a loaded machine, the best of a few counts. */
static u64 best(u64 (*call)(u64), u64 first)
{
	u64 ns = ~0ULL, i;

	for (i = 0; i < 20; i++) {
		u64 t = ticks_of(call, first + i);

		if (t < ns)
			ns = t;
	}
	return ns;
}

static u64 track(u64 unused)
{
	return scene_call(SEAM_MEM_TRACK, td.tdr, 0, 0, 0);
}

static u64 refused(u64 unused)
{
	return scene_call(SEAM_MEM_TRACK, GUEST, 0, 0, 0);
}

static void modelled_time(void)
{
	struct seam_cost cost = { 1, 1 };
	u64 ns;

	EXPECT(seam_cost_line("") == -EINVAL && seam_cost_line("TRACK 1") == -EINVAL);
	EXPECT(seam_cost_line("TRACK 1 2 3") == -EINVAL);
	EXPECT(seam_cost_line("TRACK 1 2 9 10") == -EINVAL);
	EXPECT(seam_cost_line("NO.LEAF 1 2") == -ENOENT);

	start(false, false);
	EXPECT(seam_set_cost("NO.LEAF", cost) == -ENOENT);
	set_cost("PAGE.AUG.4K", 30000, 20000);
	set_cost("DEFAULT", 15000, 5000);
	set_cost("BUSY", 8000, 0);
	ns = best(aug, 0);
	EXPECT(ns >= 49900 && ns < 60000);
	ns = best(track, 0);
	EXPECT(ns >= 19900 && ns < 30000);
	ns = best(refused, 0);
	EXPECT(ns >= 7900 && ns < 18000);
	seam_reset_costs();
	EXPECT(best(track, 0) < 5000);
}

static void drawn_time(void)
{
	const u32 calls = 4000;
	u64 sum = 0, least = ~0ULL, most = 0, i;

	start(false, false);
	EXPECT(!seam_cost_line("TRACK 2400 1600"));
	EXPECT(seam_set_spread("TRACK", 5000, 18000, 1) == -EINVAL);
	EXPECT(seam_set_spread("TRACK", 2000, 3000, 1) == -EINVAL);
	EXPECT(seam_set_spread("NO.LEAF", 2000, 18000, 1) == -ENOENT);
	EXPECT(!seam_cost_line("TRACK 2400 1600 2000 18000"));
	for (i = 0; i < calls; i++) {
		u64 ns = ticks_of(track, 0);

		/* A call during which this thread was not running says nothing. */
		if (ns > 25000)
			ns = 4000;
		sum += ns;
		least = ns < least ? ns : least;
		most = ns > most ? ns : most;
	}
	EXPECT(least >= 1990 && least < 3000);
	EXPECT(sum / calls > 3700 && sum / calls < 4700);
	EXPECT(most > 11000);
}

static u64 create(u64 page)
{
	return scene_call(SEAM_MNG_CREATE, GUEST + PAGE(page), 40 + page, 0, 0);
}

/* A quarter of the calls, the same ones for the same seed. */
static u32 no_entropy_pattern(u64 seed)
{
	u32 pattern = 0, i;

	start(false, false);
	seam_inject(SEAM_EVENT_NO_ENTROPY, 1U << 30, seed);
	for (i = 0; i < 20; i++)
		pattern |= (create(i) == SEAM_RND_NO_ENTROPY) << i;
	seam_inject(SEAM_EVENT_NO_ENTROPY, 0, 0);
	return pattern;
}

static void injected_no_entropy(void)
{
	u32 one = no_entropy_pattern(1);

	EXPECT(one && one != 0xfffff);
	EXPECT(no_entropy_pattern(1) == one);
	EXPECT(no_entropy_pattern(2) != one);
	EXPECT(!no_entropy_pattern(1) == !one && !create(21));
}

static void injected_interrupts(void)
{
	u32 restarted = 0, i;
	u64 status;

	start(false, false);
	EXPECT(!scene_call(SEAM_MEM_PAGE_AUG, REGION(1) | 1, td.tdr, BIG, 0));
	seam_inject(SEAM_EVENT_INTERRUPT, 3U << 30, 7);
	for (i = 0; i < 1000; i++) {
		status = scene_demote(REGION(1) | 1, td.tdr, GUEST, PAIRS + PAGE(2),
				      PAIRS + PAGE(3));
		if (status != SEAM_INTERRUPTED_RESTARTABLE)
			break;
		restarted++;
		EXPECT(!seam_page_owned(GUEST) && !seam_page_owned(PAIRS + PAGE(2)));
	}
	seam_inject(SEAM_EVENT_INTERRUPT, 0, 0);
	EXPECT(!status && restarted && seam_page_owned(GUEST));
}

/* A refusal changes nothing, whichever lock it is about. */
static void injected_busy(void)
{
	u32 tree = 0, page = 0, i;
	u64 status;

	start(false, false);
	for (i = 0; i < 200; i++) {
		seam_inject(SEAM_EVENT_BUSY, 1U << 31, i);
		status = aug(0);
		seam_inject(SEAM_EVENT_BUSY, 0, 0);
		tree += status == (SEAM_OPERAND_BUSY | SEAM_OP_SEPT_TREE);
		page += status == (SEAM_OPERAND_BUSY | SEAM_OP_R8);
		EXPECT(status ? seam_is_busy(status) && !seam_page_owned(GUEST) : !unmap(0));
	}
	EXPECT(tree > 60 && page > 20 && tree + page < 180);
}

static void pair_lost(void)
{
	start(false, false);
	EXPECT(scene_call(SEAM_MEM_PAGE_AUG, 0, td.tdr, BIG, 0) ==
	       (SEAM_MISSING_PAMT_PAGE_PAIR | SEAM_OP_R8));
	EXPECT(!seam_nr_lost_pairs());
	scene_must(SEAM_PHYMEM_PAMT_ADD, BIG | 1, PAIRS + PAGE(2), PAIRS + PAGE(3), 0);
	scene_must(SEAM_PHYMEM_PAMT_REMOVE, BIG | 1, 0, 0, 0);
	EXPECT(scene_call(SEAM_MEM_PAGE_AUG, 0, td.tdr, BIG, 0) ==
	       (SEAM_MISSING_PAMT_PAGE_PAIR | SEAM_OP_R8));
	EXPECT(seam_nr_lost_pairs() == 1 && !seam_nr_violations());
}

/* By the text: as 1.5.01 where 1.5.25 is alone, as 1.5.25 in UNBLOCK and Dynamic PAMT. */
static void generation_2_0(void)
{
	start(false, false);
	seam_exit();
	{
		struct seam_config config = {
			.generation = SEAM_2_0_08, .dynamic_pamt = true,
			.tdmr_size = REGION(NR_REGIONS), .nr_sept_tables = 16,
		};

		scene_module(&config);
	}
	scene_must(SEAM_PHYMEM_PAMT_ADD, REGION(0) | 1, PAIRS, PAIRS + PAGE(1), 0);
	scene_td_build(&td, CONTROL, 33);
	EXPECT(scene_call(SEAM_MNG_INIT, td.tdr, 0, 0, 0) == SEAM_OP_STATE_INCORRECT);
	scene_tables(&td, 0, 0);
	scene_td_run(&td);
	EXPECT(!aug(0) && !scene_call(SEAM_MEM_RANGE_BLOCK, 0, td.tdr, 0, 0));
	EXPECT(scene_call(SEAM_MEM_RANGE_UNBLOCK, 0, td.tdr, 0, 0) ==
	       (SEAM_TLB_TRACKING_NOT_DONE | SEAM_OP_RCX));
}

static u64 stat_sum, stat_busy;

static void sum_stats(void *unused, const char *leaf, u64 status, u64 n)
{
	if (!strcmp(leaf, "TRACK") && !status)
		stat_sum += n;
	if (!strcmp(leaf, "TRACK") && status == (SEAM_PAGE_METADATA_INCORRECT | SEAM_OP_RCX))
		stat_busy += n;
}

static void *count_calls(void *thread)
{
	int i;

	platform_thread = (unsigned long)thread;
	for (i = 0; i < 1000; i++)
		refused(0);
	return NULL;
}

static void statistics(void)
{
	pthread_t thread;
	int i;

	start(false, false);
	seam_reset_stats();
	stat_sum = 0;
	stat_busy = 0;
	for (i = 0; i < 100; i++)
		track(0);
	EXPECT(!pthread_create(&thread, NULL, count_calls, (void *)1UL));
	count_calls((void *)0UL);
	pthread_join(thread, NULL);
	seam_walk_stats(sum_stats, NULL);
	EXPECT(stat_sum == 100 && stat_busy == 2000);
	seam_reset_stats();
	stat_sum = 0;
	seam_walk_stats(sum_stats, NULL);
	EXPECT(!stat_sum);
}

static const struct selftest tests[] = {
	{ "unknown leaf, version, no module", wrong_numbers },
	{ "configuration", bad_config },
	{ "modelled time", modelled_time },
	{ "drawn time", drawn_time },
	{ "no entropy, by seed and rate", injected_no_entropy },
	{ "interrupted DEMOTE", injected_interrupts },
	{ "refused by injection", injected_busy },
	{ "pair lost to another caller", pair_lost },
	{ "generation 2.0.08", generation_2_0 },
	{ "statistics over threads", statistics },
	{ NULL },
};

static unsigned int nr, nr_failed;

static void run_all(const struct selftest *test)
{
	for (; test->name; test++) {
		why = NULL;
		last_detail[0] = '\0';
		test->run();
		seam_reset_costs();
		nr_failed += !!why;
		printf("%s %u %s", why ? "not ok" : "ok", ++nr, test->name);
		if (why)
			printf(" # %s; %s", why, last_detail);
		printf("\n");
	}
}

int main(void)
{
	arena = mmap(NULL, REGION(NR_REGIONS), PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (arena == MAP_FAILED)
		return 2;
	host_set_arena(arena);
	printf("KTAP version 1\n");
	run_all(custody_tests);
	run_all(tests);
	printf("1..%u\n", nr);
	seam_exit();
	return nr_failed ? 1 : 0;
}
