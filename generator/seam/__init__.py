# SPDX-License-Identifier: GPL-2.0-only
"""The SEAM model in user space: its programs, and its agreement with recorded traces."""
