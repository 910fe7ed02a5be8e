# SPDX-License-Identifier: GPL-2.0-only
"""Why an option of a kernel tree is off: its unmet dependencies, from the tree's own Kconfig.

The values are those of the tree's .config: no compiler is asked, nothing is recomputed, and the
answer holds for the kernel as it was configured.
"""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import kconfiglib

from generator.errors import ConfigError, UsageError
from generator.modules import kconfig

_WITHOUT_EFFECT = ("transitional", "modules")
_CONDITIONAL = re.compile(r"^(\s*depends\s+on\s+)(.*\S)\s+if\s+(.*\S)\s*$")
_FUNCTIONS = "generator_kconfig_functions"
_LEVEL = {"n": 0, "m": 1, "y": 2}
_DEPTH = 4


class LinuxKconfig(kconfiglib.Kconfig):  # type: ignore[misc]
    """Kconfig of any kernel; knows what the language learnt after kconfiglib's last release.

    ``transitional`` (6.18) marks symbols that only carry a value over from an old .config, and
    ``modules`` (5.13) the symbol that is MODULES anyway: neither has an effect here.
    ``depends on A if B`` (7.0) is !B || A.
    """

    def _tokenize(self, s: str) -> Any:
        if s.partition("#")[0].strip() in _WITHOUT_EFFECT:
            self._line = s
            return (None,)
        if (found := _CONDITIONAL.match(s.partition("#")[0])) is not None:
            s = f"{found[1]}!({found[3]}) || ({found[2]})\n"
        return super()._tokenize(s)


@dataclass(frozen=True)
class Reason:
    """One line of an answer: how deep it is indented, and what it says."""

    depth: int
    text: str


def parse(source: Path, arch: str) -> LinuxKconfig:
    """The Kconfig of a full source tree; ``arch``: x86_64 or um. ConfigError when it cannot be."""
    if not (source / "Kconfig").is_file():
        raise ConfigError("there is no Kconfig: header packages leave it out", where=str(source),
                          fix="give the full source of this kernel: extspt kernel fetch SUITE")
    srcarch = "um" if arch == "um" else "x86"
    with kconfig.environment(srctree=str(source), ARCH=arch, SRCARCH=srcarch, HEADER_ARCH="x86",
                             SUBARCH="x86_64", KERNELVERSION="", CC="cc", LD="ld",
                             CONFIG_="CONFIG_", KCONFIG_FUNCTIONS=_FUNCTIONS):
        # The tree's macros ask the compiler some 300 times; the .config has the answers.
        sys.modules[_FUNCTIONS] = SimpleNamespace(  # type: ignore[assignment]
            functions={"shell": (lambda *_: "n", 1, 1)})
        try:
            return LinuxKconfig("Kconfig", warn=False)
        except (kconfiglib.KconfigError, OSError) as error:
            raise ConfigError(f"the tree's Kconfig cannot be read: {error}", where=str(source),
                              fix="is its source complete?") from error
        finally:
            del sys.modules[_FUNCTIONS]


def why(tree: kconfiglib.Kconfig, name: str, config: Mapping[str, str]) -> list[Reason]:
    """Why a symbol has the value it has in ``config`` (symbol -> value, without CONFIG_).

    UsageError for a symbol no Kconfig file defines, with the nearest names.
    """
    name = name.removeprefix("CONFIG_")
    symbol = tree.syms.get(name)
    if symbol is None or not symbol.nodes:
        near = difflib.get_close_matches(name, [s.name for s in tree.unique_defined_syms])
        raise UsageError(f"no Kconfig file of this tree defines CONFIG_{name}",
                         fix=f"did you mean {', '.join(near)}?" if near else "is it a new option?")
    value = config.get(name, "n")
    head = Reason(0, f"CONFIG_{name} is {value if value != 'n' else 'off'}: {_place(symbol)}")
    if value != "n":
        return [head]
    return [head, *_off(symbol, config, 1, {name})]


