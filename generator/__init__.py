# SPDX-License-Identifier: GPL-2.0-only
"""The host side of extspt-bench: fragments to modules, modules to records, records to reports."""
