#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# chroot.sh ROOT SHARED COMMAND...: runs COMMAND in ROOT, where the folder SHARED (or "")
# keeps its path. To be called in a mount namespace of its own: unshare --mount.
# objtool dies without /proc, gcc's probes want /dev/null.

set -e
root=$1 shared=$2
shift 2
mount --rbind /proc "$root/proc"
mount --rbind /dev "$root/dev"
if [ -n "$shared" ]; then
	mkdir -p "$root$shared"
	mount --bind "$shared" "$root$shared"
fi
exec chroot "$root" /usr/bin/env -i PATH=/usr/bin:/usr/sbin HOME=/ LC_ALL=C "$@"
