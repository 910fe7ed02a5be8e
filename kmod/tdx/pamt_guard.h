/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the choices of axis pamt_lock share: the two transitions of a count,
 * made with the range's lock held, whichever lock that is. To be included after
 * pamt_assert_locked() of the choice.
 */
#ifndef EXTSPT_TDX_PAMT_GUARD_H
#define EXTSPT_TDX_PAMT_GUARD_H

#include "lib/mlock.h"
#include "lib/page_list.h"
#include "tdx/pamt.h"

/*
 * How often PAMT.ADD and PAMT.REMOVE are tried while the module says BUSY. One
 * global lock keeps them off each other, so v6 tries once. With finer locks an
 * ADD whose new pages lie in another range collides there (2025-09 to 2026-06);
 * nobody said what then, so they try again with the lock held. The number is ours.
 */
#ifndef PAMT_TRIES
#define PAMT_TRIES		1
#endif
#define PAMT_TRIES_MANY		1000

/*
 * The range's lock held: one reference more. 0: the pair is installed. 1: there
 * was one already. Else -errno; the count is as before.
 */
static __always_inline int pamt_count_up(struct page *page, struct pamt_pair *pair)
{
	atomic_t *refs = pamt_refs(page);
	int ret, tries = PAMT_TRIES;

	pamt_assert_locked(page);
	if (atomic_read(refs) > PAMT_REFS_NONE) {
		atomic_inc(refs);
		return 1;
	}
	for (;;) {
		ret = pamt_pair_install(page, pair);
		if (ret != -EBUSY || !--tries)
			break;
		cpu_relax();
	}
	if (!ret)
		atomic_inc(refs);
	return ret;
}

/* The range's lock held: one less. True: that was the last, the pair is the caller's. */
static __always_inline bool pamt_count_down(struct page *page, struct pamt_pair *pair)
{
	atomic_t *refs = pamt_refs(page);
	int ret, tries = PAMT_TRIES;

	pamt_assert_locked(page);
	if (atomic_dec_return(refs) > PAMT_REFS_NONE)
		return false;
	for (;;) {
		ret = pamt_pair_remove(page, pair);
		if (ret != -EBUSY || !--tries)
			break;
		cpu_relax();
	}
	/* The pair is leaked and its reference kept, as in v6. */
	if (WARN_ON_ONCE(ret))
		atomic_inc(refs);
	return !ret;
}

/* What pamt_count_up() said, without the lock: a pair that is not in use goes back. */
static __always_inline int pamt_got(struct pamt_pair *pair, int ret)
{
	if (ret)
		pamt_pair_free(pair);
	return min(ret, 0);
}

#endif /* EXTSPT_TDX_PAMT_GUARD_H */
