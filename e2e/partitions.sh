#!/usr/bin/env bash
# Cuts a cluster of one server and two joined machines apart (`skiff chaos partition`) and shows what
# holds on each side: reads, writes, running pods, services, leases, names; then three servers over three
# members of etcd. docs/partitions.md states it as promises; each check here is one of them, or a part of
# one. All the while clients on all sides read and write registers; in the end it is looked whether what
# they saw could have happened one after the other (e2e/linearizable.py).
#
#   e2e/partitions.sh             uses build/release/skiff
#   SKIFF=... IMAGES=... e2e/partitions.sh
#   PARTS=23 e2e/partitions.sh    only the files of e2e/partitions/ that begin so
#   e2e/partitions.sh docker      instead, in ten minutes: the containers of `skiff up --docker --nodes=5 --etcd=3`, in
#                                 the same ways (e2e/partitions/ways.sh) and some that only they have (e2e/docker/cuts.sh)
#
# The machines are namespaces (e2e/nodes/machines.sh): nothing leaves this one. Exits with 77 where they
# cannot be made.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "${1:-}" = docker ]; then exec e2e/docker_up.sh cut_apart; fi
if [ "$(id -u)" != 0 ]; then exec sudo -E "$0" "$@"; fi
. e2e/packages.sh
. e2e/show.sh
. e2e/nodes/machines.sh
[ -n "${SKIFF_OWN_WORLD:-}" ] || install_packages "${RUN_PACKAGES[@]}" "${TEST_PACKAGES[@]}"
enter_own_world "$@"

SKIFF=$(realpath "${SKIFF:-build/release/skiff}")
IMAGES=$(realpath "${IMAGES:-build/release/images}")
MTU=1400
# How long a node may be silent (longer than the 10s between two renewals of its lease, or one that
# lives is given up now and then), and how long its pods wait for it. Kubernetes: 50s and 300s.
GRACE=15
TOLERATION=5

. e2e/nodes/end.sh

# As somebody who sits at that machine: by the server's address.
kubectl_on() { on "$1" env KUBECONFIG=/var/lib/shared/kubeconfig "$SKIFF" --request-timeout=5s "${@:2}"; }
. e2e/nodes/checks.sh
. e2e/partitions/pods.sh
. e2e/partitions/ways.sh

# skiff chaos on a machine, as it is typed there.
chaos_on() { typed "$1" env KUBECONFIG=/var/lib/shared/kubeconfig "$SKIFF" chaos "${@:2}"; }
# Clients on these machines read and write registers from now on (e2e/registers.py), in a history NAME.
declare -A recorded_on=()
record() { # NAME KUBECONFIG MACHINE...
  local machine
  on "$3" python3 "$PWD/e2e/registers.py" --make "$2"
  for machine in "${@:3}"; do
    on "$machine" sh -c 'echo $$ >/run/registers; exec python3 "$@"' registers \
      "$PWD/e2e/registers.py" "$machine" "$2" "/var/lib/shared/$1.$machine" </dev/null &
  done
  recorded_on[$1]="${*:3}"
}
# Ends it, and looks at it. A machine without power records no more.
check_history() { # NAME AT-LEAST
  local machine
  for machine in ${recorded_on[$1]}; do
    on "$machine" sh -c '[ ! -e /run/registers ] || kill -TERM "$(cat /run/registers)"'
    check "the clients on $machine have ended" eval '! on "$machine" sh -c "kill -0 \$(cat /run/registers 2>/dev/null)"'
  done
  check_linearizable "$1" "$2" "$shared/$1".*
}
status_of() { kubectl get node "$1" --no-headers | awk '{print $2}'; }
renewed() { kubectl get lease -n kube-node-lease "$1" -o jsonpath='{.spec.renewTime}'; }
make_link front 10.77.1.254/24
for number in 10 11 12; do
  name=$(case $number in 10) echo server ;; 11) echo near ;; 12) echo far ;; esac)
  start_machine "$name" front 10.77.1.$number/24 10.77.1.254
done

say "1. A server, and two machines that joined it"
archives=()
for image in busybox nautilus; do archives+=("--load-image=$IMAGES/$image.tar"); done
typed server "$SKIFF" up "${archives[@]}" --node-monitor-grace-period=${GRACE}s \
  --default-not-ready-toleration-seconds=$TOLERATION \
  --default-unreachable-toleration-seconds=$TOLERATION
read -r -a words <<<"$(on server "$SKIFF" token create --print-join-command --ttl=10m)"
for name in near far; do
  typed $name "$SKIFF" join 10.77.1.10:6443 "${words[@]:3}" --node-name $name "${archives[@]}"
done
check "three nodes are Ready" nodes_ready 3
sed 's|https://[^ ]*|https://10.77.1.10:6443|' "$disks/server/skiff/admin.kubeconfig" >"$shared/kubeconfig"
cp e2e/testdata/chaos/{partitions,database}.yaml "$shared/"
run kubectl apply -f /var/lib/shared/partitions.yaml
check "a peer runs on each machine" running app=peer 3
check "  and a pod of a Deployment" running app=web 3
run kubectl cordon server far
run kubectl apply -f /var/lib/shared/database.yaml
check "  and a database on near" running app=db 1
run kubectl uncordon server far
learn app=peer
learn app=web
learn app=db
db=${pod[app=db.near]}
web_ip=$(field service web .spec.clusterIP)

check "pods of all machines reach each other" gets near "${address[app=peer.far]}"
check "  and services, by name" gets near web
check "  and the pods run" runs near "$db"

record one-server /var/lib/shared/kubeconfig server near far
for part in e2e/partitions/[${PARTS:-0-9}]*.sh; do . "$part"; done
