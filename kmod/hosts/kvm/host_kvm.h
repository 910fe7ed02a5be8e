/* SPDX-License-Identifier: GPL-2.0-only */
/* The kvm host: a strategy in the real kvm.ko, driven from user space. */
#ifndef EXTSPT_HOST_KVM_H
#define EXTSPT_HOST_KVM_H

#include "lib/record.h"
#include "strategy.h"

/* strategy.c */
extern const struct extspt_kvm_ops extspt_kvm_ops;
/* VMs that exist; waited for by destroy. */
extern atomic_t kvm_nr_vms;
extern struct wait_queue_head kvm_vm_gone;
/* What is parked in all VMs; they exist. 0 or -ENOMEM. */
int kvm_pools_snapshot(struct pool_snapshot *snapshot);

#endif /* EXTSPT_HOST_KVM_H */
