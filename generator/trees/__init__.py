# SPDX-License-Identifier: GPL-2.0-only
"""Kernel trees: what one is, where it comes from, own kernels, compilers, the tree matrix."""
