// SPDX-License-Identifier: GPL-2.0-only

#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/seq_file.h>
#include <linux/string.h>

#include "lib/control.h"

#define MAX_PAGES	(SZ_1G / PAGE_SIZE)
#define MAX_ROUNDS	1000000
#define MAX_TDS		16

#define KEY(key, member)	{ key, offsetof(struct control_params, member), false }
#define OPTION(key, member)	{ key, offsetof(struct control_params, member), true }

/* All are u64. */
static const struct control_key {
	const char *name;
	size_t offset;
	bool option;		/* shown only when it is not 0 */
} keys[] = {
	KEY("vcpus", vcpus),
	KEY("pages", pages),
	KEY("rounds", rounds),
	KEY("seed", seed),
	OPTION("tds", tds),
	OPTION("contig", contig),
	OPTION("check", check),
	OPTION("drain", drain),
	OPTION("batches", batch.nr),
	OPTION("batch_us", batch.us),
	OPTION("warm_ms", batch.warm_ms),
	OPTION("visits", batch.visits),
	OPTION("visit", batch.visit),
	OPTION("ev_interrupt", events[SEAM_EVENT_INTERRUPT]),
	OPTION("ev_no_entropy", events[SEAM_EVENT_NO_ENTROPY]),
	OPTION("ev_key_busy", events[SEAM_EVENT_KEY_ENGINE_BUSY]),
	OPTION("ev_key_generation", events[SEAM_EVENT_KEY_GENERATION]),
	OPTION("ev_contended", events[SEAM_EVENT_TREE_CONTENDED]),
	OPTION("ev_busy", events[SEAM_EVENT_BUSY]),
};

/* "<first>[:<nr>]" each. */
static const char * const rule_keys[NR_INJECT] = {
	[INJECT_ALLOC]	= "fail_alloc",
	[INJECT_BUSY]	= "fail_busy",
	[INJECT_LOST]	= "fail_lost",
};

static u64 *param_of(const struct control_params *params, const struct control_key *key)
{
	return (u64 *)((char *)params + key->offset);
}

static int parse_rule(struct inject_rule *rule, const char *value)
{
	*rule = (struct inject_rule){ .nr = 1 };
	return sscanf(value, "%llu:%llu", &rule->first, &rule->nr) < 1 ? -EINVAL : 0;
}

static int parse_word(struct control_params *params, char *word)
{
	char *value = strchr(word, '=');
	unsigned int i;

	if (!value)
		return -EINVAL;
	*value++ = '\0';
	for (i = 0; i < ARRAY_SIZE(keys); i++)
		if (!strcmp(word, keys[i].name))
			return kstrtou64(value, 0, param_of(params, &keys[i]));
	for (i = 0; i < NR_INJECT; i++) {
		if (strcmp(word, rule_keys[i]))
			continue;
		params->check = 1;
		return parse_rule(&params->rules[i], value);
	}
	return -EINVAL;
}

static bool params_valid(const struct extspt_host *host, const struct control_params *params)
{
	int event;

	for (event = 0; event < SEAM_NR_EVENTS; event++)
		if (params->events[event] >= EVENTS_PER)
			return false;
	return batch_params_valid(&params->batch) && !(params->batch.visits && params->check) &&
	       params->vcpus && params->vcpus <= host->max_vcpus &&
	       params->pages >= params->vcpus && params->pages <= MAX_PAGES &&
	       params->rounds && params->rounds <= MAX_ROUNDS && params->tds <= MAX_TDS &&
	       (!params->contig || is_power_of_2(params->contig)) &&
	       params->contig <= PTRS_PER_PTE;
}

static int find_workload(const struct extspt_host *host, const char *name)
{
	const struct control_workload *workload;
	int i;

	for (i = 0; (workload = host->workload(i)); i++)
		if (!strcmp(workload->name, name))
			return i;
	return -EINVAL;
}

int control_parse(const struct extspt_host *host, struct control_params *params, char *command)
{
	int workload = find_workload(host, strsep(&command, " "));
	char *word;

	if (workload < 0)
		return workload;
	*params = host->workload(workload)->defaults;
	while ((word = strsep(&command, " ")))
		if (*word && parse_word(params, word))
			return -EINVAL;
	params->check |= !!params->drain;
	return params_valid(host, params) ? workload : -EINVAL;
}

void control_params_show(struct seq_file *m, const struct control_params *params)
{
	const char *separator = "";
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		if (keys[i].option && !*param_of(params, &keys[i]))
			continue;
		seq_printf(m, "%s\"%s\":%llu", separator, keys[i].name,
			   *param_of(params, &keys[i]));
		separator = ",";
	}
}
