# SPDX-License-Identifier: GPL-2.0-only
"""Questions over several designs: ablations, sweeps, the table of criteria."""
