/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A real TD with KVM's own ioctls. What needs the hardware is untested: no
 * machine with TDX was there. Errors end the process with errno as its status.
 */
#ifndef EXTSPT_DRIVER_TDX_H
#define EXTSPT_DRIVER_TDX_H

struct vm;

/* Right after KVM_CREATE_VM; before vCPUs. */
void tdx_init_vm(struct vm *vm);
/* With vCPUs and memory: from here on, memory can be pre-faulted. */
void tdx_finalize_vm(struct vm *vm);
/* Each step on stdout, up to the first that fails; the others as not tried. */
int tdx_try(void);

#endif /* EXTSPT_DRIVER_TDX_H */
