// SPDX-License-Identifier: GPL-2.0-only
/* What the files of control.c say. */

#include <linux/cpumask.h>

#include "lib/control.h"
#include "lib/identity.h"
#include "seam/seam.h"

static void result_errors(struct seq_file *m)
{
	const struct extspt_control *control = &extspt_control;
	unsigned int i;

	seq_puts(m, "\"errors\":[");
	for (i = 0; i < control->nr_errors; i++) {
		seq_puts(m, i ? "," : "");
		record_string(m, control->errors[i]);
	}
	seq_puts(m, "],");
}

/* What only a checked run has to say. */
static void result_check(struct seq_file *m)
{
	if (!extspt_control.params.check) {
		seq_puts(m, "\"inject\":null,\"custody\":null");
		return;
	}
	inject_show(m);
	seq_putc(m, ',');
	custody_show(m);
}

static void result_head(struct seq_file *m)
{
	const struct extspt_control *control = &extspt_control;

	record_identity(m);
	seq_printf(m, ",\"host\":\"%s\",\"workload\":\"%s\",\"params\":{",
		   control->host->name, control->workload->name);
	control_params_show(m, &control->params);
	seq_printf(m, ",\"threads\":%u},\"costs\":", control->nr_threads);
	record_string(m, control->table);
	seq_printf(m, ",\"status\":%d,", control->status);
	result_errors(m);
}

static void result_measured(struct seq_file *m)
{
	record_clock(m);
	seq_putc(m, ',');
	record_ops(m);
	seq_putc(m, ',');
	record_locks(m);
	seq_putc(m, ',');
	record_counts(m);
	seq_putc(m, ',');
}

int control_show_result(struct seq_file *m, bool whole)
{
	struct extspt_control *control = &extspt_control;
	int ret = 0;

	mutex_lock(&control->lock);
	if (!control->ran) {
		ret = -ENODATA;
		goto unlock;
	}
	seq_putc(m, '{');
	result_head(m);
	if (whole)
		result_measured(m);
	record_memory(m, &control->at_run, &control->at_end, &control->pools);
	seq_putc(m, ',');
	record_seam(m, whole);
	seq_putc(m, ',');
	result_check(m);
	seq_printf(m, ",\"phase\":\"%s\"}\n", control->alive ? "run" : "end");
unlock:
	mutex_unlock(&control->lock);
	return ret;
}

void control_show_info(struct seq_file *m)
{
	const struct extspt_host *host = extspt_control.host;
	const struct control_workload *workload;
	int i;

	seq_putc(m, '{');
	record_identity(m);
	seq_printf(m, ",\"host\":\"%s\",\"title\":", host->name);
	record_string(m, extspt_identity.title);
	seq_puts(m, ",\"origin\":");
	record_string(m, extspt_identity.origin);
	seq_printf(m, ",\"cpus\":%u,\"max_vcpus\":%u,", num_online_cpus(), host->max_vcpus);
	record_clock(m);
	seq_puts(m, ",\"workloads\":{");
	for (i = 0; (workload = host->workload(i)); i++) {
		seq_printf(m, "%s\"%s\":{\"help\":\"%s\",\"defaults\":{",
			   i ? "," : "", workload->name, workload->help);
		control_params_show(m, &workload->defaults);
		seq_puts(m, "}}");
	}
	seq_puts(m, "}}\n");
}
