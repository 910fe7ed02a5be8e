#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# chroot.sh ROOT SHARED COMMAND...: runs COMMAND in ROOT, where the folders SHARED (a:b, or "")
# keep their paths. To be called in a mount namespace of its own: unshare --mount.
# objtool dies without /proc, gcc's probes want /dev/null.

set -e
root=$1 shared=$2
shift 2
# Over a root that is read-only lies a layer in memory, for mount points and the compiler's files.
if [ ! -w "$root/tmp" ]; then
	layer=$root/proc
	mount -t tmpfs tmpfs "$layer"
	mkdir "$layer/new" "$layer/work" "$layer/root"
	mount -t overlay overlay \
		-o "lowerdir=$root,upperdir=$layer/new,workdir=$layer/work" "$layer/root"
	root=$layer/root
fi
mount --rbind /proc "$root/proc"
mount --rbind /dev "$root/dev"
IFS=:
for folder in $shared; do
	mkdir -p "$root$folder"
	mount --bind "$folder" "$root$folder"
done
unset IFS
# MAKEFLAGS: the job server's pipe, which stays open.
exec chroot "$root" /usr/bin/env -i PATH=/usr/bin:/usr/sbin HOME=/ LC_ALL=C \
	MAKEFLAGS="${MAKEFLAGS-}" "$@"
