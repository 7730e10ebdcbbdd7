# Sourced by nodes.sh: machines that are namespaces. Each has a network, processes, mounts, a host name
# and cgroups of its own, and a disk that outlives it; its first process is boot.sh, and killing that is
# cutting its power.
#
#   start_machine NAME LINK ADDRESS/LENGTH GATEWAY   as NAME, with its old disk if it has one
#   on NAME COMMAND...                               runs there
#   cut_power NAME                                   everything of it ends at once
#
# Nothing here has a link to the machine that it runs on. What is made outside of the namespaces is a
# cgroup; enter_own_world makes it, and takes it away when everything else is gone.

declare -A machine_process=()

# Runs this script again in namespaces of its own; what is left of them goes when it ends. Returns
# inside, where WORLD_DIRECTORY is an empty directory. Ends with 77 where namespaces cannot be had.
enter_own_world() {
  [ -z "${SKIFF_OWN_WORLD:-}" ] || return 0
  # Whoever kills this shell kills the world with it.
  local world=(setpriv --pdeathsig KILL unshare --mount --net --pid --ipc --uts --fork --kill-child=KILL --mount-proc)
  local code=0 directory
  "${world[@]}" true 2>/dev/null || { echo "SKIPPED: no namespaces can be made here"; exit 77; }
  cgroup_tree=skiff-nodes-$$
  make_cgroups "$cgroup_tree" 2>/dev/null || { remove_cgroups "$cgroup_tree"; echo "SKIPPED: no cgroups can be made here"; exit 77; }
  # A signal ends the world first: waiting for it is what this shell does.
  trap 'kill -KILL "$world_process" 2>/dev/null' INT TERM HUP
  directory=$(mktemp -d)
  env SKIFF_OWN_WORLD="$cgroup_tree" WORLD_DIRECTORY="$directory" "${world[@]}" "$0" "$@" <&0 &
  world_process=$!
  wait "$world_process" || code=$?
  trap - INT TERM HUP
  kill -KILL "$world_process" 2>/dev/null && wait "$world_process" 2>/dev/null || true
  remove_cgroups "$cgroup_tree"
  rmdir "$directory"
  exit "$code"
}

# Where cgroups are mounted, and as what ("cgroup" or "cgroup2"): a line for each hierarchy.
cgroup_mounts() {
  awk '{split($0, half, " - "); split(half[2], of, " ")} of[1] ~ /^cgroup2?$/ {print $5, of[1]}' \
    /proc/self/mountinfo
}

make_cgroups() { # PATH BELOW EACH HIERARCHY
  local mount type parent
  while read -r mount type; do
    parent=$(dirname "$mount/$1")
    if [ "$type" = cgroup2 ]; then
      sed 's/[a-z]\+/+&/g' "$parent/cgroup.controllers" >"$parent/cgroup.subtree_control" || return 1
    fi
    mkdir -p "$mount/$1" || return 1
    # A cpuset of version 1 is empty until it is told which.
    if [ "$type" = cgroup ] && [ -e "$mount/$1/cpuset.mems" ]; then
      cat "$parent/cpuset.cpus" >"$mount/$1/cpuset.cpus"
      cat "$parent/cpuset.mems" >"$mount/$1/cpuset.mems"
    fi
  done < <(cgroup_mounts)
}

# The kernel needs a moment until the last process of a cgroup is gone from it.
remove_cgroups() { # PATH BELOW EACH HIERARCHY
  local mount type until=$((SECONDS + 60))
  while read -r mount type; do
    while [ -e "$mount/$1" ] && [ $SECONDS -lt $until ]; do
      find "$mount/$1" -depth -type d -exec rmdir {} + 2>/dev/null || read -rt 0.1 <> <(:) || true
    done
  done < <(cgroup_mounts)
}

# A link that machines are on, and the router's address on it.
make_link() { # NAME ADDRESS/LENGTH
  ip link add "$1" mtu "$MTU" type bridge
  ip address add "$2" dev "$1"
  ip link set "$1" up
}

start_machine() { # NAME LINK ADDRESS/LENGTH GATEWAY
  local name=$1 disk=$disks/$1
  mkdir -p "$disk/skiff"
  rm -f "$disk/booted"
  # Those of a machine that was cut off stay, and nobody may join what has others below it.
  remove_cgroups "$SKIFF_OWN_WORLD/$name"
  make_cgroups "$SKIFF_OWN_WORLD/$name"
  unshare --mount --net --pid --ipc --uts --fork --kill-child=KILL --mount-proc \
    e2e/nodes/boot.sh "$name" "$disk" "$shared" </dev/null >"$disk/console" 2>&1 &
  local parent=$!
  until_true 120 test -e "$disk/booted"
  # The youngest child: what read the mounts above may still be listed before it.
  local children
  read -r -a children <"/proc/$parent/task/$parent/children" || true  # It ends without a new line.
  machine_process[$name]=${children[-1]}
  plug "$name" "$2" "$3" "$4"
}

# The cable of a machine: from its eth0 to a link.
plug() { # NAME LINK ADDRESS/LENGTH GATEWAY
  ip link add "$1" mtu "$MTU" type veth peer name eth0 mtu "$MTU" netns "${machine_process[$1]}"
  ip link set "$1" master "$2" up
  on "$1" ip link set eth0 up
  on "$1" ip address add "$3" dev eth0
  on "$1" ip route add default via "$4"
}

# In all namespaces of a machine, and in its cgroups.
on() { # NAME COMMAND...
  local name=$1; shift
  SKIFF_MACHINE=$name bash -c '
    process=$1; shift
    for cgroup in $(awk "\$0 ~ / - cgroup2? / {print \$5}" /proc/self/mountinfo); do
      inside=$cgroup/$SKIFF_OWN_WORLD/$SKIFF_MACHINE
      [ ! -e "$inside/boot" ] || inside=$inside/boot
      echo $$ >"$inside/cgroup.procs" || exit 1
    done
    exec nsenter --target "$process" --mount --uts --ipc --net --pid --cgroup --wd=/ -- "$@"' \
    on "${machine_process[$name]}" "$@"
}

# Without a cable first: what it had under way must not be ended in good order.
cut_power() { # NAME
  ip link delete "$1"
  kill -KILL "${machine_process[$1]}"
  until_true 60 test ! -e "/proc/${machine_process[$1]}"
  unset "machine_process[$1]"
}
