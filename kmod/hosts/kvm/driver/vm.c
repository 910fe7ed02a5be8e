// SPDX-License-Identifier: GPL-2.0-only

#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/kvm.h>

#include "tdx.h"
#include "vm.h"

#define PAGE		4096UL
/* 1 GiB aligned, so that dense memory below 1 GiB has one page directory. */
#define MEMORY_BASE	(4UL << 30)

unsigned long vm_type = KVM_X86_SW_PROTECTED_VM;

static int checked(const char *what, int ret)
{
	if (ret < 0)
		err(errno, "%s", what);
	return ret;
}

static void vm_add_memory(struct vm *vm)
{
	struct kvm_create_guest_memfd memfd = { .size = vm->size };
	struct kvm_userspace_memory_region2 region = {
		.flags = KVM_MEM_GUEST_MEMFD,
		.guest_phys_addr = MEMORY_BASE,
		.memory_size = vm->size,
	};

	vm->shared = mmap(NULL, vm->size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (vm->shared == MAP_FAILED)
		err(errno, "mmap");
	vm->memory = checked("KVM_CREATE_GUEST_MEMFD",
			     ioctl(vm->fd, KVM_CREATE_GUEST_MEMFD, &memfd));
	region.guest_memfd = vm->memory;
	region.userspace_addr = (unsigned long)vm->shared;
	checked("KVM_SET_USER_MEMORY_REGION2",
		ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION2, &region));
}

void vm_create(struct vm *vm, unsigned int nr_vcpus, unsigned long pages)
{
	vm->size = pages * PAGE;
	vm->kvm = checked("/dev/kvm", open("/dev/kvm", O_RDWR));
	vm->fd = checked("KVM_CREATE_VM", ioctl(vm->kvm, KVM_CREATE_VM, vm_type));
	if (vm_type == KVM_X86_TDX_VM)
		tdx_init_vm(vm);
	vm_add_memory(vm);
	vm_set_private(vm, 0, pages, true);
	for (vm->nr_vcpus = 0; vm->nr_vcpus < nr_vcpus; vm->nr_vcpus++)
		vm->vcpus[vm->nr_vcpus] = checked("KVM_CREATE_VCPU",
						  ioctl(vm->fd, KVM_CREATE_VCPU, vm->nr_vcpus));
	if (vm_type == KVM_X86_TDX_VM)
		tdx_finalize_vm(vm);
}

void vm_keep(void)
{
	int kvm = checked("/dev/kvm", open("/dev/kvm", O_RDWR));

	checked("KVM_CREATE_VM", ioctl(kvm, KVM_CREATE_VM, KVM_X86_DEFAULT_VM));
}

void vm_destroy(struct vm *vm)
{
	unsigned int i;

	for (i = 0; i < vm->nr_vcpus; i++)
		close(vm->vcpus[i]);
	close(vm->memory);
	close(vm->fd);
	close(vm->kvm);
	munmap(vm->shared, vm->size);
}

void vm_allocate(struct vm *vm)
{
	checked("fallocate", fallocate(vm->memory, FALLOC_FL_KEEP_SIZE, 0, vm->size));
}

void vm_punch(struct vm *vm, unsigned long page, unsigned long pages)
{
	checked("fallocate", fallocate(vm->memory, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE,
				       page * PAGE, pages * PAGE));
}

void vm_set_private(struct vm *vm, unsigned long page, unsigned long pages, bool private)
{
	struct kvm_memory_attributes attributes = {
		.address = MEMORY_BASE + page * PAGE,
		.size = pages * PAGE,
		.attributes = private ? KVM_MEMORY_ATTRIBUTE_PRIVATE : 0,
	};

	checked("KVM_SET_MEMORY_ATTRIBUTES",
		ioctl(vm->fd, KVM_SET_MEMORY_ATTRIBUTES, &attributes));
}

void vm_fault(struct vm *vm, int vcpu, unsigned long page, unsigned long pages)
{
	struct kvm_pre_fault_memory range = {
		.gpa = MEMORY_BASE + page * PAGE,
		.size = pages * PAGE,
	};

	/* It stops early for a signal, or when the vCPU has to reschedule. */
	while (range.size)
		if (ioctl(vm->vcpus[vcpu], KVM_PRE_FAULT_MEMORY, &range) < 0 && errno != EINTR &&
		    errno != EAGAIN)
			err(errno, "KVM_PRE_FAULT_MEMORY");
}
