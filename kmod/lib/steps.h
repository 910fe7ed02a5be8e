/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The order of steps, so that two hosts can be held against each other: each
 * fault (from one topup to the next) is a word with a letter per step, in the
 * order in which the steps end. Off but for a run that asks for it, with one
 * CPU. Module parameter steps: write to begin anew, read for one line of JSON.
 */
#ifndef EXTSPT_STEPS_H
#define EXTSPT_STEPS_H

#include <linux/jump_label.h>

DECLARE_STATIC_KEY_FALSE(extspt_steps_on);

void __extspt_steps_add(int op);
/* What was recorded so far was preparation. */
void extspt_steps_reset(void);

static __always_inline void extspt_steps_add(int op)
{
	if (static_branch_unlikely(&extspt_steps_on))
		__extspt_steps_add(op);
}

#endif /* EXTSPT_STEPS_H */
