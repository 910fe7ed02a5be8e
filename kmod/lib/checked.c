// SPDX-License-Identifier: GPL-2.0-only

#include <linux/hash.h>
#include <linux/preempt.h>
#include <linux/sched.h>

#include "lib/checked.h"

/* Twice as many as a run has threads at most. */
#define TASK_BITS	8
#define NR_TASKS	BIT(TASK_BITS)

/* Found by the task; only the task itself looks at its path. */
struct checked_task {
	struct task_struct *task;
	enum check_path path;
	struct check_missed missed;
};

static struct checked_task tasks[NR_TASKS];
static u64 drained;

DEFINE_STATIC_KEY_FALSE(extspt_checked);

const char * const extspt_path_names[NR_PATHS] = {
	[PATH_OTHER]	= "other",
	[PATH_INIT]	= "init",
	[PATH_TOPUP]	= "topup",
	[PATH_FAULT]	= "fault",
	[PATH_SPLIT]	= "split",
	[PATH_ZAP]	= "zap",
	[PATH_TEARDOWN]	= "teardown",
	[PATH_RCU]	= "rcu",
};

/* NULL when there are more tasks than slots. */
static struct checked_task *own_slot(void)
{
	unsigned int first = hash_ptr(current, TASK_BITS), i;
	struct task_struct *task;

	for (i = 0; i < NR_TASKS; i++) {
		struct checked_task *slot = &tasks[(first + i) % NR_TASKS];

		task = READ_ONCE(slot->task);
		if (!task)
			task = cmpxchg(&slot->task, NULL, current) ?: current;
		if (task == current)
			return slot;
	}
	return NULL;
}

enum check_path check_path(void)
{
	struct checked_task *slot;

	if (!in_task())
		return PATH_RCU;
	slot = own_slot();
	return slot ? slot->path : PATH_OTHER;
}

enum check_path __check_path_enter(enum check_path path)
{
	struct checked_task *slot = own_slot();
	enum check_path before;

	if (!slot)
		return PATH_OTHER;
	before = slot->path;
	slot->path = path;
	slot->missed.pool = NULL;
	return before;
}

/* NULL where nobody can tell. */
struct check_missed *check_missed(void)
{
	struct checked_task *slot = in_task() ? own_slot() : NULL;

	return slot ? &slot->missed : NULL;
}

bool __check_drained(void)
{
	switch (check_path()) {
	case PATH_FAULT:
		return drained & CHECK_DRAIN_FAULT;
	case PATH_SPLIT:
		return drained & CHECK_DRAIN_SPLIT;
	default:
		return false;
	}
}

void extspt_check_begin(u64 drain)
{
	memset(tasks, 0, sizeof(tasks));
	drained = drain;
	static_branch_enable(&extspt_checked);
}

void extspt_check_end(void)
{
	static_branch_disable(&extspt_checked);
}
