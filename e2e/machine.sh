#!/usr/bin/env bash
# Runs a command on a machine of its own that shares this one's kernel and files and nothing else:
#
#   e2e/machine.sh NAME COMMAND...
#
# It has namespaces of mounts, network, processes, cgroups and host name, a private /run, and an
# uplink, 192.0.2.1/24, whose default route leads nowhere; there is no name server. What is written
# below /var/lib and /var/log lies in memory and is the machine's alone, so that kubelets find room
# there however full this one's disk is. What the command leaves running ends with it, and so do those
# files. Exit code: the command's; 77 where such a machine cannot be had.
set -euo pipefail

# Makes the machine of what this process has for itself by now, and runs the command.
become_machine() { # NAME COMMAND...
  local name=$1 path type options mounted resolver
  shift
  mount --make-rprivate /
  resolver=$(readlink -m /etc/resolv.conf)
  mount -t tmpfs tmpfs /run
  for path in /var/lib /var/log; do keep_writes_apart "$path"; done
  # Names are not looked up anywhere, and that is known at once.
  mkdir -p "${resolver%/*}"
  echo 'nameserver 127.0.0.1' >/run/resolv.conf
  [ -e "$resolver" ] || touch "$resolver"
  mount --bind /run/resolv.conf "$resolver"
  # Each hierarchy once more: its root is now where this process was put.
  mounted=$(hierarchies)
  while read -r path type options; do
    umount "$path"
    case $type in
      cgroup2) mount -t cgroup2 none "$path" ;;
      cgroup) mount -t cgroup -o "$(controller "$options")" none "$path" ;;
    esac
  done <<<"$mounted"
  own_leaf
  hostname "$name"
  ip link set lo up
  ip link add uplink type bridge
  ip address add 192.0.2.1/24 dev uplink
  ip link set uplink up
  ip route add default via 192.0.2.254
  exec "$@"
}

# From now on a directory's files can be read as before; what is written goes to memory. Where the
# kernel has no such mounts the directory is empty.
keep_writes_apart() { # DIRECTORY
  local apart=/run/machine$1
  mkdir -p "$apart/upper" "$apart/work"
  mount -t overlay -o "lowerdir=$1,upperdir=$apart/upper,workdir=$apart/work" overlay "$1" 2>/dev/null ||
    mount -t tmpfs tmpfs "$1"
}

# The cgroup hierarchies that are mounted: PATH TYPE OPTIONS.
hierarchies() { awk '$3 ~ /^cgroup2?$/ { print $2, $3, $4 }' /proc/self/mounts; }
# What distinguishes a hierarchy of version 1 among the options of its mount.
controller() { tr ',' '\n' <<<"$1" | grep -vE '^(rw|ro|relatime|nosuid|nodev|noexec)$' | paste -sd, -; }

# In version 2 controllers are given only to children of a cgroup without processes of its own.
own_leaf() {
  local path
  path=$(hierarchies | awk '$2 == "cgroup2" { print $1; exit }')
  [ -n "$path" ] || return 0
  mkdir "$path/init"
  echo $$ >"$path/init/cgroup.procs"
}

remove_cgroups() { # NAME
  local path
  while read -r path _; do
    [ -d "$path/$1" ] || continue
    find "$path/$1" -depth -type d -exec rmdir {} + 2>/dev/null || true
  done < <(hierarchies)
}

join_cgroups() { # NAME
  local path
  while read -r path _; do
    # Version 2 gives a cgroup the controllers that the one above it hands on.
    if [ -e "$path/cgroup.subtree_control" ]; then
      sed 's/[a-z]\+/+&/g' "$path/cgroup.controllers" >"$path/cgroup.subtree_control" || return 1
    fi
    mkdir -p "$path/$1" || return 1
    # cpuset of version 1 takes nobody before it has processors and memory.
    for file in cpuset.cpus cpuset.mems; do
      [ ! -e "$path/$file" ] || cat "$path/$file" >"$path/$1/$file" 2>/dev/null || true
    done
    echo $$ >"$path/$1/cgroup.procs" || return 1
  done < <(hierarchies)
}

case ${1:-} in
  # The first process of the machine. Only it may be in the cgroups: in version 2 a cgroup with
  # processes and children has no controllers.
  --first)
    join_cgroups "$2" || { echo "no cgroups can be made here" >&2; exit 77; }
    exec unshare --cgroup "$0" --machine "${@:3}"
    ;;
  --machine) become_machine "${@:2}" ;;
esac

name=$1
shift
if [ "$(id -u)" != 0 ]; then exec sudo -E "$0" "$name" "$@"; fi
namespaces=(--mount --net --pid --uts --ipc --fork)
unshare "${namespaces[@]}" --cgroup true 2>/dev/null ||
  { echo "no namespaces can be made here" >&2; exit 77; }
cgroup=skiff-$name-$$
trap 'remove_cgroups "$cgroup"' EXIT
code=0
unshare "${namespaces[@]}" --mount-proc --kill-child=KILL "$0" --first "$cgroup" "$name" "$@" ||
  code=$?
exit $code
