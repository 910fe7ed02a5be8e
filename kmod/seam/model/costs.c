// SPDX-License-Identifier: GPL-2.0-only
/*
 * Modelled time. A call is given its time by the clock, not by extra work: the
 * model's own run time counts towards it.
 *
 *	entry      no lock held; the same for every leaf, half of BUSY's transition
 *	body       all locks held, only when the leaf did its work
 *	exit       no lock held; what is left of the transition
 *
 * A refused call takes BUSY's time and nothing else. SEAM holds interrupts
 * off, so does this, but only when there is time to spend.
 */
#include "call.h"

const char *const seam_row_names[NR_ROWS] = {
	[ROW_SEPT_ADD] = "SEPT.ADD",
	[ROW_PAGE_ADD] = "PAGE.ADD",
	[ROW_AUG_4K] = "PAGE.AUG.4K",
	[ROW_AUG_2M] = "PAGE.AUG.2M",
	[ROW_BLOCK] = "RANGE.BLOCK",
	[ROW_UNBLOCK] = "RANGE.UNBLOCK",
	[ROW_TRACK] = "TRACK",
	[ROW_REMOVE] = "PAGE.REMOVE",
	[ROW_SEPT_REMOVE] = "SEPT.REMOVE",
	[ROW_SEPT_RD] = "SEPT.RD",
	[ROW_DEMOTE] = "DEMOTE",
	[ROW_PROMOTE] = "PROMOTE",
	[ROW_PAMT_ADD] = "PAMT.ADD",
	[ROW_PAMT_REMOVE] = "PAMT.REMOVE",
	[ROW_RECLAIM] = "RECLAIM",
	[ROW_WBINVD] = "WBINVD",
	[ROW_CREATE] = "MNG.CREATE",
	[ROW_KEY_CONFIG] = "KEY.CONFIG",
	[ROW_ADDCX] = "ADDCX",
	[ROW_MNG_INIT] = "MNG.INIT",
	[ROW_VP_CREATE] = "VP.CREATE",
	[ROW_VP_ADDCX] = "VP.ADDCX",
	[ROW_VP_INIT] = "VP.INIT",
	[ROW_VP_FLUSH] = "VP.FLUSH",
	[ROW_FINALIZE] = "FINALIZE",
	[ROW_VPFLUSHDONE] = "VPFLUSHDONE",
	[ROW_CACHE_WB] = "CACHE.WB",
	[ROW_KEY_FREEID] = "KEY.FREEID",
	[ROW_DEFAULT] = "DEFAULT",
	[ROW_BUSY] = "BUSY",
};

/*
 * In clock ticks. @least and @most bound the whole of a call whose time is
 * drawn; both 0: the time is always the same.
 */
struct row_cost {
	bool set;
	u64 transition, body;
	u64 least, most;
	atomic64_t state;
};

/*
 * Means of the first 63 of 64 equal shares of an exponential distribution with
 * mean 256. The last share begins at TAIL and, having no memory, is the same
 * distribution again from there.
 */
static const u16 shares[] = {
	2, 6, 10, 14, 19, 23, 27, 32, 36, 41, 46, 51,
	56, 61, 66, 71, 76, 82, 87, 93, 99, 105, 111, 117,
	124, 130, 137, 144, 151, 158, 166, 173, 181, 190, 198, 207,
	216, 226, 236, 246, 257, 268, 279, 291, 304, 318, 332, 347,
	363, 380, 398, 418, 440, 463, 488, 517, 549, 586, 629, 680,
	745, 832, 966,
};

#define NR_SHARES	64
#define TAIL		1065

static struct row_cost costs[NR_ROWS];
static u64 entry_ticks;
/* Spent outside of the measured time: a call ends that much early. */
static u64 outside_ticks = ~0ULL;
static bool spending;
static bool resting;

const char *seam_leaf_name(unsigned int i)
{
	return i < NR_ROWS ? seam_row_names[i] : NULL;
}

static u64 to_ticks(u32 ns)
{
	return ns * platform_ticks_khz() / 1000000;
}

/* No cpu_relax(): SEAM keeps its CPU busy, and in an emulator PAUSE leaves the loop for long. */
static void wait_until(u64 start, u64 ticks)
{
	while (platform_ticks() - start < ticks)
		;
}

/*
 * A reading of the clock and interrupts on: in an emulator a tenth of a short
 * leaf, in UML a system call. The shortest of a few; a longer one was interrupted.
 */
static u64 measure_outside(void)
{
	u64 least = ~0ULL, start;
	unsigned long flags;
	int i;

	for (i = 0; i < 32; i++) {
		flags = platform_irq_save();
		start = platform_ticks();
		platform_irq_restore(flags);
		least = min(least, platform_ticks() - start);
	}
	return least;
}

