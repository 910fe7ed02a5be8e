# SPDX-License-Identifier: GPL-2.0-only
# 'make help' says what there is.

EXTSPT := .venv/bin/extspt
VENV_PYTHON := .venv/bin/python

# Variables of the command line, as options of the verbs that know them.
verbose  := $(if $(filter 1,$(V)),-v)
# A tree built with O= is its build folder.
tree     := $(if $(O)$(KDIR),--kdir '$(or $(O),$(KDIR))')
runner   := $(if $(RUNNER),--runner '$(RUNNER)') $(if $(KSRC),--ksrc '$(KSRC)') $(if $(FORCE),--force)
designs  := $(if $(VARIANTS),--variants '$(VARIANTS)')
workload := $(if $(WORKLOADS),--workloads '$(WORKLOADS)') $(if $(VCPUS),--vcpus '$(VCPUS)') \
	    $(if $(SEED),--seed '$(SEED)') $(if $(COSTS),--costs '$(COSTS)')

.PHONY: help setup setup-bench bench test test-matrix render build run report menuconfig list doctor \
	check-style conformance fuzz clean distclean
# Kbuild would take O= and V= of this command line, handed down in MAKEFLAGS, for its own.
MAKEOVERRIDES :=
# One thing at a time; the verbs use all CPUs themselves.
.NOTPARALLEL:

help:
	@echo 'Main targets'
	@echo '  bench        set up, build all designs, boot, measure, and write the reports'
	@echo '  test         set up, run all tests (real builds and boots among them)'
	@echo '  test-matrix  builds and boots on kernels x trees x compilers: KERNELS="6.12 7.2"'
	@echo '               fetches headers of the mirror; OWN=1 builds own kernels, too'
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
	@echo '  check-style  checkpatch --strict, sparse, W=1 -Werror, ruff, mypy'
	@echo '  conformance  the SEAM model against the recorded traces, per leaf and status'
	@echo '  fuzz         random calls to the SEAM model under ASan and UBSan, for an hour'
	@echo '  clean        remove what render, build and the tests made'
	@echo '  distclean    also .venv, the kernel image and the tools; results/ stays'
	@echo
	@echo 'Variables (example: make bench VARIANTS=kvm_owned,split_ops COSTS=high)'
	@echo '  KDIR=dir         another kernel tree: headers, a build folder (also as O=), or a'
	@echo '                   folder of extspt tree fetch; make doctor KDIR=dir looks at it'
	@echo '  RUNNER=name      qemu, or uml: native speed; needs KDIR= of a UML kernel, or KSRC='
	@echo '  KSRC=dir         full kernel source: a small kernel is built from it, once'
	@echo '  FORCE=1          measure where it is refused, and mark the result'
	@echo '  VARIANTS=a,b     designs (default: all)'
	@echo '  WORKLOADS=a,b    workloads (default: all)'
	@echo '  VCPUS=n          vCPU threads of the contention boot'
	@echo '  SEED=n           seed of the order in which the designs are loaded'
	@echo '  COSTS=name       SEAMCALL cost table of the contention boot'
	@echo '  TRACES=dir       traces for conformance (default: tests/data/seam); KTAP=1'
	@echo '  SECONDS=n        length of fuzz'
	@echo '  V=1              say more'
	@echo
	@echo 'The same and more from $(EXTSPT) <verb> --help'

setup:
	@generator/setup.sh

setup-bench:
	@generator/setup.sh bench

bench: setup-bench
	@$(EXTSPT) bench $(verbose) $(tree) $(runner) $(designs) $(workload)

test: setup
	@$(VENV_PYTHON) -m pytest $(T)

test-matrix: setup-bench
	@$(EXTSPT) matrix $(verbose) $(if $(KERNELS),--kernels '$(KERNELS)') $(designs) \
		$(if $(OWN),--own)

render build: setup-bench
	@$(EXTSPT) $@ $(verbose) $(tree) $(designs)

run: setup-bench
	@$(EXTSPT) run $(verbose) $(tree) $(runner) $(designs) $(workload)

list doctor report: setup-bench
	@$(EXTSPT) $@ $(verbose) $(if $(filter doctor,$@),$(tree))

menuconfig: setup-bench
	$(if $(NAME),,$(error which design? make menuconfig NAME=<name>))
	@$(EXTSPT) menuconfig '$(NAME)'

check-style: setup
	@$(VENV_PYTHON) -m ruff check .
	@$(VENV_PYTHON) -m mypy
	@$(EXTSPT) style $(verbose) $(tree) $(designs)

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
