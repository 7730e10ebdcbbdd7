#!/usr/bin/env bash
# Machines made of namespaces (e2e/nodes/machines.sh), a node on each, with the images of the tests:
#
#   world.sh COMMAND...        makes the world, runs COMMAND in it and ends it; KUBECONFIG is its admin's
#   world.sh                   makes the world and keeps it until this script is killed
#   world.sh --in COMMAND...   runs COMMAND in the world that another call keeps
#
# REPOSITORY   the checkout (the folder three above this one)
# SKIFF        the program (build/release/skiff of the checkout)
# CONFORMANCE  where build.sh put what it made, and where logs go
# DUAL_STACK   1: machines, pods and services have addresses of IPv6 too
# NODES        2, or 3, each in a zone of its own
set -euo pipefail
kit=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
REPOSITORY=$(realpath "${REPOSITORY:-$kit/../../..}")
export REPOSITORY
export CONFORMANCE=${CONFORMANCE:-${TMPDIR:-/tmp}/skiff-conformance}
export SKIFF=${SKIFF:-$REPOSITORY/build/release/skiff}
export KUBECONFIG=$CONFORMANCE/kubeconfig
export PATH=$CONFORMANCE/bin:$PATH

if [ "${1:-}" = --in ]; then
  shift
  for world in /proc/[0-9]*; do
    [ "$(readlink "$world/ns/pid")" = "$(cat "$CONFORMANCE/world")" ] || continue
    exec nsenter --target "${world#/proc/}" --mount --net --pid --uts --ipc --wd="$PWD" -- "$@"
  done
  echo "no world is kept" >&2
  exit 1
fi
cd "$REPOSITORY"
. e2e/packages.sh
. e2e/nodes/machines.sh
[ -n "${SKIFF_OWN_WORLD:-}" ] || install_packages "${RUN_PACKAGES[@]}"
# The script is started again by its name, and the folder is another one by now.
[[ $0 = /* ]] || exec "$kit/$(basename "$0")" "$@"
enter_own_world "$@"

MTU=1400
work=$WORLD_DIRECTORY
mount -t tmpfs -o size=70% tmpfs "$work"
disks=$work/disks shared=$work/shared
mkdir "$disks" "$shared"

keep_logs() {
  local name
  mkdir -p "$CONFORMANCE/logs"
  for name in "$disks"/*; do
    cp "$name/skiff/skiff.log" "$CONFORMANCE/logs/$(basename "$name").log" 2>/dev/null || true
  done
}
end_world() {
  local code=$? name
  trap - EXIT INT TERM
  keep_logs
  rm -f "$CONFORMANCE/world"
  for name in "${!machine_process[@]}"; do cut_power "$name" || true; done
  umount -l "$work"
  exit $code
}
trap end_world EXIT
trap 'exit 143' INT TERM

until_true() { # SECONDS COMMAND...
  local until=$((SECONDS + $1)); shift
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $until ] || { echo "did not come true: $*" >&2; return 1; }
    read -rt 0.05 <> <(:) || true
  done
}

make_link front 10.77.1.254/24
ip link set lo up
echo 1 >/proc/sys/net/ipv4/ip_forward
names=(server near far)
names=("${names[@]:0:${NODES:=2}}")
for index in "${!names[@]}"; do start_machine "${names[index]}" front "10.77.1.1$index/24" 10.77.1.254; done
# As systemd leaves it: there are tests of mounts that propagate.
for name in "${names[@]}"; do on "$name" mount --make-rshared /; done
ranges=()
if [ -n "${DUAL_STACK:-}" ]; then
  ranges=(--cluster-cidr=10.244.0.0/16,fd00:10:244::/56 --service-cluster-ip-range=10.96.0.0/16,fd00:10:96::/112)
  ip address add fd00:10:77::fe/64 dev front nodad
  echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
  for index in "${!names[@]}"; do
    on "${names[index]}" ip address add "fd00:10:77::1$index/64" dev eth0 nodad
    on "${names[index]}" ip route add default via fd00:10:77::fe
  done
fi

archives=()
for archive in "$CONFORMANCE"/images/*.tar; do archives+=("--load-image=$archive"); done
began=$SECONDS
on server "$SKIFF" up "${archives[@]}" "${ranges[@]}" ${UP_FLAGS:-}
read -r -a words <<<"$(on server "$SKIFF" token create --print-join-command --ttl=1h)"
for name in "${names[@]:1}"; do
  on "$name" "$SKIFF" join "${words[2]}" --token "${words[4]}" --discovery-token-ca-cert-hash "${words[6]}" \
    --node-name "$name" "${archives[@]}"
done
sed 's#server: https://[^:]*:#server: https://10.77.1.10:#' "$disks/server/skiff/admin.kubeconfig" >"$KUBECONFIG"
ready() { [ "$("$SKIFF" get nodes --no-headers | awk '$2 == "Ready"' | wc -l)" = "$NODES" ]; }
until_true 60 ready
# Tests of topology skip themselves where there are fewer than three zones.
if [ "$NODES" -gt 2 ]; then
  for name in "${names[@]}"; do "$SKIFF" label node "$name" "topology.kubernetes.io/zone=zone-$name" >/dev/null; done
fi
"$SKIFF" get nodes
echo "$NODES nodes after $((SECONDS - began)) s; disks: $disks"
# For --in.
readlink /proc/self/ns/pid >"$CONFORMANCE/world"
# A world that is killed has no time to do that.
while sleep 20; do keep_logs; done &
if [ $# -gt 0 ]; then
  "$@"
else
  while :; do sleep 3600 & wait $! || true; done
fi
