// SPDX-License-Identifier: GPL-2.0-only

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/kvm.h>

#include "tdx.h"
#include "vm.h"

#define MAX_CPUID	256
/* CPUID 0x80000008: guest physical address width, in bits 23:16. */
#define LEAF_ADDRESS	0x80000008
#define GPA_WIDTH	48

enum tdx_step {
	STEP_OFFERED,
	STEP_SPLIT_IRQCHIP,
	STEP_CAPABILITIES,
	STEP_INIT_VM,
	STEP_SET_CPUID,
	STEP_INIT_VCPU,
	STEP_FINALIZE,
	STEP_PRE_FAULT,
	NR_STEPS
};

static const char * const step_names[NR_STEPS] = {
	"KVM_CAP_VM_TYPES offers TDX",
	"KVM_CAP_SPLIT_IRQCHIP",
	"KVM_TDX_CAPABILITIES",
	"KVM_TDX_INIT_VM",
	"KVM_SET_CPUID2",
	"KVM_TDX_INIT_VCPU",
	"KVM_TDX_FINALIZE_VM",
	"KVM_PRE_FAULT_MEMORY",
};

static enum tdx_step next;
static int reached = -1;	/* where tdx_try() wants to be told */

/* The steps up to and with @step are done. */
static void done(enum tdx_step step)
{
	next = step + 1;
	if (reached >= 0 && write(reached, &next, sizeof(next)) != sizeof(next))
		err(errno, "pipe");
}

static void tdx_call(int fd, enum tdx_step step, unsigned int id, void *data)
{
	struct kvm_tdx_cmd cmd = { .id = id, .data = (unsigned long)data };

	if (ioctl(fd, KVM_MEMORY_ENCRYPT_OP, &cmd))
		err(errno, "%s (TDX status %#llx)", step_names[step],
		    (unsigned long long)cmd.hw_error);
	done(step);
}

static void tdx_split_irqchip(struct vm *vm)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_SPLIT_IRQCHIP, .args = { 24 } };

	if (ioctl(vm->fd, KVM_ENABLE_CAP, &cap))
		err(errno, "%s", step_names[STEP_SPLIT_IRQCHIP]);
	done(STEP_SPLIT_IRQCHIP);
}

void tdx_init_vm(struct vm *vm)
{
	size_t cpuid = MAX_CPUID * sizeof(struct kvm_cpuid_entry2);
	struct kvm_tdx_capabilities *can = calloc(1, sizeof(*can) + cpuid);
	struct kvm_tdx_init_vm *init = calloc(1, sizeof(*init) + cpuid);

	if (!can || !init)
		err(ENOMEM, "TDX");
	tdx_split_irqchip(vm);
	can->cpuid.nent = MAX_CPUID;
	tdx_call(vm->fd, STEP_CAPABILITIES, KVM_TDX_CAPABILITIES, can);
	/* x87 and SSE, which every TD has; no attributes: an ordinary TD. */
	init->xfam = can->supported_xfam & 3;
	init->cpuid.nent = 1;
	init->cpuid.entries[0].function = LEAF_ADDRESS;
	init->cpuid.entries[0].eax = GPA_WIDTH << 16 | GPA_WIDTH;
	tdx_call(vm->fd, STEP_INIT_VM, KVM_TDX_INIT_VM, init);
	free(init);
	free(can);
}

static struct kvm_cpuid2 *supported_cpuid(struct vm *vm)
{
	struct kvm_cpuid2 *cpuid;

	cpuid = calloc(1, sizeof(*cpuid) + MAX_CPUID * sizeof(struct kvm_cpuid_entry2));
	if (!cpuid)
		err(ENOMEM, "CPUID");
	cpuid->nent = MAX_CPUID;
	if (ioctl(vm->kvm, KVM_GET_SUPPORTED_CPUID, cpuid))
		err(errno, "KVM_GET_SUPPORTED_CPUID");
	return cpuid;
}

void tdx_finalize_vm(struct vm *vm)
{
	struct kvm_cpuid2 *cpuid = supported_cpuid(vm);
	unsigned int i;

	for (i = 0; i < vm->nr_vcpus; i++) {
		if (ioctl(vm->vcpus[i], KVM_SET_CPUID2, cpuid))
			err(errno, "%s", step_names[STEP_SET_CPUID]);
		done(STEP_SET_CPUID);
		tdx_call(vm->vcpus[i], STEP_INIT_VCPU, KVM_TDX_INIT_VCPU, NULL);
	}
	free(cpuid);
	tdx_call(vm->fd, STEP_FINALIZE, KVM_TDX_FINALIZE_VM, NULL);
}

static void require_offered(void)
{
	int kvm = open("/dev/kvm", O_RDWR);
	int types = kvm < 0 ? -1 : ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_VM_TYPES);

	if (types < 0)
		err(errno, "/dev/kvm");
	if (!(types & 1 << KVM_X86_TDX_VM))
		errx(EOPNOTSUPP, "this KVM has no TDX: VM types %#x", types);
	done(STEP_OFFERED);
	close(kvm);
}

static void try_all(int tell)
{
	struct vm vm = { };

	reached = tell;
	require_offered();
	vm_type = KVM_X86_TDX_VM;
	vm_create(&vm, 1, 1);
	vm_fault(&vm, 0, 0, 1);
	done(STEP_PRE_FAULT);
	vm_destroy(&vm);
	exit(0);
}

int tdx_try(void)
{
	enum tdx_step step = STEP_OFFERED, last = STEP_OFFERED;
	int tell[2];

	if (pipe(tell))
		err(errno, "pipe");
	switch (fork()) {
	case -1:
		err(errno, "fork");
	case 0:
		try_all(tell[1]);
	}
	close(tell[1]);
	while (read(tell[0], &step, sizeof(step)) == sizeof(step))
		last = step;
	wait(NULL);
	for (step = STEP_OFFERED; step < NR_STEPS; step++)
		printf("%s: %s\n", step_names[step],
		       step < last ? "done" : step == last ? "failed" : "not tried");
	return last < NR_STEPS;
}
