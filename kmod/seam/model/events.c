// SPDX-License-Identifier: GPL-2.0-only
/* What the outside does to a call: interrupts, entropy, the key engine. Drawn from a seed. */
#include "leaves.h"

#define GOLDEN_GAMMA	0x9e3779b97f4a7c15ULL
#define NO_PACKAGE	(~0U)

static struct {
	u32 rate;
	atomic64_t state;
} events[SEAM_NR_EVENTS];

/* Whether the point that asks is to refuse; NULL most of the time. */
static bool (*refuse)(const char *leaf, unsigned long site);
bool seam_refusing;

/* Set by the replay, which says for each call what happens. */
static u32 forced_events;
static bool events_forced;
static unsigned int forced_package = NO_PACKAGE;

static void note_refusing(void)
{
	WRITE_ONCE(seam_refusing,
		   refuse || events_forced || READ_ONCE(events[SEAM_EVENT_BUSY].rate));
}

void seam_inject(enum seam_event event, u32 rate, u64 seed)
{
	atomic64_set(&events[event].state, seed);
	WRITE_ONCE(events[event].rate, rate);
	note_refusing();
}

void seam_force_events(u32 mask)
{
	forced_events = mask;
	events_forced = true;
	note_refusing();
}

void seam_force_package(unsigned int package)
{
	forced_package = package;
}

/* splitmix64 */
u32 seam_draw(atomic64_t *state)
{
	u64 z = atomic64_add_return(GOLDEN_GAMMA, state);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return (z ^ (z >> 31)) >> 32;
}

bool seam_event_happens(enum seam_event event)
{
	u32 rate;

	if (unlikely(events_forced))
		return forced_events & BIT(event);
	rate = READ_ONCE(events[event].rate);
	return unlikely(rate) && seam_draw(&events[event].state) < rate;
}

void seam_refuse(bool (*asked)(const char *leaf, unsigned long site))
{
	WRITE_ONCE(refuse, asked);
	note_refusing();
}

/* The rest of seam_refused(). */
bool seam_refuses(const struct seam_call *call)
{
	bool (*asked)(const char *leaf, unsigned long site) = READ_ONCE(refuse);

	if (call->alone || !(call->leaf->flags & LEAF_CONTENDED))
		return false;
	if (unlikely(asked) && asked(seam_row_names[call->row], call->site))
		return true;
	return seam_event_happens(SEAM_EVENT_BUSY);
}

/* Another host call failed on the tree lock since this call took it. */
bool seam_tree_contended(struct seam_td *td)
{
	return (atomic_read(&td->tree_lock) & SEAM_LOCK_HOST_PRIORITY) ||
	       seam_event_happens(SEAM_EVENT_TREE_CONTENDED);
}

unsigned int seam_package_index(void)
{
	if (unlikely(forced_package != NO_PACKAGE))
		return forced_package;
	return platform_package() % seam.config.nr_packages;
}
