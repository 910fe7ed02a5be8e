/* SPDX-License-Identifier: GPL-2.0-only */
/* What kmod/lib/batch.c needs of the kernel and of lib/stats.h: two CPUs, a clock that is told. */
#ifndef EXTSPT_TESTS_BATCH_SHIM_H
#define EXTSPT_TESTS_BATCH_SHIM_H

#include <stdarg.h>
#include <stdio.h>

#include "kernel_shim.h"
#include "lib/hist.h"

#define NSEC_PER_USEC		1000ULL
#define NSEC_PER_MSEC		1000000ULL
#define SHIM_CPUS			2
#define div_u64(a, b)		((a) / (b))
#define div64_u64(a, b)		((a) / (b))
#define DIV64_U64_ROUND_UP(a, b) (((a) + (b) - 1) / (b))
#define min_t(type, a, b)	((type)(a) < (type)(b) ? (type)(a) : (type)(b))
#define clamp(v, low, high)	min(max(v, low), high)
#define for_each_possible_cpu(cpu) for ((cpu) = 0; (cpu) < SHIM_CPUS; (cpu)++)

enum extspt_op { OP_FAULT, OP_ZAP, OP_TEARDOWN, NR_OPS };

struct series {
	struct hist *cpu[SHIM_CPUS];
};

struct seq_file;

extern const char * const extspt_op_names[NR_OPS];
extern struct series *extspt_plain;
extern unsigned int tsc_khz;

void extspt_plain_aside(bool aside);
u64 ktime_get_ns(void);
void seq_printf(struct seq_file *m, const char *format, ...);
void seq_puts(struct seq_file *m, const char *s);
void seq_putc(struct seq_file *m, char c);

#endif
