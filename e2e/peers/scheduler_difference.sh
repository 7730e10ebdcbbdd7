#!/usr/bin/env bash
# Asks the real kube-scheduler v1.35 and skiff's the same questions on the same worlds: generated nodes, volumes, devices
# and pods, and for each generated pod how many of the nodes each rule refuses. Where the answers differ, seed and pod
# are printed. Ends with 77 where there is no Go or its modules cannot be had.
#
#   e2e/peers/scheduler_difference.sh SKIFF [SEED...]      1 2 3 4 5 unless told
#
# KUBE_PROGRAMS   a folder with kube-scheduler (build/peers, built unless there)
# PODS            how many pods a world is asked about (400)
set -euo pipefail
skiff=$(realpath "$1")
shift
seeds=("$@")
[ $# -gt 0 ] || seeds=(1 2 3 4 5)
cd "$(dirname "$0")"
programs=${KUBE_PROGRAMS:-../../build/peers}
. ./kube_program.sh
kube_program "$programs" kube-scheduler
. ./programs.sh

echo 'token,admin,admin,system:masters' >"$work/tokens.csv"
port=$(free_port)
# Nobody runs here but the two: no account is made, no node becomes ready, and no claim is let go.
start apiserver "$skiff" apiserver --data-dir="$work/data" --durability=memory --bind-address=127.0.0.1 \
  --secure-port="$port" --authorization-mode=AlwaysAllow --token-auth-file="$work/tokens.csv" \
  --disable-admission-plugins=ServiceAccount,TaintNodesByCondition,StorageObjectInUseProtection
curl -sk --retry 50 --retry-connrefused --retry-delay 1 --retry-max-time 60 \
  "https://127.0.0.1:$port/readyz" >/dev/null
cat >"$work/admin.conf" <<CONFIG
apiVersion: v1
kind: Config
clusters: [{name: skiff, cluster: {server: "https://127.0.0.1:$port", insecure-skip-tls-verify: true}}]
users: [{name: admin, user: {token: token}}]
contexts: [{name: skiff, context: {cluster: skiff, user: admin}}]
current-context: skiff
CONFIG
for name in ours kube; do
  cat >"$work/$name.yaml" <<CONFIG
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
clientConnection: {kubeconfig: "$work/admin.conf", qps: 5000, burst: 5000}
leaderElection: {leaderElect: false}
profiles: [{schedulerName: $name}]
CONFIG
done
start ours "$skiff" scheduler --config="$work/ours.yaml" --bind-address=127.0.0.1 --secure-port="$(free_port)" \
  --cert-dir="$work/ours-certs"
start kube "$programs/kube-scheduler" --config="$work/kube.yaml" --bind-address=127.0.0.1 \
  --secure-port="$(free_port)" --cert-dir="$work/kube-certs" --authentication-skip-lookup \
  --authentication-tolerate-lookup-failure
python3 scheduler_difference.py "127.0.0.1:$port" --pods "${PODS:-400}" "${seeds[@]}" || fail "they differ"
