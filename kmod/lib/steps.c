// SPDX-License-Identifier: GPL-2.0-only

#include <linux/moduleparam.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "lib/stats.h"
#include "lib/steps.h"

#define MAX_WORD	56
#define MAX_WORDS	32
#define MAX_RUNS	160

/* The same word @n times in a row. */
struct steps_run {
	u16 word;
	u32 n;
};

static const char step_letters[NR_OPS] = {
	[OP_TOPUP]	= 't',
	[OP_ALLOC]	= 'a',
	[OP_PAMT_GET]	= 'g',
	[OP_PAMT_PUT]	= 'p',
	[OP_LINK]	= 'L',
	[OP_MAP]	= 'M',
	[OP_SPLIT]	= 'X',
	[OP_SEAMCALL]	= 's',
};

static struct {
	raw_spinlock_t lock;
	char words[MAX_WORDS][MAX_WORD];
	unsigned int nr_words;
	struct steps_run runs[MAX_RUNS];
	unsigned int nr_runs;
	char word[MAX_WORD];		/* of the fault under way */
	unsigned int length;
	bool overflow;
} steps = { .lock = __RAW_SPIN_LOCK_UNLOCKED(steps.lock) };

DEFINE_STATIC_KEY_FALSE(extspt_steps_on);

static int steps_find_word(void)
{
	unsigned int i;

	for (i = 0; i < steps.nr_words; i++)
		if (!strcmp(steps.words[i], steps.word))
			return i;
	if (i == MAX_WORDS)
		return -ENOSPC;
	strscpy(steps.words[i], steps.word, MAX_WORD);
	return steps.nr_words++;
}

static void steps_end_word(void)
{
	struct steps_run *run = &steps.runs[steps.nr_runs];
	int word;

	if (!steps.length)
		return;
	word = steps_find_word();
	if (steps.nr_runs && run[-1].word == word)
		run[-1].n++;
	else if (word < 0 || steps.nr_runs == MAX_RUNS)
		steps.overflow = true;
	else
		steps.runs[steps.nr_runs++] = (struct steps_run){ .word = word, .n = 1 };
	steps.length = 0;
	steps.word[0] = '\0';
}

void __extspt_steps_add(int op)
{
	unsigned long flags;

	if (!step_letters[op])
		return;
	raw_spin_lock_irqsave(&steps.lock, flags);
	if (op == OP_TOPUP)
		steps_end_word();
	if (steps.length < MAX_WORD - 1) {
		steps.word[steps.length++] = step_letters[op];
		steps.word[steps.length] = '\0';
	} else {
		steps.overflow = true;
	}
	raw_spin_unlock_irqrestore(&steps.lock, flags);
}

void extspt_steps_reset(void)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&steps.lock, flags);
	steps.nr_words = 0;
	steps.nr_runs = 0;
	steps.length = 0;
	steps.word[0] = '\0';
	steps.overflow = false;
	raw_spin_unlock_irqrestore(&steps.lock, flags);
}

/* [["<word>",n],...], or null where it was more than there is room for. */
static int steps_get(char *buffer, const struct kernel_param *param)
{
	unsigned long flags;
	unsigned int i;
	int size = 0;

	raw_spin_lock_irqsave(&steps.lock, flags);
	steps_end_word();
	size = sysfs_emit_at(buffer, size, "[");
	for (i = 0; i < steps.nr_runs; i++)
		size += sysfs_emit_at(buffer, size, "%s[\"%s\",%u]", i ? "," : "",
				      steps.words[steps.runs[i].word], steps.runs[i].n);
	size += sysfs_emit_at(buffer, size, "]\n");
	if (steps.overflow || size >= PAGE_SIZE - 1)
		size = sysfs_emit(buffer, "null\n");
	raw_spin_unlock_irqrestore(&steps.lock, flags);
	return size;
}

static int steps_set(const char *value, const struct kernel_param *param)
{
	extspt_steps_reset();
	static_branch_enable(&extspt_steps_on);
	return 0;
}

static const struct kernel_param_ops steps_ops = {
	.set = steps_set,
	.get = steps_get,
};
module_param_cb(steps, &steps_ops, NULL, 0600);
