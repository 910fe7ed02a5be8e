# SPDX-License-Identifier: GPL-2.0-only
"""asv: a run into its history, its pages, alarms where a figure's history changed."""
