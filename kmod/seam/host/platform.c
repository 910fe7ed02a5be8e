// SPDX-License-Identifier: GPL-2.0-only
/* The platform of the model in a user-space process. */
#include <stdarg.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "host.h"

#define HEADER 64

__thread unsigned int platform_thread;
__thread bool platform_hurry;
__thread u64 platform_ahead;
static void *arena;
static u64 khz;

/* Zero pages come from the kernel, as they are touched; the size is kept in front. */
void *platform_zalloc(size_t size)
{
	size_t total = size + HEADER;
	char *p = mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	*(size_t *)p = total;
	return p + HEADER;
}

void platform_free(void *p)
{
	if (p)
		munmap((char *)p - HEADER, *(size_t *)((char *)p - HEADER));
}

unsigned int platform_nr_cpus(void)
{
	return HOST_MAX_THREADS;
}

unsigned int platform_package(void)
{
	return 0;
}

/* Measured once against the monotonic clock, 10 ms. */
u64 platform_ticks_khz(void)
{
	struct timespec from, to;
	u64 start, ns;

	if (khz)
		return khz;
	clock_gettime(CLOCK_MONOTONIC, &from);
	start = platform_ticks();
	usleep(10000);
	clock_gettime(CLOCK_MONOTONIC, &to);
	ns = (to.tv_sec - from.tv_sec) * 1000000000LL + to.tv_nsec - from.tv_nsec;
	khz = (platform_ticks() - start) * 1000000 / ns;
	return khz;
}

void host_set_arena(void *memory)
{
	arena = memory;
}

/* Reads and writes of an owned page fault; the program's handler calls seam_page_touched(). */
void platform_guard(u64 pa, bool on)
{
	mprotect((char *)arena + pa, SEAM_PAGE_SIZE, on ? PROT_NONE : PROT_READ | PROT_WRITE);
}

/* "Physical memory": the arena starts at physical address 0. */
void *platform_page(u64 pa)
{
	return (char *)arena + pa;
}

int platform_scnprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	int n;

	if (!size)
		return 0;
	va_start(args, fmt);
	n = vsnprintf(buf, size, fmt, args);
	va_end(args);
	return n < (int)size ? n : (int)size - 1;
}
