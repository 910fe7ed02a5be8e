// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzer: random calls, most of them nearly right, against a module of a few 2M
 * regions. After every call the invariants are checked, and a ledger that knows
 * only the calls and their results is compared with what the module says it owns.
 *
 *	fuzz [-s seed] [-n calls] [-t seconds] [-j threads] [-g 0..3] [-q]
 *
 * -g: 1.5.01, 1.5.25, 1.5.25 and 2.0.08 with Dynamic PAMT (default: all in turn).
 * With -j the threads run side by side, and the checks come between bursts.
 * Prints the results of the last episode's calls, unless -q.
 */
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"
#include "invariants.h"

#define EPISODE		4000	/* calls until a new module */
#define BURST		2000	/* calls of a thread between two checks */

static struct options {
	u64 seed, calls;
	double seconds;
	unsigned int threads;
	int kind;
	bool quiet;
} options = { .seed = 1, .calls = 200000, .threads = 1, .kind = -1 };

static u32 owner_of_page(u32 i)
{
	const struct seam_pamt *pamt = &seam.pages[i];
	const struct seam_pamt *region = &seam_region_of(PAGE(i))->pamt;

	if (pamt->pamt_page)
		return PAIR;
	if (pamt->type == PT_TDR)
		return i + 1;
	if (pamt->type != PT_NDA)
		return pamt->owner + 1;
	return region->type == PT_REG ? region->owner + 1 : 0;
}

/* What the calls said against what the module says. */
static const char *ledger_differs(void)
{
	static char why[96];
	u32 i;

	for (i = 0; i < PAGES; i++) {
		u32 owner = owner_of_page(i);

		if (owner == ledger[i])
			continue;
		snprintf(why, sizeof(why), "page %x: calls say owner %x, the module %x", i,
			 ledger[i], owner);
		return why;
	}
	return NULL;
}

/* A start from which calls get far: one TD that runs, one being built, the third to be made. */
static void start_scene(void)
{
	struct scene_td td;
	u32 i;

	for (i = 0; seam.config.dynamic_pamt && i < REGIONS / 2; i++)
		scene_must(SEAM_PHYMEM_PAMT_ADD, REGION(i) | 1, REGION(1) + PAGE(256 + 2 * i),
			   REGION(1) + PAGE(257 + 2 * i), 0);
	for (i = 0; i < 2; i++) {
		scene_td_build(&td, PAGE(32 * i), 33 + i);
		if (!i)
			scene_td_run(&td);
		scene_tables(&td, REGION(0), 0);
		scene_tables(&td, REGION(1), 0);
	}
	for (i = 0; i < PAGES; i++)
		ledger[i] = owner_of_page(i);
}

static const struct {
	enum seam_generation generation;
	bool dpamt;
} kinds[] = {
	{ SEAM_1_5_01, false }, { SEAM_1_5_25, false }, { SEAM_1_5_25, true },
	{ SEAM_2_0_08, true },
};

static void new_module(struct actor *a, int kind)
{
	struct seam_config config = {
		.generation = kinds[kind].generation, .dynamic_pamt = kinds[kind].dpamt,
		.tdmr_size = REGION(REGIONS),
		.nr_tds = 64, .nr_vcpus = 64, .nr_sept_tables = 256,
	};
	unsigned int event;

	scene_module(&config);
	memset(ledger, 0, sizeof(ledger));
	memset(a->epochs, 0, sizeof(a->epochs));
	for (event = 0; event < SEAM_NR_EVENTS; event++)
		seam_inject(event, 0, 0);
	if (fuzz_chance(a, 80))
		start_scene();
	for (event = 0; event < SEAM_NR_EVENTS; event++)
		seam_inject(event, 1U << 28, fuzz_draw(a));
}

static void fail(const struct actor *a, const char *why, int kind)
{
	printf("not ok: seed %llu kind %d call %llu: %s\n", options.seed, kind,
	       a->calls, why);
	exit(1);
}

/*
 * Violations the fuzzer provokes on purpose do not exist: it frees no page and
 * asks for no check of caches or content. With threads, overlaps are its own fault.
 */
static void check(struct actor *a, int kind)
{
	const char *why = invariants_broken();

	if (!why && ledger_on)
		why = ledger_differs();
	if (!why && options.threads == 1 && seam_nr_violations())
		why = "a violation was logged";
	if (why)
		fail(a, why, kind);
}

static void single_episode(struct actor *a, int kind)
{
	unsigned int i;

	ledger_on = true;
	new_module(a, kind);
	for (i = 0; i < EPISODE; i++) {
		fuzz_one_call(a);
		check(a, kind);
	}
}

static void *burst(void *arg)
{
	struct actor *a = arg;
	unsigned int i;

	platform_thread = a->thread;
	for (i = 0; i < BURST; i++)
		fuzz_one_call(a);
	return NULL;
}

static void threaded_episode(struct actor *actors, int kind)
{
	pthread_t threads[HOST_MAX_THREADS];
	unsigned int i, n;

	ledger_on = false;
	new_module(&actors[0], kind);
	for (i = 1; i < options.threads; i++)
		memset(actors[i].epochs, 0, sizeof(actors[i].epochs));
	for (n = 0; n < 5; n++) {
		for (i = 0; i < options.threads; i++)
			if (pthread_create(&threads[i], NULL, burst, &actors[i]))
				exit(2);
		for (i = 0; i < options.threads; i++)
			pthread_join(threads[i], NULL);
		check(&actors[0], kind);
	}
}

static void print_stat(void *unused, const char *leaf, u64 status, u64 n)
{
	printf("# %-12s %016llx %llu\n", leaf, status, n);
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

static void parse(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "s:n:t:j:g:q")) != -1) {
		switch (option) {
		case 's':
			options.seed = strtoull(optarg, NULL, 0);
			break;
		case 'n':
			options.calls = strtoull(optarg, NULL, 0);
			break;
		case 't':
			options.seconds = strtod(optarg, NULL);
			break;
		case 'j':
			options.threads = strtoul(optarg, NULL, 0);
			break;
		case 'g':
			options.kind = strtol(optarg, NULL, 0);
			break;
		case 'q':
			options.quiet = true;
			break;
		default:
			exit(2);
		}
	}
	if (!options.threads || options.threads > HOST_MAX_THREADS)
		exit(2);
}

static u64 all_calls(const struct actor *actors)
{
	unsigned int i;
	u64 n = 0;

	for (i = 0; i < options.threads; i++)
		n += actors[i].calls;
	return n;
}

int main(int argc, char **argv)
{
	struct actor actors[HOST_MAX_THREADS] = { 0 };
	double start = seconds();
	unsigned int i, episode;

	parse(argc, argv);
	for (i = 0; i < HOST_MAX_THREADS; i++) {
		actors[i].rng = options.seed * 1000003 + i;
		actors[i].thread = i;
	}
	for (episode = 0; options.seconds ? seconds() - start < options.seconds :
	     all_calls(actors) < options.calls; episode++) {
		int kind = options.kind < 0 ? (int)(episode % ARRAY_SIZE(kinds)) : options.kind;

		if (options.threads == 1)
			single_episode(&actors[0], kind);
		else
			threaded_episode(actors, kind);
	}
	if (!options.quiet)
		seam_walk_stats(print_stat, NULL);
	printf("ok: %llu calls, seed %llu, %u threads, %.0f s\n", all_calls(actors), options.seed,
	       options.threads, seconds() - start);
	seam_exit();
	return 0;
}
