# SPDX-License-Identifier: GPL-2.0-only
"""variants/Kconfig and one fragment, read strictly: every warning of kconfiglib is an error.

kconfiglib keeps quiet about unknown symbols, falls back on out-of-range values and drops
assignments whose dependency is not met. A bench that measured another design than the
fragment names would be worse than none, so each assigned value is compared with the
effective one.
"""

from __future__ import annotations

import contextlib
import difflib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kconfiglib

from generator import layout
from generator.errors import ConfigError

PREFIX = "EXTSPT_"
_SET = re.compile(r"CONFIG_(?P<name>\w+)=(?P<value>.*)")
_UNSET = re.compile(r"# CONFIG_(?P<name>\w+) is not set")
_NUMBER = re.compile(r"[0-9]+")
_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')
_KINDS = {kconfiglib.BOOL: "bool", kconfiglib.INT: "int", kconfiglib.STRING: "string"}


@dataclass(frozen=True)
class Symbol:
    """One Kconfig symbol and its effective value (bool, int or str, as ``kind`` says)."""

    name: str
    kind: str
    value: bool | int | str
    prompt: str
    help: str
    file: str
    in_choice: bool
    active: bool        # its dependencies are met
    assigned: bool      # the fragment names it; otherwise the default holds


@dataclass(frozen=True)
class _Line:
    """One assignment of a fragment, as written."""

    file: str
    number: int
    name: str
    value: str

    @property
    def where(self) -> str:
        return f"{self.file}:{self.number}"


def load(fragment: Path, root: Path = layout.ROOT) -> tuple[Symbol, ...]:
    """Effective symbols of a fragment, in Kconfig order.

    Raises ConfigError with every fault of the fragment, each as file:line: symbol: message.
    """
    tree = parse(root)
    lines = _read(fragment, _shown(fragment, root))
    for line in lines:
        _refuse_unassignable(tree, line)
    _refuse_repeats(tree, lines)
    tree.warn_assign_undef = True
    try:
        tree.load_config(str(fragment))
    except (OSError, kconfiglib.KconfigError) as error:
        raise ConfigError(str(error), where=_shown(fragment, root)) from error
    _refuse_warnings(tree, _shown(fragment, root))
    _refuse_lost(tree, lines)
    named = {line.name for line in lines}
    symbols = tuple(_symbol(sym, named) for sym in tree.unique_defined_syms)
    _refuse_warnings(tree, _shown(fragment, root))  # a bad default shows only when evaluated
    return symbols


def assignments(fragment: Path, root: Path = layout.ROOT) -> dict[str, str]:
    """Symbol -> value as a fragment writes it, unchecked; ConfigError when it is malformed."""
    return {line.name: line.value for line in _read(fragment, _shown(fragment, root))}


def parse(root: Path = layout.ROOT) -> Any:
    """The kconfiglib tree of ``root``/variants/Kconfig; ConfigError when it has any fault."""
    top = "variants/Kconfig"
    with environment(srctree=str(root), CONFIG_="CONFIG_", KCONFIG_WARN_UNDEF="y"):
        try:
            tree = kconfiglib.Kconfig(top, warn_to_stderr=False)
        except (OSError, kconfiglib.KconfigError) as error:
            raise ConfigError(str(error).strip(), where=top) from error
    _refuse_warnings(tree, top)
    return tree


