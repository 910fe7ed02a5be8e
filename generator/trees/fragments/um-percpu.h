/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * this_cpu_*() of UML on one instruction each, as on x86. With UML's own, the
 * generic ones, each turns interrupts off and on; with SMP (6.19) that is two
 * system calls of the host, and charging a page to a memory cgroup makes
 * several: 2 us per page that x86 does not have. asm-generic/percpu.h takes
 * what an architecture defines; this comes before it in every file (-include).
 *
 * One instruction cannot be cut by a signal, and UML's kernel is not preempted,
 * so that the CPU stays the same from its address to its use.
 */
#ifdef CONFIG_SMP

#define um_this_cpu_op(insn, type, pcp, val)				\
do {									\
	preempt_disable_notrace();					\
	asm volatile(insn " %1, %0" : "+m" (*raw_cpu_ptr(&(pcp)))	\
		     : "re" ((type)(val)) : "memory");			\
	preempt_enable_notrace();					\
} while (0)

#define um_this_cpu_add_return(insn, type, pcp, val)			\
({									\
	type __um_add = (type)(val), __um_old = __um_add;		\
									\
	preempt_disable_notrace();					\
	asm volatile(insn " %0, %1"					\
		     : "+r" (__um_old), "+m" (*raw_cpu_ptr(&(pcp)))	\
		     : : "memory");					\
	preempt_enable_notrace();					\
	(typeof(pcp))(__um_old + __um_add);				\
})

#define um_this_cpu_xchg(insn, pcp, val)				\
({									\
	typeof(pcp) __um_new = (val);					\
									\
	preempt_disable_notrace();					\
	asm volatile(insn " %0, %1"					\
		     : "+r" (__um_new), "+m" (*raw_cpu_ptr(&(pcp)))	\
		     : : "memory");					\
	preempt_enable_notrace();					\
	__um_new;							\
})

#define um_this_cpu_cmpxchg(insn, pcp, oval, nval)			\
({									\
	typeof(pcp) __um_old = (oval), __um_new = (nval);		\
									\
	preempt_disable_notrace();					\
	asm volatile(insn " %2, %1"					\
		     : "+a" (__um_old), "+m" (*raw_cpu_ptr(&(pcp)))	\
		     : "r" (__um_new) : "memory");			\
	preempt_enable_notrace();					\
	__um_old;							\
})

#define um_this_cpu_write(pcp, val)					\
do {									\
	preempt_disable_notrace();					\
	*(volatile typeof(pcp) *)raw_cpu_ptr(&(pcp)) = (val);		\
	preempt_enable_notrace();					\
} while (0)

#define this_cpu_add_4(pcp, val)	um_this_cpu_op("addl", u32, pcp, val)
#define this_cpu_add_8(pcp, val)	um_this_cpu_op("addq", u64, pcp, val)
#define this_cpu_and_4(pcp, val)	um_this_cpu_op("andl", u32, pcp, val)
#define this_cpu_and_8(pcp, val)	um_this_cpu_op("andq", u64, pcp, val)
#define this_cpu_or_4(pcp, val)		um_this_cpu_op("orl", u32, pcp, val)
#define this_cpu_or_8(pcp, val)		um_this_cpu_op("orq", u64, pcp, val)
#define this_cpu_add_return_4(pcp, val)	um_this_cpu_add_return("xaddl", u32, pcp, val)
#define this_cpu_add_return_8(pcp, val)	um_this_cpu_add_return("xaddq", u64, pcp, val)
#define this_cpu_xchg_4(pcp, val)	um_this_cpu_xchg("xchgl", pcp, val)
#define this_cpu_xchg_8(pcp, val)	um_this_cpu_xchg("xchgq", pcp, val)
#define this_cpu_cmpxchg_4(pcp, o, n)	um_this_cpu_cmpxchg("cmpxchgl", pcp, o, n)
#define this_cpu_cmpxchg_8(pcp, o, n)	um_this_cpu_cmpxchg("cmpxchgq", pcp, o, n)
#define this_cpu_write_1(pcp, val)	um_this_cpu_write(pcp, val)
#define this_cpu_write_2(pcp, val)	um_this_cpu_write(pcp, val)
#define this_cpu_write_4(pcp, val)	um_this_cpu_write(pcp, val)
#define this_cpu_write_8(pcp, val)	um_this_cpu_write(pcp, val)

#endif /* CONFIG_SMP */
