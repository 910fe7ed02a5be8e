#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Sets up a Debian 12 or 13 machine: system packages, virtual environment, kernel image.
# Idempotent, and quick when there is nothing to do. "setup.sh bench" leaves out what only
# the tests need. Exit code 15 (our rig) when something cannot be installed.

set -eu
# Python says where it lies without links; -P: so does the shell.
cd -P "$(dirname "$0")/.."

PACKAGES="python3-venv git make gcc libc6-dev kmod busybox-static cpio xz-utils
	qemu-system-x86 linux-headers-cloud-amd64"
# What a kernel of one's own asks for (extspt kernel build).
PACKAGES="$PACKAGES flex bison bc libelf-dev perl"
TEST_PACKAGES="sparse"
# The browser the pages are tested in.
TEST_PACKAGES="$TEST_PACKAGES chromium chromium-driver"
# The scripts of asv's pages, which would otherwise fetch them from elsewhere.
PAGE_PACKAGES="libjs-jquery libjs-jquery-flot libjs-jquery-stupidtable libjs-bootstrap"
STAMP=.venv/.extspt-setup
what=${1:-all}
python=${PYTHON:-python3}

say() {
	printf '  SETUP   %s\n' "$*" >&2
}

die() {
	printf 'extspt: setup: %s\n' "$*" >&2
	exit 15
}

missing_packages() {
	# dpkg-query leaves packages it never heard of out of its answer.
	present=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null || :)
	for package; do
		case "
$present
" in
		*"
$package installed
"*) ;;
		*) printf '%s ' "$package" ;;
		esac
	done
}

# Prints the prefix that makes a command run as root; fails when there is none.
root_prefix() {
	[ "$(id -u)" = 0 ] && return 0
	command -v sudo >/dev/null || return 1
	if sudo -n true 2>/dev/null || { [ -t 0 ] && sudo -v >&2; }; then
		echo sudo
	else
		return 1
	fi
}

# shellcheck disable=SC2086 # $apt is several words
install_packages() {
	prefix=$(root_prefix) ||
		die "neither root nor sudo here; as root, run: apt-get install $*"
	say "apt-get install $*"
	apt="$prefix env DEBIAN_FRONTEND=noninteractive apt-get -q -o Dpkg::Use-Pty=0"
	# A machine that never ran "update" knows no package; one with old lists gets 404s.
	apt-cache show "$@" >/dev/null 2>&1 || $apt update >&2 || :
	$apt install -y --no-install-recommends "$@" >&2 && return
	say "once more with fresh package lists"
	$apt update >&2 || :
	$apt install -y --no-install-recommends "$@" >&2 ||
		die "these packages could not be installed: $*"
}

make_venv() {
	"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
		die "Python 3.11 or newer is needed; $python is $("$python" -V 2>&1)"
	# A venv breaks when its Python is upgraded or the folder is moved.
	if [ "$(.venv/bin/python -c 'import sys; print(sys.prefix)' 2>/dev/null)" != "$PWD/.venv" ]; then
		say "virtual environment"
		rm -rf .venv
		"$python" -m venv .venv >&2 || die "python3 -m venv failed: install python3-venv"
	fi
	say "Python packages (about a minute the first time)"
	# A pipe hides pip's exit code; the marker is its success. Its errors go to stderr.
	rm -f .venv/.pip-done
	{ .venv/bin/python -m pip install --disable-pip-version-check --progress-bar off \
		--editable '.[test]' && touch .venv/.pip-done; } |
		sed -n -u -e 's/^\(Collecting\|Installing\|Successfully\) /  PIP     \1 /' \
			-e 's/^\(  PIP.\{90\}\).*/\1.../' -e '/^  PIP/p' >&2
	[ -f .venv/.pip-done ] || die "pip could not install the packages of pyproject.toml"
}

# Changes when the set-up has something to do: its inputs, the checkout, the kernels here.
state() {
	cat pyproject.toml generator/setup.sh generator/trees/image.py | cksum
	pwd
	ls -d /lib/modules/*/build 2>/dev/null || :
}

is_fresh() {
	[ -x .venv/bin/extspt ] && [ -f "$STAMP" ] && [ "$(state)" = "$(cat "$STAMP")" ] &&
		ls build/kernels/*/ >/dev/null 2>&1 &&
		{ [ "$what" = bench ] || [ -f build/tools/scripts/checkpatch.pl ]; }
}

case $(uname -s)-$(uname -m) in
Linux-x86_64) ;;
*) die "an x86-64 Linux machine is needed; this is $(uname -s) on $(uname -m)" ;;
esac
# shellcheck disable=SC2086,SC2116 # joins the lines
command -v dpkg-query >/dev/null || die "this knows Debian only; install by hand: $(echo $PACKAGES)"

[ "$what" = bench ] || PACKAGES="$PACKAGES $TEST_PACKAGES"
# shellcheck disable=SC2086 # a list
missing=$(missing_packages $PACKAGES)
# shellcheck disable=SC2086
[ -z "$missing" ] || install_packages $missing
# shellcheck disable=SC2086 # a list
missing=$(missing_packages $PAGE_PACKAGES)
# shellcheck disable=SC2086 # a subshell, as the bench does without them
[ -z "$missing" ] || (install_packages $missing) ||
	say "going on without $missing: asv's pages will need a network"

if is_fresh; then
	exit 0
fi
make_venv
say "kernel image of the installed headers"
.venv/bin/python -m generator.trees.image >&2
[ "$what" = bench ] || .venv/bin/python -m generator.modules.check >&2
state >"$STAMP"
say "done"
