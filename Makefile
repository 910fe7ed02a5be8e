# SPDX-License-Identifier: GPL-2.0-only
# 'make help' says what there is.

EXTSPT := .venv/bin/extspt
VENV_PYTHON := .venv/bin/python

# Variables of the command line, as options of the verbs that know them.
comma    := ,
verbose  := $(if $(filter 1,$(V)),-v)
# A tree built with O= is its build folder.
tree     := $(if $(O)$(KDIR),--kdir '$(or $(O),$(KDIR))')
runner   := $(if $(RUNNER),--runner '$(RUNNER)') $(if $(KSRC),--ksrc '$(KSRC)') $(if $(FORCE),--force)
host     := $(if $(HOST),--host '$(HOST)')
designs  := $(if $(VARIANTS),--variants '$(VARIANTS)')
workload := $(if $(WORKLOADS),--workloads '$(WORKLOADS)') $(if $(VCPUS),--vcpus '$(VCPUS)') \
	    $(if $(SEED),--seed '$(SEED)') $(if $(COSTS),--costs '$(COSTS)') \
	    $(if $(BLOCKS),--blocks '$(BLOCKS)') $(if $(BUILDS),--builds '$(BUILDS)') \
	    $(if $(filter 1,$(QUICK)),--quick)

.PHONY: help setup setup-bench bench calibrate contention-spread test test-kvm test-matrix render build run report \
	menuconfig list doctor kvm twin-conformance check-variants gate-selftest gate-repeat check-style \
	conformance fuzz clean distclean
# Kbuild would take O= and V= of this command line, handed down in MAKEFLAGS, for its own.
MAKEOVERRIDES :=
# Kernels the tests may fetch and build for themselves, once (tests/wanted.py). All of them take
# longer than a test run should.
TEST_KERNELS ?= kvm
# One thing at a time; the verbs use all CPUs themselves.
.NOTPARALLEL:

help:
	@echo 'Main targets'
	@echo '  bench        set up, build all designs, boot, measure, and write the reports'
	@echo '  test         set up, run all tests (real builds and boots among them)'
	@echo '  test-matrix  builds and boots on kernels x trees x compilers: KERNELS="6.12 7.2"'
	@echo '               fetches headers of the mirror; OWN=1 builds own kernels, too;'
	@echo '               OUT=dir keeps the table, KTAP and JSON'
	@echo '  setup        the set-up alone: system packages, .venv, kernel image'
	@echo
	@echo 'Single steps'
	@echo '  list         the designs and how they differ'
	@echo '  doctor       what is installed, what is missing, how to mend it'
	@echo '  render       stage build/<release>/<design>/, each buildable on its own'
	@echo '  build        render, then build the modules'
	@echo '  run          build, then boot and measure'
	@echo '  report       write the reports of the newest run again'
	@echo '  menuconfig   edit a design in a menu: make menuconfig NAME=kvm_owned'
	@echo '  calibrate    the bench on itself: false alarms, and 2, 5 and 10 % that it finds'
	@echo '  contention-spread  how far lock waits lie apart between 5 boots of UML: KSRC='
	@echo '  check-style  checkpatch --strict, sparse, W=1 -Werror, ruff, mypy'
	@echo '  kvm          a hooked copy of KSRC='"'"'s KVM for KDIR=, for HOST=kvm; checked in a guest'
	@echo '  twin-conformance  the twin against the real kvm.ko: equal counts, equal steps'
	@echo '  test-kvm     fetch a kernel with its source, build its KVM, run the tests of HOST=kvm'
	@echo '  check-variants  the gate: everything fails in turn, pages are followed, a debug'
	@echo '               kernel looks on; DEBUG=0 without it, AGAIN=1 where it is known'
	@echo '  gate-selftest  the gate on designs with known bugs: each has to be caught'
	@echo '  gate-repeat  the quick gate RUNS=20 times on other seeds: nothing may be found wrong'
	@echo '  conformance  the SEAM model against the recorded traces, per leaf and status'
	@echo '  fuzz         random calls to the SEAM model under ASan and UBSan, for an hour'
	@echo '  clean        remove what render, build and the tests made'
	@echo '  distclean    also .venv, the kernel image and the tools; results/ stays'
	@echo
	@echo 'Variables (example: make bench VARIANTS=kvm_owned,split_ops COSTS=high)'
	@echo '  KDIR=dir         another kernel tree: headers, a build folder (also as O=), or a'
	@echo '                   folder of extspt tree fetch; make doctor KDIR=dir looks at it'
	@echo '  RUNNER=name      qemu, or uml: native speed; needs KDIR= of a UML kernel, or KSRC='
	@echo '  HOST=kvm         in the real kvm.ko of KDIR=, with KSRC= to build it when it is not'
	@echo '  KSRC=dir         full kernel source: a small kernel is built from it, once'
	@echo '  FORCE=1          measure where it is refused, and mark the result'
	@echo '  VARIANTS=a,b     designs; bench and run take five unless told, all: the catalogue'
	@echo '  WORKLOADS=a,b    workloads (default: all)'
	@echo '  BLOCKS=n         repeats of the boots with a clock, in random order (native: 20, else 1)'
	@echo '  BUILDS=n         layouts each design is linked in (native: 3, else 1)'
	@echo '  QUICK=1          6 blocks of one build: a look, not evidence'
	@echo '  VCPUS=n          vCPU threads of the contention boot'
	@echo '  SEED=n           seed of the order in which the designs are loaded'
	@echo '  COSTS=name       SEAMCALL cost table of the contention boot'
	@echo '  TRACES=dir       traces for conformance (default: tests/data/seam); KTAP=1'
	@echo '  SECONDS=n        length of fuzz'
	@echo '  TEST_KERNELS="a b"  kernels that test may fetch and build below build/, once: kvm unless told;'
	@echo '                   uml (3 minutes), debug (5), kvm-debug (7); empty: only what is here'
	@echo '  V=1              say more'
	@echo
	@echo 'The same and more from $(EXTSPT) <verb> --help'

