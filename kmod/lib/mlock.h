/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Measured locks: the kernel's own, plus how often they were taken, how often
 * somebody had to wait, and for how long they were waited for and held.
 *
 * Contention is found by trylock first: the contention tracepoints miss a
 * spinlock with two contenders by design (the pending bit comes before them),
 * and lock_stat needs a kernel that is ten times slower.
 */
#ifndef EXTSPT_MLOCK_H
#define EXTSPT_MLOCK_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>

#include "lib/stats.h"

/* All locks of one name share a class, as in lockdep. */
struct mlock_class {
	const char *name;
	const char *kind;
	struct series wait;
	struct series hold;
	u64 __percpu *acquired;
	struct list_head node;
};

/* The owner inits @lock itself, so that lockdep gets a key per kind of lock. */
struct mspin {
	spinlock_t lock;		/* what it guards is said where it is embedded */
	struct mlock_class *class;
	u64 since;			/* taken at; the holder's */
};

struct mmutex {
	struct mutex lock;		/* as above */
	struct mlock_class *class;
	u64 since;
};

struct mrwlock {
	rwlock_t lock;			/* as above */
	struct mlock_class *read;
	struct mlock_class *write;
	u64 since;			/* the writer's */
};

extern struct list_head extspt_lock_classes;

int mlock_class_init(struct mlock_class *class, const char *name, const char *kind);
void mlock_class_destroy(struct mlock_class *class);
void mlock_classes_reset(void);
void mlock_acquired(struct mlock_class *class);
u64 mlock_total_acquired(const struct mlock_class *class);

/*
 * Take a lock the measured way; evaluates to the time it was taken at. Lockdep
 * learns no order from a trylock that succeeds: with it, the lock itself is taken.
 */
#define mlock_take(class, trylock, lock)				\
({									\
	struct mlock_class *__class = (class);				\
	u64 __asked;							\
									\
	if (IS_ENABLED(CONFIG_PROVE_LOCKING) || !(trylock)) {		\
		__asked = extspt_clock_begin();				\
		lock;							\
		series_add(&__class->wait, extspt_clock_end() - __asked); \
	}								\
	mlock_acquired(__class);					\
	extspt_clock_begin();						\
})

static inline void mspin_lock(struct mspin *l)
	__acquires(&l->lock)
{
	if (!extspt_detail_on())
		spin_lock(&l->lock);
	else
		l->since = mlock_take(l->class, spin_trylock(&l->lock), spin_lock(&l->lock));
}

static inline void mspin_unlock(struct mspin *l)
	__releases(&l->lock)
{
	struct mlock_class *class = l->class;
	u64 held;

	if (!extspt_detail_on()) {
		spin_unlock(&l->lock);
		return;
	}
	held = extspt_clock_end() - l->since;
	spin_unlock(&l->lock);
	series_add(&class->hold, held);
}

/* As spin_lock_irqsave(); what it returns is the unlock's. */
static inline unsigned long mspin_lock_irqsave(struct mspin *l)
	__acquires(&l->lock)
{
	unsigned long flags;

	if (!extspt_detail_on())
		spin_lock_irqsave(&l->lock, flags);
	else
		l->since = mlock_take(l->class, spin_trylock_irqsave(&l->lock, flags),
				      spin_lock_irqsave(&l->lock, flags));
	return flags;
}

static inline void mspin_unlock_irqrestore(struct mspin *l, unsigned long flags)
	__releases(&l->lock)
{
	struct mlock_class *class = l->class;
	u64 held;

	if (!extspt_detail_on()) {
		spin_unlock_irqrestore(&l->lock, flags);
		return;
	}
	held = extspt_clock_end() - l->since;
	spin_unlock_irqrestore(&l->lock, flags);
	series_add(&class->hold, held);
}

static inline void mmutex_lock(struct mmutex *l)
{
	if (!extspt_detail_on())
		mutex_lock(&l->lock);
	else
		l->since = mlock_take(l->class, mutex_trylock(&l->lock), mutex_lock(&l->lock));
}

static inline void mmutex_unlock(struct mmutex *l)
{
	struct mlock_class *class = l->class;
	u64 held;

	if (!extspt_detail_on()) {
		mutex_unlock(&l->lock);
		return;
	}
	held = extspt_clock_end() - l->since;
	mutex_unlock(&l->lock);
	series_add(&class->hold, held);
}

static inline void mrwlock_write(struct mrwlock *l)
	__acquires(&l->lock)
{
	if (!extspt_detail_on())
		write_lock(&l->lock);
	else
		l->since = mlock_take(l->write, write_trylock(&l->lock), write_lock(&l->lock));
}

static inline void mrwlock_write_unlock(struct mrwlock *l)
	__releases(&l->lock)
{
	struct mlock_class *class = l->write;
	u64 held;

	if (!extspt_detail_on()) {
		write_unlock(&l->lock);
		return;
	}
	held = extspt_clock_end() - l->since;
	write_unlock(&l->lock);
	series_add(&class->hold, held);
}

/* Readers are many, so each keeps the time it came in itself. */
static inline u64 mrwlock_read(struct mrwlock *l)
	__acquires(&l->lock)
{
	if (extspt_detail_on())
		return mlock_take(l->read, read_trylock(&l->lock), read_lock(&l->lock));
	read_lock(&l->lock);
	return 0;
}

static inline void mrwlock_read_unlock(struct mrwlock *l, u64 since)
	__releases(&l->lock)
{
	struct mlock_class *class = l->read;
	u64 held;

	if (!extspt_detail_on()) {
		read_unlock(&l->lock);
		return;
	}
	held = extspt_clock_end() - since;
	read_unlock(&l->lock);
	series_add(&class->hold, held);
}

#endif /* EXTSPT_MLOCK_H */
