// SPDX-License-Identifier: GPL-2.0-only
/* Setting the module up and tearing it down: all of its memory is allocated here. */
#include "call.h"

#define EPT_RWX		0x7
#define EPT_RWX_XU	0x407		/* and user-mode execute */

/* 2.0.08 was not run: rights as in 1.5.25 are assumed, the rest is read. */
static const struct seam_traits generations[SEAM_NR_GENERATIONS] = {
	[SEAM_1_5_01] = {
		.rights = EPT_RWX,
	},
	[SEAM_1_5_25] = {
		.dynamic_pamt = true,
		.op_state_detail = true,
		.unblock_names_gpa = true,
		.promote_exclusive = true,
		.tree_priority = true,
		.rights = EPT_RWX_XU,
	},
	[SEAM_2_0_08] = {
		.dynamic_pamt = true,
		.unblock_names_gpa = true,
		.rights = EPT_RWX_XU,
	},
};

static int check_config(const struct seam_config *config)
{
	const u64 gig = SEAM_PAGE_SIZE << SEAM_GIG_SHIFT;

	if ((unsigned int)config->generation >= SEAM_NR_GENERATIONS)
		return -EINVAL;
	if (config->dynamic_pamt && !generations[config->generation].dynamic_pamt)
		return -EINVAL;
	if (!config->tdmr_size || (config->tdmr_size & (SEAM_PAGE_SIZE - 1)) ||
	    (config->tdmr_base & (gig - 1)))
		return -EINVAL;
	/* Page frames are kept in 32 bits. */
	if ((config->tdmr_base + config->tdmr_size) >> SEAM_PAGE_SHIFT >= SEAM_NONE)
		return -EINVAL;
	if (config->nr_packages > SEAM_MAX_PACKAGES)
		return -EINVAL;
	return 0;
}

static void set_limits(const struct seam_config *config)
{
	seam.config = *config;
	seam.traits = &generations[config->generation];
	seam.config.nr_packages = config->nr_packages ?: 1;
	seam.config.nr_tds = config->nr_tds ?: 32;
	seam.config.nr_vcpus = config->nr_vcpus ?: 256;
	seam.config.nr_sept_tables = config->nr_sept_tables ?: 2048;
	seam.first_page = config->tdmr_base >> SEAM_PAGE_SHIFT;
	seam.nr_pages = config->tdmr_size >> SEAM_PAGE_SHIFT;
	seam.nr_regions = DIV_ROUND_UP(seam.nr_pages, SEAM_REGION_PAGES);
	seam.nr_gigs = DIV_ROUND_UP(seam.nr_pages, 1U << SEAM_GIG_SHIFT);
}

static int allocate(void)
{
	/* A 2M region at the end of the TDMR may be cut off; its entries exist. */
	u64 nr_pages = (u64)seam.nr_regions * SEAM_REGION_PAGES;

	seam.regions = platform_zalloc(seam.nr_regions * sizeof(*seam.regions));
	seam.gigs = platform_zalloc(seam.nr_gigs * sizeof(*seam.gigs));
	seam.tables = platform_zalloc(seam.config.nr_sept_tables * sizeof(*seam.tables));
	seam.next_table = platform_zalloc(seam.config.nr_sept_tables * sizeof(*seam.next_table));
	seam.tds = platform_zalloc(seam.config.nr_tds * sizeof(*seam.tds));
	seam.vcpus = platform_zalloc(seam.config.nr_vcpus * sizeof(*seam.vcpus));
	seam.pages = platform_zalloc(nr_pages * sizeof(*seam.pages));
	if (!seam.regions || !seam.gigs || !seam.tables || !seam.next_table || !seam.tds ||
	    !seam.vcpus || !seam.pages)
		return -ENOMEM;
	return seam_stats_init();
}

static void link_tables(void)
{
	unsigned int i;

	for (i = 0; i + 1 < seam.config.nr_sept_tables; i++)
		seam.next_table[i] = i + 1;
	seam.next_table[i] = SEAM_NONE;
	seam.free_tables = 0;
}

int seam_init(const struct seam_config *config)
{
	int ret;

	if (seam.pages)
		return -EBUSY;
	ret = check_config(config);
	if (ret)
		return ret;
	set_limits(config);
	ret = allocate();
	if (ret) {
		seam_exit();
		return ret;
	}
	link_tables();
	seam.keys[SEAM_FIRST_PRIVATE_HKID].state = KEY_RESERVED;
	seam_reset_violations();
	return 0;
}

void seam_exit(void)
{
	seam_stats_exit();
	platform_free(seam.pages);
	platform_free(seam.vcpus);
	platform_free(seam.tds);
	platform_free(seam.next_table);
	platform_free(seam.tables);
	platform_free(seam.gigs);
	platform_free(seam.regions);
	memset(&seam, 0, sizeof(seam));
}