static unsigned int find_row(const char *leaf)
{
	unsigned int i;

	for (i = 0; i < NR_ROWS; i++)
		if (!strcmp(leaf, seam_row_names[i]))
			break;
	return i;
}

int seam_set_cost(const char *leaf, struct seam_cost cost)
{
	unsigned int i = find_row(leaf);

	if (i == NR_ROWS)
		return -ENOENT;
	costs[i].set = true;
	costs[i].transition = to_ticks(cost.transition_ns);
	costs[i].body = to_ticks(cost.body_ns);
	costs[i].least = 0;
	costs[i].most = 0;
	entry_ticks = costs[ROW_BUSY].transition / 2;
	/* For each row again: the host may have been busy with something else. */
	outside_ticks = min(outside_ticks, measure_outside());

	spending = false;
	for (i = 0; i < NR_ROWS; i++)
		if (costs[i].transition || costs[i].body)
			spending = true;
	return 0;
}

int seam_set_spread(const char *leaf, u32 min_ns, u32 max_ns, u64 seed)
{
	unsigned int i = find_row(leaf);
	u64 mean;

	if (i == NR_ROWS)
		return -ENOENT;
	mean = costs[i].transition + costs[i].body;
	if (!mean || to_ticks(min_ns) > mean || to_ticks(max_ns) < mean)
		return -EINVAL;
	costs[i].least = to_ticks(min_ns);
	costs[i].most = to_ticks(max_ns);
	atomic64_set(&costs[i].state, seed);
	return 0;
}

/* A row of a table as the bench writes it. */
int seam_cost_line(const char *line)
{
	struct seam_cost cost;
	u32 min_ns, max_ns;
	char leaf[32];
	int n, ret;

	n = sscanf(line, "%31s %u %u %u %u", leaf, &cost.transition_ns, &cost.body_ns, &min_ns,
		   &max_ns);
	if (n != 3 && n != 5)
		return -EINVAL;
	ret = seam_set_cost(leaf, cost);
	if (!ret && n == 5)
		ret = seam_set_spread(leaf, min_ns, max_ns, find_row(leaf));
	return ret;
}

void seam_reset_costs(void)
{
	memset(costs, 0, sizeof(costs));
	entry_ticks = 0;
	outside_ticks = ~0ULL;
	spending = false;
}

static struct row_cost *cost_of(enum seam_row row)
{
	return costs[row].set ? &costs[row] : &costs[ROW_DEFAULT];
}

/* In 1/256 of the mean. */
static u32 draw_exponential(atomic64_t *state)
{
	u32 sum = 0, share, rounds;

	for (rounds = 0; rounds < 4; rounds++) {
		share = seam_draw(state) % NR_SHARES;
		if (share < ARRAY_SIZE(shares))
			return sum + shares[share];
		sum += TAIL;
	}
	return sum;
}

/* Least plus an exponential part with the mean that is left, cut off at most. */
static u64 draw_total(struct row_cost *cost)
{
	u64 mean = cost->transition + cost->body;
	u64 total;

	if (!cost->most)
		return mean;
	total = cost->least + (mean - cost->least) * draw_exponential(&cost->state) / 256;
	return min(total, cost->most);
}

void seam_spend(u32 ns)
{
	wait_until(platform_ticks(), to_ticks(ns));
}

void seam_costs_rest(bool rest)
{
	WRITE_ONCE(resting, rest);
}

void seam_clock_enter(struct seam_clock *clock)
{
	clock->spin = spending && !READ_ONCE(resting);
	if (likely(!clock->spin))
		return;
	clock->start = platform_ticks();
	clock->flags = platform_irq_save();
	wait_until(clock->start, entry_ticks);
}

/* With the locks of the call held. A drawn time keeps the share of the body. */
void seam_clock_body(struct seam_clock *clock, enum seam_row row)
{
	struct row_cost *cost;
	u64 body;

	if (likely(!clock->spin))
		return;
	cost = cost_of(row);
	clock->total = draw_total(cost);
	body = cost->body;
	if (cost->most)
		body = clock->total * body / (cost->transition + cost->body);
	wait_until(clock->start, entry_ticks + body);
}

void seam_clock_leave(struct seam_clock *clock, bool done)
{
	u64 total;

	if (likely(!clock->spin))
		return;
	total = done ? clock->total : draw_total(&costs[ROW_BUSY]);
	if (total > outside_ticks)
		wait_until(clock->start, total - outside_ticks);
	platform_irq_restore(clock->flags);
}
