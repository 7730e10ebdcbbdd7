#!/usr/bin/env bash
# The first process of a machine that is made of namespaces: see machines.sh. Mounts what is the
# machine's own, and then takes in what others leave behind, as the first process must.
#
#   boot.sh NAME DISK SHARED
set -euo pipefail
name=$1 disk=$2 shared=$3

# Only this process joins the machine's cgroups, which are all it sees from now on: whoever started it
# would be one of theirs that nobody in the machine could move.
if [ "${4:-}" != --in-cgroups ]; then
  for hierarchy in $(awk '$0 ~ / - cgroup2? / {print $5}' /proc/self/mountinfo); do
    echo $$ >"$hierarchy/$SKIFF_OWN_WORLD/$name/cgroup.procs"
  done
  exec unshare --cgroup "$0" "$name" "$disk" "$shared" --in-cgroups
fi
hostname "$name"
# Before the old mounts are covered. A hierarchy shows its root as this machine's cgroup now.
hierarchies=$(awk '$0 ~ / - cgroup2? / {split($0, half, " - "); split(half[2], of, " "); n = split($5, path, "/"); print path[n], of[1], of[3]}' /proc/self/mountinfo)
mount -t sysfs sysfs /sys
if [ "$(wc -l <<<"$hierarchies")" = 1 ] && [[ $hierarchies == *" cgroup2 "* ]]; then
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
  # A cgroup that has others below it holds no process of its own.
  mkdir /sys/fs/cgroup/boot
  echo $$ >/sys/fs/cgroup/boot/cgroup.procs
  sed 's/[a-z]\+/+&/g' /sys/fs/cgroup/cgroup.controllers >/sys/fs/cgroup/cgroup.subtree_control
else
  mount -t tmpfs cgroup /sys/fs/cgroup
  while read -r directory type options; do
    mkdir "/sys/fs/cgroup/$directory"
    # Version 1: by the controllers it has, or by its name.
    options=$(sed -E 's/\b(rw|ro|seclabel|xattr)\b,?//g; s/,$//; s/^name=/none,name=/' <<<"$options")
    [ "$type" = cgroup ] || options=rw
    mount -t "$type" -o "$options" cgroup "/sys/fs/cgroup/$directory"
  done <<<"$hierarchies"
fi
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/log
mkdir /run/lock
# What pods take for the names of the world: nobody knows them here.
: >/run/resolv.conf
mount --bind /run/resolv.conf "$(realpath /etc/resolv.conf)"
printf '127.0.0.1 localhost %s\n' "$name" >/run/hosts
mount --bind /run/hosts /etc/hosts
mount -t tmpfs tmpfs /var/lib
mkdir /var/lib/skiff /var/lib/shared
mount --bind "$disk/skiff" /var/lib/skiff
mount --bind "$shared" /var/lib/shared
ip link set lo up
: >"$disk/booted"
while :; do
  sleep infinity &
  wait $! || true
done
