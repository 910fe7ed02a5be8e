/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The clock of every measurement: the TSC behind load fences. Under QEMU's
 * -icount shift=0 one tick is one guest instruction.
 *
 * The first read is fenced on both sides, so that what is measured cannot start
 * before it; the last one waits for all that is measured. Not RDTSCP, which the
 * CPU models without ERMS do not offer.
 */
#ifndef EXTSPT_CLOCK_H
#define EXTSPT_CLOCK_H

#include <linux/types.h>

static __always_inline u64 extspt_clock_begin(void)
{
	u32 lo, hi;

	asm volatile("lfence\n\trdtsc\n\tlfence" : "=a" (lo), "=d" (hi) : : "memory");
	return (u64)hi << 32 | lo;
}

static __always_inline u64 extspt_clock_end(void)
{
	u32 lo, hi;

	asm volatile("lfence\n\trdtsc" : "=a" (lo), "=d" (hi) : : "memory");
	return (u64)hi << 32 | lo;
}

/* Makes tsc_khz known where the kernel does not know it; takes 10 ms there. */
void extspt_clock_init(void);

#endif /* EXTSPT_CLOCK_H */
