// SPDX-License-Identifier: GPL-2.0-only

#include <linux/atomic.h>
#include <linux/seq_file.h>
#include <linux/spinlock.h>

#include "lib/inject.h"
#include "seam/seam.h"

#define AT_MAX	128

static struct inject_point {
	struct inject_rule rule;
	atomic64_t passed;
} points[NR_INJECT];

static DEFINE_SPINLOCK(fired_lock);	/* the two below */
static u64 fired;
static char fired_at[AT_MAX];		/* the last one */

static const char * const point_names[NR_INJECT] = {
	[INJECT_ALLOC]	= "allocs",
	[INJECT_BUSY]	= "seamcalls",
	[INJECT_LOST]	= "cmpxchgs",
};

static __printf(1, 2) void inject_note(const char *format, ...)
{
	unsigned long flags;
	va_list args;

	spin_lock_irqsave(&fired_lock, flags);
	fired++;
	va_start(args, format);
	vscnprintf(fired_at, sizeof(fired_at), format, args);
	va_end(args);
	spin_unlock_irqrestore(&fired_lock, flags);
}

static bool inject_due(enum inject_kind kind)
{
	const struct inject_rule *rule = &points[kind].rule;
	u64 number = atomic64_inc_return(&points[kind].passed);

	return rule->first && number >= rule->first && number - rule->first < rule->nr;
}

bool __inject_fails(enum inject_kind kind, const char *site)
{
	if (likely(!inject_due(kind)))
		return false;
	inject_note("%s, %s", site, extspt_path_names[check_path()]);
	return true;
}

/* Asked by the model where the call of @site may be refused. */
static bool inject_refusal(const char *leaf, unsigned long site)
{
	if (likely(!inject_due(INJECT_BUSY)))
		return false;
	inject_note("%ps %s, %s", (void *)site, leaf, extspt_path_names[check_path()]);
	return true;
}

void inject_begin(const struct inject_rule rules[NR_INJECT])
{
	int i;

	for (i = 0; i < NR_INJECT; i++) {
		points[i].rule = rules[i];
		atomic64_set(&points[i].passed, 0);
	}
	fired = 0;
	fired_at[0] = '\0';
	seam_refuse(inject_refusal);
}

/* The counts stay for the record. */
void inject_end(void)
{
	seam_refuse(NULL);
}

void inject_show(struct seq_file *m)
{
	int i;

	seq_puts(m, "\"inject\":{");
	for (i = 0; i < NR_INJECT; i++)
		seq_printf(m, "\"%s\":%llu,", point_names[i],
			   (u64)atomic64_read(&points[i].passed));
	seq_printf(m, "\"fired\":%llu,\"at\":\"%s\"}", fired, fired_at);
}