@contextlib.contextmanager
def environment(**values: str) -> Iterator[None]:
    """kconfiglib and Kconfig files take these from the environment, and only from there."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _shown(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def _read(fragment: Path, shown: str) -> list[_Line]:
    try:
        text = fragment.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read: {error}", where=shown) from error
    lines = []
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.rstrip()
        if found := _SET.fullmatch(line):
            lines.append(_Line(shown, number, found["name"], found["value"]))
        elif found := _UNSET.fullmatch(line):
            lines.append(_Line(shown, number, found["name"], "n"))
        elif line and not line.lstrip().startswith("#"):
            raise ConfigError(f"malformed line: {line}", where=f"{shown}:{number}",
                              fix="allowed: CONFIG_<symbol>=<value>, "
                                  "'# CONFIG_<symbol> is not set', comments")
    return lines


def _refuse_unassignable(tree: Any, line: _Line) -> None:
    """Unknown symbols, values of the wrong type and symbols without a prompt."""
    sym = tree.syms.get(line.name)
    if sym is None or not sym.nodes:
        known = [s.name for s in tree.unique_defined_syms]
        close = difflib.get_close_matches(line.name, known, n=3) or known
        raise ConfigError(f"{line.name} is not a symbol of variants/Kconfig", where=line.where,
                          fix=f"known: {', '.join(close)}")
    form = {"bool": re.compile("[yn]"), "int": _NUMBER, "string": _TEXT}[_kind(sym)]
    if not form.fullmatch(line.value):
        raise ConfigError(f"{line.name}: '{line.value}' is no {_kind(sym)} value",
                          where=line.where, fix=f"allowed: {_allowed(sym)}")
    if not any(node.prompt for node in sym.nodes):
        raise ConfigError(f"{line.name} has no prompt: it follows from other symbols",
                          where=line.where, fix=f"remove the line; defined at {_location(sym)}")


def _refuse_repeats(tree: Any, lines: list[_Line]) -> None:
    """A symbol assigned twice, or two choices of one axis."""
    first: dict[object, _Line] = {}
    for line in lines:
        sym = tree.syms[line.name]
        if line.name in first:
            raise ConfigError(f"{line.name} is assigned twice", where=line.where,
                              fix=f"the first is at line {first[line.name].number}; keep one")
        first[line.name] = line
        if sym.choice is None or line.value != "y":
            continue
        if (other := first.get(sym.choice)) is not None:
            raise ConfigError(f"{line.name}: {other.name} of the same choice is y already",
                              where=line.where, fix=f"keep one; line {other.number} has the other")
        first[sym.choice] = line


def _refuse_warnings(tree: Any, where: str) -> None:
    if tree.warnings:
        texts = [str(text).replace("warning: ", "", 1).strip() for text in tree.warnings]
        raise ConfigError(texts[0], where=where, fix="Kconfig warnings are errors here",
                          evidence="\n".join(texts[1:]))


def _refuse_lost(tree: Any, lines: list[_Line]) -> None:
    """Every assigned value must be the effective one."""
    for line in lines:
        sym = tree.syms[line.name]
        wanted = kconfiglib.unescape(line.value[1:-1]) if _kind(sym) == "string" else line.value
        # An inactive bool is n whatever the fragment says, so "is not set" is true of it.
        if sym.str_value == wanted or (_kind(sym) == "int" and _same_number(sym, wanted)):
            continue
        raise ConfigError(f"{line.name}={line.value} does not hold: {_why_lost(sym, wanted)}",
                          where=line.where, fix=f"allowed: {_allowed(sym, here=True)}")


def _same_number(sym: Any, wanted: str) -> bool:
    return bool(sym.str_value) and int(sym.str_value) == int(wanted)


def _why_lost(sym: Any, wanted: str) -> str:
    if unmet := _unmet(sym.direct_dep):
        return f"it depends on {' && '.join(unmet)}, which is not met"
    if sym.choice is not None and wanted == "y":
        return f"{getattr(sym.choice.selection, 'name', 'nothing')} is chosen"
    if _kind(sym) == "bool" and wanted == "n":
        return f"it is selected by {kconfiglib.expr_str(sym.rev_dep)}"
    return f"out of range, it would silently become '{sym.str_value}'"


def _unmet(dependency: Any) -> list[str]:
    terms = kconfiglib.split_expr(dependency, kconfiglib.AND)
    return [_expression(term) for term in terms if not kconfiglib.expr_value(term)]


def _expression(term: Any) -> str:
    text = str(kconfiglib.expr_str(term))
    return f"({text})" if isinstance(term, tuple) and term[0] is kconfiglib.OR else text


def _allowed(sym: Any, *, here: bool = False) -> str:
    """What may be assigned to a symbol, for a message; ``here``: beside what else is set."""
    if _kind(sym) == "string":
        return 'text in double quotes, \\" and \\\\ escaped'
    if _kind(sym) == "bool":
        if sym.choice is None:
            return "y, n (or '# CONFIG_... is not set')"
        possible = [s.name for s in sym.choice.syms
                    if not here or kconfiglib.expr_value(s.direct_dep)]
        return f"y for one of {', '.join(possible)}" if possible else "nothing beside the others"
    spans = [f"{low.str_value} to {high.str_value}" for low, high, condition in sym.ranges
             if kconfiglib.expr_value(condition)]
    return spans[0] if spans else "a decimal number"


def _kind(sym: Any) -> str:
    try:
        return _KINDS[sym.orig_type]
    except KeyError:
        raise ConfigError(f"{sym.name} is neither bool, int nor string",
                          where=_location(sym)) from None


def _location(sym: Any) -> str:
    return f"{sym.nodes[0].filename}:{sym.nodes[0].linenr}"


def _symbol(sym: Any, named: set[str]) -> Symbol:
    kind, node = _kind(sym), sym.nodes[0]
    active = bool(kconfiglib.expr_value(sym.direct_dep))
    value: bool | int | str = sym.str_value
    if kind == "bool":
        value = sym.str_value == "y"
    elif kind == "int":
        value = int(sym.str_value or 0)
    return Symbol(sym.name, kind, value, node.prompt[0] if node.prompt else "",
                  (node.help or "").strip(), node.filename, sym.choice is not None,
                  active and sym.str_value != "", sym.name in named)
