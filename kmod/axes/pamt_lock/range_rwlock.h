/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * L6: a rwlock for each 2 MiB, held for read where the module takes its own
 * lock of the range shared, and for write for PAMT.ADD and PAMT.REMOVE (Rick
 * Edgecombe, 2025-09). It would have to be taken for read in the ranges of the
 * two new pages as well; there Yan Zhao showed an AB-BA risk. They are left
 * alone here, so that the module may say BUSY and the ADD is made again.
 */
#ifndef EXTSPT_PAMT_LOCK_RANGE_RWLOCK_H
#define EXTSPT_PAMT_LOCK_RANGE_RWLOCK_H

#define PAMT_REFS_NONE		0
#define PAMT_TRIES		PAMT_TRIES_MANY

#include "lib/mlock.h"
#include "tdx/pamt.h"

static inline int pamt_lock_init(void)
{
	return pamt_rwlocks_init(pamt_nr_ranges());
}

static inline void pamt_lock_exit(void)
{
	pamt_rwlocks_exit();
}

static inline struct mrwlock *pamt_lock_of(struct page *page)
{
	return &extspt_pamt_rwlocks[pamt_range(page)];
}

static inline unsigned long pamt_lock(struct page *page)
	__acquires(&pamt_lock_of(page)->lock)
{
	mrwlock_write(pamt_lock_of(page));
	return 0;
}

static inline void pamt_unlock(struct page *page, unsigned long flags)
	__releases(&pamt_lock_of(page)->lock)
{
	mrwlock_write_unlock(pamt_lock_of(page));
}

static inline void pamt_assert_locked(struct page *page)
{
	lockdep_assert_held_write(&pamt_lock_of(page)->lock);
}

/* Adds @by unless the count is @not; true when it has. */
static inline bool pamt_count_shared(struct page *page, int by, int not)
{
	struct mrwlock *lock = pamt_lock_of(page);
	u64 since = mrwlock_read(lock);
	bool done = atomic_add_unless(pamt_refs(page), by, not);

	mrwlock_read_unlock(lock, since);
	return done;
}

/* Without the lock for write, that is. */
#define pamt_get_lockless	pamt_get_lockless
static inline bool pamt_get_lockless(struct page *page)
{
	return pamt_count_shared(page, 1, 0);
}

#define pamt_put_lockless	pamt_put_lockless
static inline bool pamt_put_lockless(struct page *page)
{
	return pamt_count_shared(page, -1, 1);
}

#endif /* EXTSPT_PAMT_LOCK_RANGE_RWLOCK_H */
