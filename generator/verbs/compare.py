# SPDX-License-Identifier: GPL-2.0-only
"""extspt compare: what changed from one run to another."""

from __future__ import annotations

import argparse
import json
import sys

from generator.errors import DataError, GateError
from generator.runs import choose

HELP = "compare two runs: exact counts as integers, times by verdict"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which two, and whether a regression is an error."""
    parser.add_argument("before", metavar="RUN", help="id or path of the earlier run")
    parser.add_argument("after", metavar="RUN", help="id or path of the later one")
    parser.add_argument("--fail-on-regression", action="store_true",
                        help=f"exit code {GateError.exit_code} when an exact count became "
                        "worse, or a design fails that did not")


def run(args: argparse.Namespace) -> int:
    """Print the comparison; exit code 13 for a regression when asked for."""
    from generator.report import comparison
    from generator.runs import compare

    found = compare.compare(choose.find_run(args.before), choose.find_run(args.after))
    if args.fail_on_regression and not (found.compared or found.failed):
        raise DataError("nothing exact to compare: a gate on it would pass anything",
                        where=f"{found.before} and {found.after}",
                        fix="compare runs that have a boot of tier count, as icount")
    sys.stdout.write(json.dumps(found.as_json(), allow_nan=False) + "\n" if args.json
                     else comparison.render(found))
    return GateError.exit_code if args.fail_on_regression and found.worse else 0
