# SPDX-License-Identifier: GPL-2.0-only
"""Module load of kmod/tdx: whichever step fails, what was set up is taken down, in reverse."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from generator import layout

STEPS = ("seam", "refcounts", "lock", "split")
HALVES = ("lock", "split")
"""Choices: "exit follows in any case", say contract.h of pamt_lock and split_source."""
HOST = """
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static int failing, step;
#define UP(name, ...) static int name(__VA_ARGS__) { puts("+" #name); return step++ == failing; }
#define DOWN(name) static void name(void) { puts("-" #name); }
UP(seam_start, bool check)
UP(pamt_refcounts_init, void)
UP(pamt_lock_init, void)
UP(split_source_init, void)
DOWN(seam_exit)
DOWN(pamt_refcounts_exit)
DOWN(pamt_lock_exit)
DOWN(split_source_exit)
static void vendor_call_init(void) { }
"""
MAIN = """
int main(int argc, char **argv)
{
	failing = atoi(argv[argc - 1]);
	return extspt_tdx_init() != (failing < 4);
}
"""


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("init")
    found = re.search(r"^int extspt_tdx_init\(void\)\n\{.*?^\}\n",
                      (layout.KMOD / "tdx/td.c").read_text(), re.MULTILINE | re.DOTALL)
    assert found
    (folder / "host.c").write_text(f"{HOST}{found[0]}{MAIN}")
    subprocess.run(["gcc", "-Wall", "-Werror", "-Wno-unused-function", folder / "host.c", "-o",
                    folder / "host"], check=True)
    return folder / "host"


@pytest.mark.parametrize("failing", range(len(STEPS) + 1))
def test_a_failed_load_leaves_nothing(host: Path, failing: int) -> None:
    done = subprocess.run([host, str(failing)], text=True, capture_output=True, check=True)
    words = [next(step for step in STEPS if step in line) for line in done.stdout.splitlines()
             if line.startswith("-")]
    made = [step for step in STEPS[:failing + 1] if step in HALVES or step != STEPS[failing]] \
        if failing < len(STEPS) else []
    assert words == made[::-1]
