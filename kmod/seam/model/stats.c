// SPDX-License-Identifier: GPL-2.0-only
/* Calls by leaf and status, counted per CPU without allocation. */
#include "call.h"

#define NR_SLOTS	256	/* power of two, well above the pairs a run sees */

struct stat_slot {
	u64 status;
	u64 n;
	u8 row;
};

/* Success has its own place; everything else goes to a small open hash. */
struct cpu_stats {
	u64 success[NR_ROWS];
	u64 overflow[NR_ROWS];	/* no slot left: counted without its status */
	struct stat_slot slots[NR_SLOTS];
} ____cacheline_aligned_in_smp;

static struct cpu_stats *stats;

int seam_stats_init(void)
{
	stats = platform_zalloc(platform_nr_cpus() * sizeof(*stats));
	return stats ? 0 : -ENOMEM;
}

void seam_stats_exit(void)
{
	platform_free(stats);
	stats = NULL;
}

static struct stat_slot *find_slot(struct cpu_stats *cpu, u8 row, u64 status)
{
	unsigned int i, hash = (status >> 32) * 31 + (u32)status * 7 + row * 13;

	for (i = 0; i < NR_SLOTS; i++) {
		struct stat_slot *slot = &cpu->slots[(hash + i) % NR_SLOTS];

		if (!slot->n || (slot->row == row && slot->status == status))
			return slot;
	}
	return NULL;
}

void seam_count(enum seam_row row, u64 status)
{
	struct cpu_stats *cpu = &stats[platform_pin()];
	struct stat_slot *slot;

	if (likely(!status)) {
		cpu->success[row]++;
	} else {
		slot = find_slot(cpu, row, status);
		if (slot) {
			slot->row = row;
			slot->status = status;
			slot->n++;
		} else {
			cpu->overflow[row]++;
		}
	}
	platform_unpin();
}

/* Sum over the CPUs, 0 when a CPU below @first has the pair and has reported it. */
static u64 sum_of(unsigned int first, u8 row, u64 status)
{
	unsigned int cpu;
	u64 n = 0;

	for (cpu = 0; cpu < platform_nr_cpus(); cpu++) {
		struct stat_slot *slot = find_slot(&stats[cpu], row, status);

		if (!slot || !slot->n)
			continue;
		if (cpu < first)
			return 0;
		n += slot->n;
	}
	return n;
}

static void report_row(unsigned int row, void (*fn)(void *, const char *, u64, u64), void *ctx)
{
	u64 success = 0, overflow = 0;
	unsigned int cpu;

	for (cpu = 0; cpu < platform_nr_cpus(); cpu++) {
		success += stats[cpu].success[row];
		overflow += stats[cpu].overflow[row];
	}
	if (success)
		fn(ctx, seam_row_names[row], SEAM_SUCCESS, success);
	if (overflow)
		fn(ctx, seam_row_names[row], SEAM_SW_MODEL_LIMIT, overflow);
}

void seam_walk_stats(void (*fn)(void *ctx, const char *leaf, u64 status, u64 n), void *ctx)
{
	unsigned int cpu, i;

	if (!stats)
		return;
	for (i = 0; i < NR_ROWS; i++)
		report_row(i, fn, ctx);
	for (cpu = 0; cpu < platform_nr_cpus(); cpu++) {
		for (i = 0; i < NR_SLOTS; i++) {
			struct stat_slot *slot = &stats[cpu].slots[i];
			u64 n = slot->n ? sum_of(cpu, slot->row, slot->status) : 0;

			if (n)
				fn(ctx, seam_row_names[slot->row], slot->status, n);
		}
	}
}

void seam_reset_stats(void)
{
	if (stats)
		memset(stats, 0, platform_nr_cpus() * sizeof(*stats));
}
