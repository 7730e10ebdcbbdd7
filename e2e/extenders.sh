#!/usr/bin/env bash
# An extender of its own (e2e/extenders/extender.py) has a say in where pods go: over HTTP, told nodes by name, and over
# HTTPS with certificates on both sides, told whole nodes. skiff's scheduler first; then the real kube-scheduler v1.35,
# which has to see it the same way, where it can be built.
#
#   e2e/extenders.sh SKIFF
#
# KUBE_PROGRAMS   a folder with kube-scheduler (build/peers, built unless there); "": only skiff's
set -euo pipefail
skiff=$(realpath "$1")
cd "$(dirname "$0")/peers"
programs=${KUBE_PROGRAMS-../../build/peers}
kinds=ours
if [ -n "$programs" ] && (. ./kube_program.sh; kube_program "$programs" kube-scheduler); then kinds="ours kube"; fi
. ./programs.sh

echo 'token,admin,admin,system:masters' >"$work/tokens.csv"
port=$(free_port)
# No node runs anything: where pods are bound to is all there is to see.
start apiserver "$skiff" apiserver --data-dir="$work/data" --durability=memory --bind-address=127.0.0.1 \
  --secure-port="$port" --authorization-mode=AlwaysAllow --token-auth-file="$work/tokens.csv" \
  --disable-admission-plugins=ServiceAccount,TaintNodesByCondition
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

issue() { # NAME EXTENSION
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/$1.key" -subj "/CN=$1" \
    -out "$work/$1.csr" 2>/dev/null
  openssl x509 -req -in "$work/$1.csr" -CA "$work/ca.pem" -CAkey "$work/ca.key" -days 1 -out "$work/$1.pem" \
    -extfile <(echo "$2") 2>/dev/null
}
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/ca.key" -out "$work/ca.pem" \
  -days 1 -subj /CN=authority 2>/dev/null
issue extender subjectAltName=DNS:extender.example.com
issue scheduler extendedKeyUsage=clientAuth

scheduler_config() { # NAME URL FIELD...
  local name=$1 url=$2
  shift 2
  cat <<CONFIG
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
clientConnection: {kubeconfig: "$work/admin.conf", qps: 5000, burst: 5000}
leaderElection: {leaderElect: false}
profiles: [{schedulerName: $name}]
extenders:
- urlPrefix: $url/scheduler
  filterVerb: filter
  prioritizeVerb: prioritize
  preemptVerb: preempt
  bindVerb: bind
  weight: 10
  managedResources: [{name: example.com/dongle, ignoredByScheduler: true}]
CONFIG
  printf '  %s\n' "$@"
}
names=()
for kind in $kinds; do
  for scheme in http https; do
    name=$kind-$scheme
    names+=("$name")
    at=$(free_port)
    tls=()
    fields=("nodeCacheCapable: true" "httpTimeout: 10s")
    if [ $scheme = https ]; then
      tls=("$work/extender.pem" "$work/extender.key" "$work/ca.pem")
      fields=("enableHTTPS: true" "httpTimeout: 10s" "tlsConfig:" "  serverName: extender.example.com"
        "  caFile: $work/ca.pem" "  certFile: $work/scheduler.pem" "  keyFile: $work/scheduler.key")
    fi
    start "$name" python3 ../extenders/extender.py "$at" "127.0.0.1:$port" token "${tls[@]}"
    scheduler_config "$name" "$scheme://127.0.0.1:$at" "${fields[@]}" >"$work/$name.yaml"
    case $kind in
    ours)
      start "$name-scheduler" "$skiff" scheduler --config="$work/$name.yaml" --bind-address=127.0.0.1 \
        --secure-port="$(free_port)" --cert-dir="$work/$name-certs" ;;
    kube)
      start "$name-scheduler" "$programs/kube-scheduler" --config="$work/$name.yaml" --bind-address=127.0.0.1 \
        --secure-port="$(free_port)" --cert-dir="$work/$name-certs" --authentication-skip-lookup \
        --authentication-tolerate-lookup-failure ;;
    esac
  done
done
timeout 1200 python3 ../extenders/scenarios.py "127.0.0.1:$port" "$work" "${names[@]}" || fail "not as wanted"
[ "$kinds" != ours ] || echo "without kube-scheduler"
