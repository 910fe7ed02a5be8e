/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between the driver program and the module, in its debugfs folder:
 *
 *	run	"<workload> ...": a run begins, with its plain pass
 *	pass	reads "plain": a plain pass comes first, or "detail"
 *		"measure": what was done so far was preparation
 *		"detail": the VMs of the plain pass are gone, the detail pass begins
 *		"done": it is over, its VMs stay
 *		"failed <errno>": the run is over, its VMs are gone
 *	samples	struct extspt_sample, any number: what the driver has timed
 *	hold	a read returns when the VMs are to go
 */
#ifndef EXTSPT_KVM_SAMPLES_H
#define EXTSPT_KVM_SAMPLES_H

#include <linux/types.h>

enum extspt_sample_op {
	SAMPLE_FAULT,
	SAMPLE_ZAP,
	NR_SAMPLE_OPS
};

struct extspt_sample {
	__u64 op;
	__u64 ticks;
};

#endif /* EXTSPT_KVM_SAMPLES_H */