setup:
	@generator/setup.sh

setup-bench:
	@generator/setup.sh bench

bench: setup-bench
	@$(EXTSPT) bench $(verbose) $(tree) $(host) $(runner) $(designs) $(workload)

test: setup
	@EXTSPT_TEST_KERNELS='$(TEST_KERNELS)' $(VENV_PYTHON) -m pytest $(T)

test-matrix: setup-bench
	@$(EXTSPT) tree matrix $(verbose) $(if $(KERNELS),--kernels '$(KERNELS)') $(designs) \
		$(if $(OWN),--own) $(if $(OUT),--out '$(OUT)')

render build: setup-bench
	@$(EXTSPT) $@ $(verbose) $(tree) $(host) $(designs)

run: setup-bench
	@$(EXTSPT) run $(verbose) $(tree) $(host) $(runner) $(designs) $(workload)

list doctor report: setup-bench
	@$(EXTSPT) $@ $(verbose) $(if $(filter doctor,$@),$(tree))

calibrate: setup-bench
	@$(EXTSPT) calibrate $(verbose) $(tree) $(if $(RUNNER),--runner '$(RUNNER)') \
		$(if $(KSRC),--ksrc '$(KSRC)') $(if $(BLOCKS),--blocks '$(BLOCKS)')

contention-spread: setup-bench
	@$(EXTSPT) run $(verbose) $(tree) --runner $(or $(RUNNER),uml) $(if $(KSRC),--ksrc '$(KSRC)') \
		$(designs) --workloads '$(or $(WORKLOADS),same_range$(comma)convert)' \
		--blocks '$(or $(BLOCKS),5)' --builds 1 --seed '$(or $(SEED),1)'
	@$(EXTSPT) summarize --spread

menuconfig: setup-bench
	$(if $(NAME),,$(error which design? make menuconfig NAME=<name>))
	@$(EXTSPT) menuconfig '$(NAME)'

check-style: setup
	@$(VENV_PYTHON) -m ruff check .
	@$(VENV_PYTHON) -m mypy
	@$(EXTSPT) style $(verbose) $(tree) $(designs)

kvm: setup-bench
	$(if $(KSRC),,$(error which source? make kvm KSRC=<full source> KDIR=<tree of its version>))
	@$(EXTSPT) kvm build $(verbose) '$(KSRC)' $(tree)

twin-conformance: setup-bench
	@$(EXTSPT) kvm conform $(verbose) $(tree) $(if $(VARIANTS),--variants '$(VARIANTS)')

test-kvm: setup
	@$(EXTSPT) tree fetch $(or $(SUITE),sid)
	@$(EXTSPT) kernel fetch $(or $(SUITE),sid) $(SERIES)
	@EXTSPT_TEST_KERNELS='$(TEST_KERNELS)' $(VENV_PYTHON) -m pytest tests/boot/test_kvm.py tests/boot/test_metal_guest.py \
		tests/boot/test_kvm_debug.py

check-variants: setup-bench
	@$(EXTSPT) check $(verbose) $(tree) $(designs) $(if $(filter 0,$(DEBUG)),--no-debug) \
		$(if $(AGAIN),--again)

gate-selftest: setup-bench
	@$(EXTSPT) check --seeded $(verbose) $(tree)

gate-repeat: setup-bench
	@$(EXTSPT) check --quick --repeat $(or $(RUNS),20) $(verbose) $(tree) $(designs) \
		$(if $(AGAIN),--again)

conformance: setup
	@$(EXTSPT) seam conformance $(if $(TRACES),--traces '$(TRACES)') $(if $(KTAP),--ktap)

fuzz: setup
	@$(EXTSPT) seam --flavour asan fuzz --seconds $(or $(SECONDS),3600) --seed $(or $(SEED),1)

clean:
	@find build -mindepth 1 -maxdepth 1 ! -name kernels ! -name trees ! -name tools \
		! -name sources ! -name kernels-own \
		-exec rm -rf {} + 2>/dev/null || :
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .asv

distclean: clean
	@rm -rf build .venv extspt_bench.egg-info
