#!/usr/bin/env bash
# Lets the real kube-controller-manager and kube-scheduler v1.35 work on `skiff apiserver`: what
# they are asked for gets done, and their logs have no errors. Ends with 77 where there is no Go or
# its modules cannot be had.
#
#   e2e/peers/kube_controllers.sh SKIFF      KUBE_PROGRAMS=folder  uses those that are there
set -euo pipefail
skiff=$(realpath "$1")
cd "$(dirname "$0")"
programs=${KUBE_PROGRAMS:-../../build/peers}
. ./kube_program.sh
kube_program "$programs" kube-scheduler kube-controller-manager
. ./programs.sh

cat >"$work/tokens.csv" <<'TOKENS'
admin-token,admin,u-admin,"system:masters"
kube-controller-manager-token,system:kube-controller-manager,u-manager
kube-scheduler-token,system:kube-scheduler,u-scheduler
TOKENS
for ca in clients front-proxy; do
  openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj "/CN=$ca" -keyout "$work/$ca.key" \
    -out "$work/$ca.crt" 2>/dev/null
done
port=$(free_port)
start apiserver "$skiff" apiserver --data-dir="$work/data" --bind-address=127.0.0.1 --secure-port="$port" \
  --token-auth-file="$work/tokens.csv" --client-ca-file="$work/clients.crt" \
  --requestheader-client-ca-file="$work/front-proxy.crt" \
  --requestheader-allowed-names=front-proxy-client --requestheader-username-headers=X-Remote-User \
  --requestheader-group-headers=X-Remote-Group --requestheader-extra-headers-prefix=X-Remote-Extra- \
  --authorization-mode=Node,RBAC
curl -sk --retry 50 --retry-connrefused --retry-delay 1 --retry-max-time 60 \
  "https://127.0.0.1:$port/readyz" >/dev/null
for user in admin kube-controller-manager kube-scheduler; do
  cat >"$work/$user.conf" <<CONFIG
apiVersion: v1
kind: Config
clusters: [{name: skiff, cluster: {server: "https://127.0.0.1:$port", insecure-skip-tls-verify: true}}]
users: [{name: $user, user: {token: $user-token}}]
contexts: [{name: skiff, context: {cluster: skiff, user: $user}}]
current-context: skiff
CONFIG
done
run() {  # program flag...
  local program=$1 config=$work/$1.conf
  shift
  start "$program" "$programs/$program" --kubeconfig="$config" --authentication-kubeconfig="$config" \
    --authorization-kubeconfig="$config" --bind-address=127.0.0.1 --secure-port="$(free_port)" \
    --cert-dir="$work/$program-certs" "$@"
}
# Not where the machine's own volume plugins would be.
run kube-controller-manager --use-service-account-credentials=true \
  --flex-volume-plugin-dir="$work/plugins"
run kube-scheduler

export KUBECONFIG=$work/admin.conf
bound() { kubectl get pods -l "app=$1" -o jsonpath='{.items[*].spec.nodeName}'; }

# What makes pods comes when there is the account that they run as, or it says that it is missing.
wait_for default kubectl get serviceaccount default -o 'jsonpath={.metadata.name}'
kubectl apply -f kube_controllers.yaml >/dev/null
now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
room='{"cpu": "8", "memory": "8Gi", "pods": "110"}'
kubectl patch node fake --subresource=status --type=merge -p "{\"status\": {\"capacity\": $room,
  \"allocatable\": $room, \"conditions\": [{\"type\": \"Ready\", \"status\": \"True\",
  \"reason\": \"KubeletReady\", \"lastHeartbeatTime\": \"$now\", \"lastTransitionTime\": \"$now\"}]}}" >/dev/null
wait_for "fake fake" bound web
wait_for "fake fake" bound db
wait_for "fake" bound each
wait_for "1" kubectl get job once -o jsonpath='{.status.active}'
# Made now: the controller counts what it has heard of, and counts anew only when something goes.
kubectl create quota quota --hard=pods=20 >/dev/null
wait_for "6" kubectl get resourcequota quota -o jsonpath='{.status.used.pods}'
wait_for "2" kubectl get pdb web -o jsonpath='{.status.expectedPods}'
echo "pods of five controllers are made and bound"
# What goes takes what it owns along, and so does a namespace.
kubectl delete namespace passing --wait=false >/dev/null
kubectl delete deployment web >/dev/null
wait_for "" kubectl get namespaces passing --ignore-not-found
wait_for "" kubectl get replicasets -o name
echo "what is deleted goes with what it owns"

# Errors they also log beside a kube-apiserver: nobody reports for the node, somebody else was
# faster, and the StatefulSet's controller has not heard yet of a pod that it made.
known='the object has been modified|node.*(NotReady|not ready)|pods ..db-[01].. already exists'
for program in kube-controller-manager kube-scheduler; do
  grep -E '^E|forbidden|failed to list' "$work/$program.log" | grep -vE "$known" >"$work/errors" || true
  [ ! -s "$work/errors" ] || { head -n 20 "$work/errors" | cut -c1-300; fail "errors of $program"; }
done
echo "both logs are clean"
