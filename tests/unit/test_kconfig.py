# SPDX-License-Identifier: GPL-2.0-only
"""Whatever kconfiglib only warns about must be an error that names file, line and symbol."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from generator import layout
from generator.errors import ConfigError
from generator.modules import kconfig

HEAD = 'CONFIG_EXTSPT_TITLE="t"\nCONFIG_EXTSPT_ORIGIN="o"\nCONFIG_EXTSPT_DESIGN="d"\n'


def load(root: Path, text: str) -> dict[str, kconfig.Symbol]:
    fragment = root / "variants" / "tried.config"
    fragment.write_text(HEAD + text)
    return {s.name: s for s in kconfig.load(fragment, root)}


def fault(root: Path, text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load(root, text)
    assert caught.value.exit_code == 10
    return caught.value


def test_effective_values(small_tree: Path) -> None:
    symbols = load(small_tree, "CONFIG_EXTSPT_CACHE_MIN=40\n"
                               "# CONFIG_EXTSPT_CACHE_ACCOUNT is not set\n")
    assert symbols["EXTSPT_CACHE_MIN"].value == 40
    assert symbols["EXTSPT_CACHE_ACCOUNT"].value is False
    assert symbols["EXTSPT_CACHE_BIG"].value is True          # follows from the minimum
    assert symbols["EXTSPT_SOURCE_CACHE"].value is True       # the choice's default
    assert not symbols["EXTSPT_SOURCE_CACHE"].assigned
    assert symbols["EXTSPT_CACHE_MIN"].assigned
    assert symbols["EXTSPT_SOURCE_CACHE"].help == "Filled beforehand."


def test_inactive_symbols_are_marked(small_tree: Path) -> None:
    symbols = load(small_tree, "CONFIG_EXTSPT_SOURCE_LIST=y\n")
    assert not symbols["EXTSPT_CACHE_MIN"].active
    assert symbols["EXTSPT_CACHE_ACCOUNT"].active


@pytest.mark.parametrize(("line", "said", "fix"), [
    ("CONFIG_EXTSPT_CACHE_MIM=5", "EXTSPT_CACHE_MIM is not a symbol", "EXTSPT_CACHE_MIN"),
    ("CONFIG_EXTSPT_CACHE_MIN=0", "EXTSPT_CACHE_MIN=0", "1 to 40"),
    ("CONFIG_EXTSPT_CACHE_MIN=41", "out of range", "1 to 40"),
    ("CONFIG_EXTSPT_CACHE_MIN=0x5", "no int value", "1 to 40"),
    ("CONFIG_EXTSPT_CACHE_MIN=", "no int value", "1 to 40"),
    ("CONFIG_EXTSPT_CACHE_ACCOUNT=yes", "no bool value", "y, n"),
    ("CONFIG_EXTSPT_CACHE_ACCOUNT=m", "no bool value", "y, n"),
    ("CONFIG_EXTSPT_SOURCE_CACHE=1", "no bool value", "EXTSPT_SOURCE_LIST"),
    ("CONFIG_EXTSPT_CACHE_BIG=y", "no prompt", "remove the line"),
    ("EXTSPT_CACHE_MIN=5", "malformed line", "CONFIG_<symbol>=<value>"),
    ("CONFIG_EXTSPT_CACHE_MIN = 5", "malformed line", "CONFIG_<symbol>=<value>"),
    ("nonsense", "malformed line", "comments"),
])
def test_bad_line_is_named(small_tree: Path, line: str, said: str, fix: str) -> None:
    error = fault(small_tree, f"{line}\n")
    assert error.where == "variants/tried.config:4"
    assert said in error.what
    assert fix in error.fix


def test_bad_string_literal(small_tree: Path) -> None:
    fragment = small_tree / "variants" / "tried.config"
    fragment.write_text("CONFIG_EXTSPT_TITLE=bare words\n")
    with pytest.raises(ConfigError, match="no string value"):
        kconfig.load(fragment, small_tree)


def test_repeated_assignment(small_tree: Path) -> None:
    error = fault(small_tree, "CONFIG_EXTSPT_CACHE_MIN=5\nCONFIG_EXTSPT_CACHE_MIN=5\n")
    assert "assigned twice" in error.what
    assert error.where.endswith(":5")
    assert "line 4" in error.fix


def test_two_choices_of_one_axis(small_tree: Path) -> None:
    error = fault(small_tree, "CONFIG_EXTSPT_SOURCE_CACHE=y\nCONFIG_EXTSPT_SOURCE_LIST=y\n")
    assert "EXTSPT_SOURCE_CACHE of the same choice" in error.what
    assert error.where.endswith(":5")


def test_unmet_dependency_names_the_expression(small_tree: Path) -> None:
    error = fault(small_tree, "CONFIG_EXTSPT_SOURCE_LIST=y\nCONFIG_EXTSPT_GUARD_NONE=y\n")
    assert "EXTSPT_SOURCE_LIST=y does not hold" in error.what
    assert "depends on EXTSPT_GUARD_SPIN" in error.what
    assert error.where.endswith(":4")
    assert error.fix == "allowed: y for one of EXTSPT_SOURCE_CACHE"     # not the one just refused


def test_tunable_of_another_choice(small_tree: Path) -> None:
    error = fault(small_tree, "CONFIG_EXTSPT_SOURCE_LIST=y\nCONFIG_EXTSPT_CACHE_MIN=5\n")
    assert "depends on EXTSPT_SOURCE_CACHE" in error.what


@pytest.mark.parametrize(("text", "said"), [
    ("config EXTSPT_X\n\tbool \"x\"\n\tdepends on EXTSPT_NOWHERE\n", "EXTSPT_NOWHERE"),
    ("config EXTSPT_X\n\tint \"x\"\n\trange 1 5\n\tdefault 9\n", "EXTSPT_X"),
    ("config EXTSPT_X\n\tbool \"x\"\n\tselect\n", "kmod/axes/extra/Kconfig:3"),
    ("config EXTSPT_X\n\thex \"x\"\n\tdefault 0x1\n", "neither bool, int nor string"),
])
def test_faulty_kconfig(small_tree: Path, text: str, said: str) -> None:
    extra = small_tree / "kmod" / "axes" / "extra"
    extra.mkdir()
    (extra / "Kconfig").write_text(text)
    error = fault(small_tree, "")
    assert said in str(error)


def test_missing_and_unreadable_fragment(small_tree: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        kconfig.load(small_tree / "variants" / "absent.config", small_tree)
    broken = small_tree / "variants" / "broken.config"
    broken.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="cannot be read"):
        kconfig.load(broken, small_tree)


def test_missing_kconfig(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="variants/Kconfig"):
        kconfig.parse(tmp_path)


def test_environment_is_put_back(small_tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("srctree", "/elsewhere")
    monkeypatch.delenv("KCONFIG_WARN_UNDEF", raising=False)
    load(small_tree, "")
    assert os.environ["srctree"] == "/elsewhere"    # noqa: SIM112 (kconfiglib's own name)
    assert "KCONFIG_WARN_UNDEF" not in os.environ


def test_nothing_is_printed(small_tree: Path, capfd: pytest.CaptureFixture[str]) -> None:
    fault(small_tree, "CONFIG_EXTSPT_CACHE_MIN=99\n")
    assert capfd.readouterr() == ("", "")


def test_every_axis_choice_and_tunable_has_a_help_text() -> None:
    """What may not be combined is a dependency with its reason, and no #error in C."""
    tree = kconfig.parse()
    for item in (*tree.unique_choices, *tree.unique_defined_syms):
        assert all(node.help for node in item.nodes), item.name or item.nodes[0].prompt
    for path in (layout.ROOT / "kmod").rglob("*.[ch]"):
        assert "#error" not in path.read_text(), path
