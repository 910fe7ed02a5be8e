# SPDX-License-Identifier: GPL-2.0-only
"""A run: its plan, its guests, its records, its folder; runs repeated, imported, compared."""