def _off(symbol: Any, config: Mapping[str, str], depth: int, seen: set[str]
         ) -> Iterator[Reason]:
    """What keeps a symbol off: a dependency, a missing select, or only that nobody set it."""
    if not level(symbol.direct_dep, config):
        yield from _unmet(symbol.direct_dep, config, depth, seen)
        return
    if any(node.prompt and level(node.prompt[1], config) for node in symbol.nodes):
        yield Reason(depth, "its dependencies are met; it is only not set: "
                            f"scripts/config -e {symbol.name}, then make olddefconfig")
        return
    selectors = [part[1] if isinstance(part, tuple) else part
                 for part in _split(symbol.rev_dep, kconfiglib.OR)]
    names = sorted({s.name for s in selectors if getattr(s, "nodes", None)})
    yield Reason(depth, "it cannot be set by hand"
                 + (f"; it is selected by {', '.join(names[:8])}" if names
                    else ": its default decides"))


def _unmet(expression: Any, config: Mapping[str, str], depth: int, seen: set[str]
           ) -> Iterator[Reason]:
    for part in _split(expression, kconfiglib.AND):
        if level(part, config):
            continue
        yield Reason(depth, f"needs {_shown(part, config)}")
        symbol = part if isinstance(part, kconfiglib.Symbol) else None
        if symbol is not None and symbol.nodes and symbol.name not in seen and depth < _DEPTH:
            seen.add(symbol.name)   # each is explained once
            yield from _off(symbol, config, depth + 1, seen)


def level(expression: Any, config: Mapping[str, str]) -> int:
    """Value of a dependency: 0, 1 or 2 for n, m and y."""
    if not isinstance(expression, tuple):
        return _LEVEL.get(_value(expression, config), 0)
    operator, *operands = expression
    if operator is kconfiglib.NOT:
        return 2 - level(operands[0], config)
    if operator in (kconfiglib.AND, kconfiglib.OR):
        levels = (level(operand, config) for operand in operands)
        return min(levels) if operator is kconfiglib.AND else max(levels)
    return 2 * _compare(operator, *(_value(operand, config) for operand in operands))


def _compare(operator: Any, left: str, right: str) -> bool:
    order = [(int(left, 0) > int(right, 0)) - (int(left, 0) < int(right, 0))
             if left.isdigit() and right.isdigit() else (left > right) - (left < right)][0]
    return {kconfiglib.EQUAL: order == 0, kconfiglib.UNEQUAL: order != 0,
            kconfiglib.LESS: order < 0, kconfiglib.LESS_EQUAL: order <= 0,
            kconfiglib.GREATER: order > 0, kconfiglib.GREATER_EQUAL: order >= 0}[operator]


def _value(item: Any, config: Mapping[str, str]) -> str:
    """Value of a symbol in the .config; a choice counts as set when one of its symbols is."""
    if isinstance(item, kconfiglib.Choice):
        values = [_value(symbol, config) for symbol in item.syms]
        return max(values, key=lambda value: _LEVEL.get(value, 0), default="n")
    if item.is_constant or not item.nodes:
        return str(item.name)   # kconfiglib makes a symbol of a number, too
    return str(config.get(item.name, "n")).strip('"')


def _split(expression: Any, operator: Any) -> Iterator[Any]:
    if isinstance(expression, tuple) and expression[0] is operator:
        for operand in expression[1:]:
            yield from _split(operand, operator)
    else:
        yield expression


def _shown(part: Any, config: Mapping[str, str]) -> str:
    """An expression with the value of each symbol in it, as in FOO (=n) || BAR (=m)."""
    def show(item: Any) -> str:
        plain = isinstance(item, kconfiglib.Choice) or not item.nodes
        value = "" if plain else f" (={_value(item, config)})"
        return f"{kconfiglib.standard_sc_expr_str(item)}{value}"

    return str(kconfiglib.expr_str(part, show))


def _place(symbol: Any) -> str:
    node = symbol.nodes[0]
    prompt = f' "{node.prompt[0]}"' if node.prompt else ""
    return f"{node.filename}:{node.linenr}{prompt}"
