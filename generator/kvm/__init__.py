# SPDX-License-Identifier: GPL-2.0-only
"""The real kvm.ko as a host: the hook list, the build, golden counts, the twin held to it."""
