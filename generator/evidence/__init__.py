# SPDX-License-Identifier: GPL-2.0-only
"""Records to verdicts: tidy frames, series over blocks, intervals, what may be said."""
