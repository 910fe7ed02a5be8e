# SPDX-License-Identifier: GPL-2.0-only
"""Reports of one run: text for mail, HTML for reading, plots; all from the raw records."""
