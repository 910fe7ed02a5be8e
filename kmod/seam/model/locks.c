// SPDX-License-Identifier: GPL-2.0-only
/*
 * The locks of the TDX module: every one is tried, none is waited for. The
 * loops below end as soon as the word shows a conflict; they go round only
 * when another CPU changed the word in between.
 */
#include "call.h"

static __always_inline bool try_lock(atomic_t *lock, int conflict, int add)
{
	int old = atomic_read(lock);

	for (;;) {
		if (old & conflict) {
			if (old & SEAM_LOCK_HOST_PRIORITY)
				return false;
			if (atomic_try_cmpxchg_acquire(lock, &old, old | SEAM_LOCK_HOST_PRIORITY))
				return false;
		} else if (atomic_try_cmpxchg_acquire(lock, &old,
						      (old & ~SEAM_LOCK_HOST_PRIORITY) + add)) {
			return true;
		}
	}
}

bool seam_try_shared(atomic_t *lock)
{
	return try_lock(lock, SEAM_LOCK_EXCLUSIVE, SEAM_LOCK_SHARED);
}

bool seam_try_exclusive(atomic_t *lock)
{
	return try_lock(lock, ~(int)SEAM_LOCK_HOST_PRIORITY, SEAM_LOCK_EXCLUSIVE);
}

/* From shared to exclusive, when this call is the only reader. */
static bool try_promote(atomic_t *lock)
{
	int old = atomic_read(lock);

	for (;;) {
		bool alone = (old & ~(int)SEAM_LOCK_HOST_PRIORITY) == SEAM_LOCK_SHARED;
		int new = alone ? (int)SEAM_LOCK_EXCLUSIVE : old | (int)SEAM_LOCK_HOST_PRIORITY;

		if (atomic_try_cmpxchg_acquire(lock, &old, new))
			return alone;
	}
}

void seam_unlock_shared(atomic_t *lock)
{
	atomic_fetch_sub_release(SEAM_LOCK_SHARED, lock);
}

void seam_unlock_exclusive(atomic_t *lock)
{
	atomic_fetch_sub_release(SEAM_LOCK_EXCLUSIVE, lock);
}

/* The lock bit in an S-EPT entry, host side. */
bool seam_entry_trylock(u64 *entry)
{
	u64 old = READ_ONCE(*entry);

	for (;;) {
		if (old & SEPT_LOCK) {
			if (old & SEPT_HOST_PRIORITY)
				return false;
			if (try_cmpxchg(entry, &old, old | SEPT_HOST_PRIORITY))
				return false;
		} else if (try_cmpxchg(entry, &old, (old | SEPT_LOCK) & ~SEPT_HOST_PRIORITY)) {
			return true;
		}
	}
}

void seam_entry_unlock(u64 *entry)
{
	u64 old = READ_ONCE(*entry);

	while (!try_cmpxchg(entry, &old, old & ~SEPT_LOCK))
		;
}

static void push(struct seam_call *call, void *lock, enum seam_hold how)
{
	call->held[call->nr_held].lock = lock;
	call->held[call->nr_held++].how = how;
}

bool seam_hold(struct seam_call *call, atomic_t *lock, enum seam_hold how)
{
	if (how == HOLD_SHARED ? !seam_try_shared(lock) : !seam_try_exclusive(lock))
		return false;
	push(call, lock, how);
	return true;
}

bool seam_hold_entry(struct seam_call *call, u64 *entry)
{
	if (!seam_entry_trylock(entry))
		return false;
	push(call, entry, HOLD_ENTRY);
	return true;
}

/* The lock taken last, held shared so far; it stays shared on failure. */
bool seam_promote(struct seam_call *call)
{
	struct seam_held *last = &call->held[call->nr_held - 1];

	if (!try_promote(last->lock))
		return false;
	last->how = HOLD_EXCLUSIVE;
	return true;
}

/* No lock of the module: the span in which PAMT.REMOVE must not run. */
void seam_hold_removal(struct seam_call *call, struct seam_region *region)
{
	WRITE_ONCE(region->removal_site, call->site);
	WRITE_ONCE(region->removal_row, call->row);
	atomic_inc(&region->removals);
	push(call, &region->removals, HOLD_REMOVAL);
}

void seam_release_to(struct seam_call *call, unsigned int nr_held)
{
	while (call->nr_held > nr_held) {
		struct seam_held *held = &call->held[--call->nr_held];

		switch (held->how) {
		case HOLD_SHARED:
			seam_unlock_shared(held->lock);
			break;
		case HOLD_EXCLUSIVE:
			seam_unlock_exclusive(held->lock);
			break;
		case HOLD_ENTRY:
			seam_entry_unlock(held->lock);
			break;
		case HOLD_REMOVAL:
			atomic_fetch_sub_release(1, (atomic_t *)held->lock);
			break;
		}
	}
}

void seam_release_all(struct seam_call *call)
{
	seam_release_to(call, 0);
}
