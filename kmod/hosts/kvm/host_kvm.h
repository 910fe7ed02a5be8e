/* SPDX-License-Identifier: GPL-2.0-only */
/* The kvm host: a strategy in the real kvm.ko, driven from user space. */
#ifndef EXTSPT_HOST_KVM_H
#define EXTSPT_HOST_KVM_H

#include "strategy.h"

/* strategy.c */
extern const struct extspt_kvm_ops extspt_kvm_ops;
/* VMs that exist; waited for by destroy. */
extern atomic_t kvm_nr_vms;
extern struct wait_queue_head kvm_vm_gone;
/* The newest VM's strategy; stable while it is known to exist. */
extern struct extspt_vm *kvm_last_vm;

#endif /* EXTSPT_HOST_KVM_H */
