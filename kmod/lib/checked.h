/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A checked run looks whether a design is right and times nothing: points where
 * something may fail are counted and made to fail (inject.h), pages are followed
 * one by one (custody.h). All of it is behind one static key; a run that is
 * timed goes past a nop.
 */
#ifndef EXTSPT_CHECKED_H
#define EXTSPT_CHECKED_H

#include <linux/bits.h>
#include <linux/jump_label.h>
#include <linux/types.h>

struct page_pool;

/* What a task is doing, as the record names it. */
enum check_path {
	PATH_OTHER,
	PATH_INIT,
	PATH_TOPUP,
	PATH_FAULT,
	PATH_SPLIT,
	PATH_ZAP,
	PATH_TEARDOWN,
	PATH_RCU,
	NR_PATHS
};

extern const char * const extspt_path_names[NR_PATHS];

DECLARE_STATIC_KEY_FALSE(extspt_checked);

/* True in a checked run, from before its VM exists until that is gone. */
static __always_inline bool extspt_check_on(void)
{
	return static_branch_unlikely(&extspt_checked);
}

#define CHECK_DRAIN_FAULT	BIT(0)
#define CHECK_DRAIN_SPLIT	BIT(1)

/* Process context, no VM. @drain: CHECK_DRAIN_*, where caches are found empty. */
void extspt_check_begin(u64 drain);
void extspt_check_end(void);

/* The cache in which the task has just found nothing; see custody.c. */
struct check_missed {
	const struct page_pool *pool;
	u8 class;
};

enum check_path __check_path_enter(enum check_path path);
/* Softirqs are RCU callbacks here. These two only in a checked run. */
enum check_path check_path(void);
struct check_missed *check_missed(void);
bool __check_drained(void);

/* From here on the task is on @path. Returns what it was on, for check_path_leave(). */
static __always_inline enum check_path check_path_enter(enum check_path path)
{
	return extspt_check_on() ? __check_path_enter(path) : PATH_OTHER;
}

static __always_inline void check_path_leave(enum check_path before)
{
	if (extspt_check_on())
		__check_path_enter(before);
}

/* Caches are to be found empty where the task is. */
static __always_inline bool check_drained(void)
{
	return extspt_check_on() && __check_drained();
}

#endif /* EXTSPT_CHECKED_H */
