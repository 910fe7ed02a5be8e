/* SPDX-License-Identifier: GPL-2.0-only */
/* A VM as far as its private memory needs it. Errors end the process with errno as its status. */
#ifndef EXTSPT_DRIVER_VM_H
#define EXTSPT_DRIVER_VM_H

#include <stdbool.h>

#define VM_MAX_VCPUS	64

struct vm {
	int kvm, fd, memory;
	int vcpus[VM_MAX_VCPUS];
	unsigned int nr_vcpus;
	unsigned long size;		/* of its memory, in bytes */
	void *shared;			/* stands in where memory is not private */
};

/* KVM_X86_SW_PROTECTED_VM, or KVM_X86_TDX_VM where the machine has TDX. */
extern unsigned long vm_type;

/* @pages 4 KiB pages of memory, all of it private, none of it allocated. */
void vm_create(struct vm *vm, unsigned int nr_vcpus, unsigned long pages);
void vm_destroy(struct vm *vm);
/* An empty VM that nothing but the end of its processes destroys. */
void vm_keep(void);
/* Allocate guest memory, so that a fault only has to map it. */
void vm_allocate(struct vm *vm);
/* Give guest memory back; what maps it goes, too. */
void vm_punch(struct vm *vm, unsigned long page, unsigned long pages);
void vm_set_private(struct vm *vm, unsigned long page, unsigned long pages, bool private);
/* Fault pages in as vCPU @vcpu. */
void vm_fault(struct vm *vm, int vcpu, unsigned long page, unsigned long pages);

#endif /* EXTSPT_DRIVER_VM_H */
