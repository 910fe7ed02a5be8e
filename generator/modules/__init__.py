# SPDX-License-Identifier: GPL-2.0-only
"""Designs to kernel modules: the axes' Kconfig, fragments, templates, Kbuild."""
