/* SPDX-License-Identifier: GPL-2.0-only */
/* The few names of the kernel that kmod/lib/hist.c and clock.h need, for a process. */
#ifndef EXTSPT_TESTS_KERNEL_SHIM_H
#define EXTSPT_TESTS_KERNEL_SHIM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef uint8_t u8;
typedef uint32_t u32;
typedef uint64_t u64;

#define U32_MAX			UINT32_MAX
#define U64_MAX			UINT64_MAX
#define BIT(n)			(1UL << (n))
#define min(a, b)		((a) < (b) ? (a) : (b))
#define max(a, b)		((a) > (b) ? (a) : (b))
#define DIV_ROUND_UP_ULL(n, d)	(((n) + (d) - 1) / (d))
#define sort(base, n, size, compare, swap) qsort(base, n, size, compare)

static inline int fls64(u64 x)
{
	return x ? 64 - __builtin_clzll(x) : 0;
}

#endif
