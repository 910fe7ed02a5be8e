/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Everything that differs between kernel versions and architectures, and
 * nothing else. HAVE_X names the change that brought X.
 */
#ifndef EXTSPT_COMPAT_H
#define EXTSPT_COMPAT_H

#include <linux/ioport.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/pfn.h>
#include <linux/topology.h>
#include <linux/version.h>

#ifdef CONFIG_UML

#include <as-layout.h>

/*
 * User Mode Linux is a process of an x86-64 host: it has the host's TSC but none
 * of x86's headers, and its page tables know no levels by these names.
 */
enum pg_level {
	PG_LEVEL_NONE,
	PG_LEVEL_4K,
	PG_LEVEL_2M,
	PG_LEVEL_1G,
};

/* Calibrated by extspt_clock_init(). */
extern unsigned int tsc_khz;

static inline u64 rdtsc(void)
{
	u32 lo, hi;

	asm volatile("rdtsc" : "=a" (lo), "=d" (hi));
	return (u64)hi << 32 | lo;
}

static inline void clflush_cache_range(void *start, unsigned int size)
{
}

/* One block of memory, from address 0. */
static inline unsigned long extspt_max_pfn(void)
{
	return PHYS_PFN(__pa(high_physmem));
}

/*
 * this_cpu_*() is generic here: it turns interrupts off and on, and since SMP
 * came (6.19) that is two system calls of the host, 0.4 us each, in every
 * counter. One instruction is as safe from a signal, on 64-bit counters.
 */
#define extspt_cpu_add(pcp, n)							\
do {										\
	BUILD_BUG_ON(sizeof(pcp) != 8);						\
	preempt_disable();							\
	asm volatile("addq %1, %0"						\
		     : "+m" (*raw_cpu_ptr(&(pcp))) : "er" ((s64)(n)));		\
	preempt_enable();							\
} while (0)

#define extspt_cpu_add_return(pcp, n)						\
({										\
	s64 __delta = (n), __sum = __delta;					\
										\
	BUILD_BUG_ON(sizeof(pcp) != 8);						\
	preempt_disable();							\
	asm volatile("xaddq %0, %1"						\
		     : "+r" (__sum), "+m" (*raw_cpu_ptr(&(pcp))));		\
	preempt_enable();							\
	__sum + __delta;							\
})

#define extspt_cpu_write(pcp, value)						\
do {										\
	preempt_disable();							\
	WRITE_ONCE(*raw_cpu_ptr(&(pcp)), value);				\
	preempt_enable();							\
} while (0)

#else /* CONFIG_UML */

#include <asm/cacheflush.h>
#include <asm/msr.h>
#include <asm/tsc.h>

static inline int extspt_note_end(struct resource *ram, void *end)
{
	*(unsigned long *)end = max(*(unsigned long *)end, PHYS_PFN(ram->end) + 1);
	return 0;
}

/* From the resource tree, as max_pfn is not exported to modules. */
static inline unsigned long extspt_max_pfn(void)
{
	unsigned long end = 0;

	walk_iomem_res_desc(IORES_DESC_NONE, IORESOURCE_SYSTEM_RAM | IORESOURCE_BUSY, 0, -1,
			    &end, extspt_note_end);
	return end;
}

#define extspt_cpu_add(pcp, n)		this_cpu_add(pcp, n)
#define extspt_cpu_add_return(pcp, n)	this_cpu_add_return(pcp, n)
#define extspt_cpu_write(pcp, value)	this_cpu_write(pcp, value)

#endif /* CONFIG_UML */

#define extspt_cpu_inc(pcp)		extspt_cpu_add(pcp, 1)
#define extspt_cpu_dec(pcp)		extspt_cpu_add(pcp, -1)

/* Write a page's dirty lines back, as the tdh_* wrappers do before a hand-over. */
static inline void extspt_clflush_page(struct page *page)
{
	clflush_cache_range(page_address(page), PAGE_SIZE);
}

/* Where the architecture knows no packages there is one. */
static inline unsigned int extspt_package(unsigned int cpu)
{
	int package = topology_physical_package_id(cpu);

	return package < 0 ? 0 : package;
}

#endif /* EXTSPT_COMPAT_H */
