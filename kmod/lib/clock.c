// SPDX-License-Identifier: GPL-2.0-only

#include <linux/ktime.h>

#include "lib/clock.h"
#include "lib/compat.h"

#ifdef CONFIG_UML

#define CALIBRATION_NS	(10 * NSEC_PER_MSEC)
#define MOMENT_TRIES	8

unsigned int tsc_khz;

struct moment {
	u64 ns;
	u64 tsc;
};

/* Both clocks at once: of several tries the one the host disturbed least. */
static struct moment both_clocks(void)
{
	u64 before, after, best = U64_MAX;
	struct moment now = { };
	u64 ns;
	int i;

	for (i = 0; i < MOMENT_TRIES; i++) {
		before = extspt_clock_begin();
		ns = ktime_get_ns();
		after = extspt_clock_end();
		if (after - before >= best)
			continue;
		best = after - before;
		now = (struct moment){ .ns = ns, .tsc = before + best / 2 };
	}
	return now;
}

/* Against ktime, as udelay() follows a loop count that the host may upset. */
void extspt_clock_init(void)
{
	struct moment start = both_clocks(), end;

	while (ktime_get_ns() - start.ns < CALIBRATION_NS)
		cpu_relax();
	end = both_clocks();
	tsc_khz = div64_u64((end.tsc - start.tsc) * NSEC_PER_MSEC, end.ns - start.ns);
}

#else

void extspt_clock_init(void)
{
}

#endif /* CONFIG_UML */
