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
#include "state.h"

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

/* In clock ticks. */
struct row_cost {
	bool set;
	u64 transition, body;
};

static struct row_cost costs[NR_ROWS];
static u64 entry_ticks;
static bool spending;

const char *seam_leaf_name(unsigned int i)
{
	return i < NR_ROWS ? seam_row_names[i] : NULL;
}

static u64 to_ticks(u32 ns)
{
	return ns * platform_ticks_khz() / 1000000;
}

int seam_set_cost(const char *leaf, struct seam_cost cost)
{
	unsigned int i;

	for (i = 0; i < NR_ROWS; i++)
		if (!strcmp(leaf, seam_row_names[i]))
			break;
	if (i == NR_ROWS)
		return -ENOENT;
	costs[i].set = true;
	costs[i].transition = to_ticks(cost.transition_ns);
	costs[i].body = to_ticks(cost.body_ns);
	entry_ticks = costs[ROW_BUSY].transition / 2;

	spending = false;
	for (i = 0; i < NR_ROWS; i++)
		if (costs[i].transition || costs[i].body)
			spending = true;
	return 0;
}

void seam_reset_costs(void)
{
	memset(costs, 0, sizeof(costs));
	entry_ticks = 0;
	spending = false;
}

static const struct row_cost *cost_of(enum seam_row row)
{
	return costs[row].set ? &costs[row] : &costs[ROW_DEFAULT];
}

static void wait_until(u64 start, u64 ticks)
{
	while (platform_ticks() - start < ticks)
		cpu_relax();
}

void seam_clock_enter(struct seam_clock *clock)
{
	clock->spin = spending;
	if (likely(!clock->spin))
		return;
	clock->flags = platform_irq_save();
	clock->start = platform_ticks();
	wait_until(clock->start, entry_ticks);
}

/* With the locks of the call held. */
void seam_clock_body(struct seam_clock *clock, enum seam_row row)
{
	if (unlikely(clock->spin))
		wait_until(clock->start, entry_ticks + cost_of(row)->body);
}

void seam_clock_leave(struct seam_clock *clock, enum seam_row row, bool done)
{
	const struct row_cost *cost = done ? cost_of(row) : &costs[ROW_BUSY];

	if (likely(!clock->spin))
		return;
	wait_until(clock->start, cost->transition + cost->body);
	platform_irq_restore(clock->flags);
}
