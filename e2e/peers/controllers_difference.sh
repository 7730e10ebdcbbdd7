#!/usr/bin/env bash
# Lets a real kube-controller-manager v1.35 work on a real kube-apiserver, and ours on ours, and plays the same scenarios
# of workloads in both (controllers_scenarios.py; their pods are played, too): objects, statuses, conditions and events
# are compared after each step. Prints what differs; what controllers_difference.txt names does not fail. Ends with 77
# where there is no Go or its modules cannot be had.
#
#   e2e/peers/controllers_difference.sh SKIFF [REGEX]      of scenarios: all, unless told
#
# QUIET           for so many seconds nothing has changed when a step is over (1.5; more where others work, too)
# KUBE_PROGRAMS   a folder with kube-apiserver and kube-controller-manager (build/peers, built unless there)
set -euo pipefail
skiff=$(realpath "$1")
only=${2:-}
cd "$(dirname "$0")"
programs=${KUBE_PROGRAMS:-../../build/peers}
. ./kube_program.sh
kube_program "$programs" kube-apiserver kube-controller-manager
. ./programs.sh
. ./two_servers.sh

for port in "$kube" "$ours"; do
  cat >"$work/$port.conf" <<CONFIG
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://127.0.0.1:$port", insecure-skip-tls-verify: true}}]
users: [{name: u, user: {token: token}}]
contexts: [{name: c, context: {cluster: c, user: u}}]
current-context: c
CONFIG
done
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/ca.key" -out "$work/ca.crt" -subj /CN=ca -days 9 2>/dev/null
controllers=(--leader-elect=false --secure-port=0 --root-ca-file="$work/ca.crt"
  --service-account-private-key-file="$work/sa.key"
  --cluster-signing-cert-file="$work/ca.crt" --cluster-signing-key-file="$work/ca.key"
  --horizontal-pod-autoscaler-sync-period=2s --horizontal-pod-autoscaler-downscale-stabilization=4s
  --horizontal-pod-autoscaler-cpu-initialization-period=1s --horizontal-pod-autoscaler-initial-readiness-delay=1s
  --node-monitor-grace-period=20s --terminated-pod-gc-threshold=30 --controllers='*')
for port in "$kube" "$ours"; do
  metrics=$(free_port)
  start "metrics-$port" python3 controllers_metrics.py "$metrics" "$work/ca.crt" "$work/ca.key" "$port"
  curl -sk --retry 50 --retry-all-errors --retry-delay 1 --retry-max-time 60 --fail -H 'Authorization: Bearer token' \
    "https://127.0.0.1:$port/apis/external.metrics.k8s.io/v1beta1" >/dev/null
done
start kube-controllers "$programs/kube-controller-manager" --kubeconfig="$work/$kube.conf" "${controllers[@]}"
start our-controllers "$skiff" controller-manager --kubeconfig="$work/$ours.conf" "${controllers[@]}"
python3 controllers_difference.py --kube "$kube" --ours "$ours" --only "$only" || fail "they differ"
