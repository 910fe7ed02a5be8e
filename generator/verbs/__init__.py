# SPDX-License-Identifier: GPL-2.0-only
"""One file per verb of the command line, found by name."""
