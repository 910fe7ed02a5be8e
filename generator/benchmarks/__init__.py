# SPDX-License-Identifier: GPL-2.0-only
"""asv suite: reads the summary of a run that is already there; boots nothing."""
