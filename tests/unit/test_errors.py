# SPDX-License-Identifier: GPL-2.0-only
"""One exit code per stage, and a message in the form what, where, what to do."""

from __future__ import annotations

from generator import errors


def every(cls: type[errors.ExtsptError]) -> list[type[errors.ExtsptError]]:
    return [cls, *(found for sub in cls.__subclasses__() for found in every(sub))]


def test_stages_have_their_own_codes() -> None:
    codes = {cls.stage: cls.exit_code for cls in every(errors.ExtsptError)
             if cls.__module__ == errors.__name__}
    assert codes == {"internal": 1, "usage": 2, "skip": 4, "config": 10, "render": 11,
                     "build": 12, "gate": 13, "boot": 14, "rig": 15, "data": 16}


def test_text() -> None:
    assert str(errors.RigError("gone")) == "gone"
    full = errors.ConfigError("bad", where="x.config:3", fix="mend it", evidence="seen")
    assert str(full) == "x.config:3: bad\n  mend it"
    assert (full.what, full.where, full.fix, full.evidence) == ("bad", "x.config:3", "mend it",
                                                                "seen")


def test_unknown_lists_the_known_sorted() -> None:
    error = errors.unknown("workload", "zip", ["zap", "idle"])
    assert str(error) == "unknown workload 'zip'\n  known: idle, zap"
    assert error.exit_code == 2
