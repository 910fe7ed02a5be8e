/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel names the model uses, for a user-space process. Included by model/platform.h. */
#ifndef EXTSPT_SEAM_PLATFORM_USER_H
#define EXTSPT_SEAM_PLATFORM_USER_H

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <linux/types.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s64 s64;

struct platform_atomic {
	int counter;
};

struct platform_atomic64 {
	s64 counter;
};

#define atomic_t struct platform_atomic
#define atomic64_t struct platform_atomic64

#define READ_ONCE(x) __atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, v) __atomic_store_n(&(x), v, __ATOMIC_RELAXED)
/* The barriers themselves; their users say what they pair with. */
#define smp_load_acquire(p) __atomic_load_n(p, __ATOMIC_ACQUIRE)
/* As above. */
#define smp_store_release(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)

#define try_cmpxchg(p, oldp, new) \
	__atomic_compare_exchange_n(p, oldp, new, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)

#define atomic_read(v) READ_ONCE((v)->counter)
#define atomic_set(v, n) WRITE_ONCE((v)->counter, n)
#define atomic_inc(v) ((void)__atomic_fetch_add(&(v)->counter, 1, __ATOMIC_RELAXED))
#define atomic_dec(v) ((void)__atomic_fetch_sub(&(v)->counter, 1, __ATOMIC_RELAXED))
#define atomic_inc_return(v) __atomic_add_fetch(&(v)->counter, 1, __ATOMIC_SEQ_CST)
#define atomic_dec_return(v) __atomic_sub_fetch(&(v)->counter, 1, __ATOMIC_SEQ_CST)
#define atomic_add(n, v) ((void)__atomic_fetch_add(&(v)->counter, n, __ATOMIC_RELAXED))
#define atomic_andnot(n, v) ((void)__atomic_fetch_and(&(v)->counter, ~(n), __ATOMIC_RELAXED))
#define atomic_add_unless(v, n, u) platform_add_unless(&(v)->counter, n, u)
#define atomic_fetch_sub_release(n, v) __atomic_fetch_sub(&(v)->counter, n, __ATOMIC_RELEASE)
#define atomic_try_cmpxchg_acquire(v, oldp, new) \
	__atomic_compare_exchange_n(&(v)->counter, oldp, new, false, \
				    __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)
#define atomic64_read(v) READ_ONCE((v)->counter)
#define atomic64_set(v, n) WRITE_ONCE((v)->counter, n)
#define atomic64_add(n, v) ((void)__atomic_fetch_add(&(v)->counter, n, __ATOMIC_RELAXED))
#define atomic64_add_return(n, v) __atomic_add_fetch(&(v)->counter, n, __ATOMIC_RELAXED)
#define atomic64_sub(n, v) ((void)__atomic_fetch_sub(&(v)->counter, n, __ATOMIC_RELAXED))

#define BIT(n) (1UL << (n))
#define BIT_ULL(n) (1ULL << (n))
#define GENMASK_ULL(h, l) ((~0ULL << (l)) & (~0ULL >> (63 - (h))))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define DIV_ROUND_UP(n, d) ({ __typeof__(d) d_ = (d); ((n) + d_ - 1) / d_; })
#define min(a, b) ({ __typeof__(a) a_ = (a); __typeof__(b) b_ = (b); a_ < b_ ? a_ : b_; })
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define BUILD_BUG_ON(e) ((void)sizeof(char[1 - 2 * !!(e)]))
#define platform_attribute(a) __attribute__((a))
#define ____cacheline_aligned_in_smp platform_attribute(__aligned__(64))
#define scnprintf platform_scnprintf
#define cpu_relax() __builtin_ia32_pause()
#define _RET_IP_ ((unsigned long)__builtin_return_address(0))

#define SEAM_SITE_FORMAT "%p"

/* host/platform.c */
void *platform_zalloc(size_t size);
void platform_free(void *p);
unsigned int platform_nr_cpus(void);
unsigned int platform_package(void);
u64 platform_ticks_khz(void);
void *platform_page(u64 pa);
void platform_guard(u64 pa, bool on);
int platform_scnprintf(char *buf, size_t size, const char *fmt, ...);

extern __thread unsigned int platform_thread;
/* This thread's calls take no modelled time: its clock runs ahead. */
extern __thread bool platform_hurry;
extern __thread u64 platform_ahead;

static inline void platform_add_unless(int *counter, int n, int unless)
{
	int old = READ_ONCE(*counter);

	while (old != unless && !try_cmpxchg(counter, &old, old + n))
		;
}

static inline unsigned int platform_pin(void)
{
	return platform_thread;
}

static inline void platform_unpin(void)
{
}

/* A process cannot hold interrupts off; reports say so. */
static inline unsigned long platform_irq_save(void)
{
	return 0;
}

static inline void platform_irq_restore(unsigned long flags)
{
	(void)flags;
}

static inline u64 platform_ticks(void)
{
	if (platform_hurry)
		platform_ahead += 1ULL << 40;
	return __builtin_ia32_rdtsc() + platform_ahead;
}

#endif
