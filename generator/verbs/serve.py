# SPDX-License-Identifier: GPL-2.0-only
"""extspt serve: the history and the reports in a browser."""

from __future__ import annotations

import argparse

from generator import proc

HELP = "show asv's pages and the reports at a local address"
PORT = 8765


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where."""
    parser.add_argument("--port", type=int, default=PORT, metavar="N",
                        help=f"port of 127.0.0.1 (default {PORT}; 0: any that is free)")


def run(args: argparse.Namespace) -> int:
    """Print the address and serve until Ctrl-C."""
    from generator.report import site

    if proc.dry_run():
        print(f"serve build/html and results/reports at http://{site.ADDRESS}:{args.port}/")
        return 0
    site.serve(args.port)
    return 0
