# SPDX-License-Identifier: GPL-2.0-only
"""Why an option is off, from a small Kconfig with all that the kernel's language has."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from generator.errors import ConfigError, UsageError
from generator.trees import kconfigtree

KCONFIG = """mainmenu "test"
config MODULES
\tbool "modules"
\tmodules

config OLD_NAME
\tbool
\ttransitional # since 6.18
\thelp
\t  Carries a value over.

config NEW_NAME
\tbool "new"
\tdefault OLD_NAME

config CC_IS_GCC
\tdef_bool $(success,$(CC) --version)

success = $(shell,{ $(1); } >/dev/null 2>&1 && echo y || echo n)

config BASE
\tbool "base"

config PICKED
\tbool
\tdepends on BASE

config NEEDS
\tbool "needs"
\tdepends on BASE && (NEW_NAME || !MODULES)
\tselect PICKED

config DEEP
\ttristate "deep"
\tdepends on NEEDS

config SIZE
\tint "size"
\tdefault 8

config BIG
\tbool "big"
\tdepends on SIZE > 9

config WHEN
\tbool "when"
\tdepends on BASE if MODULES

config ALONE
\tbool
"""


@pytest.fixture
def tree(tmp_path: Path) -> kconfigtree.LinuxKconfig:
    (tmp_path / "Kconfig").write_text(KCONFIG.replace("success = ", "", 1).replace(
        "$(shell,{ $(1); } >/dev/null 2>&1 && echo y || echo n)\n", "", 1).replace(
        "$(success,$(CC) --version)", "$(shell,touch ran && echo y)"))
    found = kconfigtree.parse(tmp_path, "x86_64")
    assert not Path("ran").exists()     # no program is run
    return found


def texts(tree: kconfigtree.LinuxKconfig, name: str, **config: str) -> list[str]:
    return ["  " * reason.depth + reason.text for reason in kconfigtree.why(tree, name, config)]


def test_newer_words_of_the_language(tree: kconfigtree.LinuxKconfig) -> None:
    assert {"OLD_NAME", "NEW_NAME", "MODULES"} <= tree.syms.keys()
    assert tree.syms["OLD_NAME"].nodes[0].help == "Carries a value over."
    assert "SRCARCH" not in os.environ or os.environ["SRCARCH"] != "x86"


@pytest.mark.parametrize(("config", "unmet"), [
    ({"MODULES": "y"}, True), ({"MODULES": "y", "BASE": "y"}, False), ({}, False)])
def test_conditional_dependency(tree: kconfigtree.LinuxKconfig, config: Mapping[str, str],
                                unmet: bool) -> None:
    assert ("needs" in texts(tree, "WHEN", **config)[1]) is unmet


def test_unmet_dependencies_down_to_what_can_be_set(tree: kconfigtree.LinuxKconfig) -> None:
    assert texts(tree, "CONFIG_DEEP", MODULES="y") == [
        'CONFIG_DEEP is off: Kconfig:32 "deep"',
        "  needs NEEDS (=n)",
        "    needs BASE (=n)",
        "      its dependencies are met; it is only not set: scripts/config -e BASE, "
        "then make olddefconfig",
        "    needs NEW_NAME (=n) || !MODULES (=y)"]


def test_option_that_is_on(tree: kconfigtree.LinuxKconfig) -> None:
    assert texts(tree, "DEEP", DEEP="m") == ['CONFIG_DEEP is m: Kconfig:32 "deep"']


def test_options_without_a_prompt(tree: kconfigtree.LinuxKconfig) -> None:
    assert "selected by NEEDS" in texts(tree, "PICKED", BASE="y")[1]
    assert "its default decides" in texts(tree, "ALONE")[1]


@pytest.mark.parametrize(("size", "unmet"), [("9", True), ("10", False), ("100", False)])
def test_numbers_are_compared_as_numbers(tree: kconfigtree.LinuxKconfig, size: str,
                                         unmet: bool) -> None:
    assert ("needs SIZE" in texts(tree, "BIG", SIZE=size)[1]) is unmet


def test_unknown_option_names_the_nearest(tree: kconfigtree.LinuxKconfig) -> None:
    with pytest.raises(UsageError, match="no Kconfig file") as caught:
        kconfigtree.why(tree, "NEW_NAMES", {})
    assert "NEW_NAME" in caught.value.fix


def test_headers_have_no_kconfig(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="header packages") as caught:
        kconfigtree.parse(tmp_path, "x86_64")
    assert "extspt kernel fetch" in caught.value.fix


def test_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "Kconfig").write_text('source "gone/Kconfig"\n')
    with pytest.raises(ConfigError, match="cannot be read"):
        kconfigtree.parse(tmp_path, "x86_64")


def test_a_real_source(kernel_source: Path) -> None:
    start = time.monotonic()
    tree = kconfigtree.parse(kernel_source, "x86_64")
    assert time.monotonic() - start < 30
    assert "needs" in " ".join(texts(tree, "LOCK_STAT", DEBUG_KERNEL="n"))
