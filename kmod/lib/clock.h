/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The clock of every measurement: the TSC between load fences. Under QEMU's
 * -icount shift=0 one tick is one guest instruction.
 *
 * Not RDTSCP, which the CPU models without ERMS do not offer, and not
 * rdtsc_ordered(), which leaves later loads free to start before the read.
 */
#ifndef EXTSPT_CLOCK_H
#define EXTSPT_CLOCK_H

#include <linux/types.h>

static __always_inline u64 extspt_clock(void)
{
	u32 lo, hi;

	asm volatile("lfence\n\trdtsc\n\tlfence" : "=a" (lo), "=d" (hi) : : "memory");
	return (u64)hi << 32 | lo;
}

#endif /* EXTSPT_CLOCK_H */
