#!/usr/bin/env bash
# Lets skiff's controller-manager and scheduler work on a real kube-apiserver v1.35 over etcd: what they are asked for
# gets done, and their logs say nothing that should not be. The nodes are played by node_player.py. Ends with 77 where
# there is no etcd, or no Go to build kube-apiserver with.
#
#   e2e/peers/ours_on_kube.sh SKIFF      KUBE_PROGRAMS=folder  uses the kube-apiserver and etcd that are there
set -euo pipefail
skiff=$(realpath "$1")
cd "$(dirname "$0")"
programs=${KUBE_PROGRAMS:-../../build/peers}
. ./kube_program.sh
etcd=$(command -v "$programs/etcd" etcd | head -n 1) || true
[ -n "$etcd" ] || { echo "skipped: no etcd"; exit 77; }
kube_program "$programs" kube-apiserver
. ./programs.sh

cat >"$work/tokens.csv" <<'TOKENS'
admin-token,admin,u-admin,"system:masters"
scheduler-token,system:kube-scheduler,u-scheduler
TOKENS
openssl genrsa -out "$work/accounts.key" 2048 2>/dev/null
etcd_port=$(free_port) port=$(free_port)
start etcd "$etcd" --data-dir="$work/etcd" --listen-client-urls="http://127.0.0.1:$etcd_port" \
  --advertise-client-urls="http://127.0.0.1:$etcd_port" --listen-peer-urls="http://127.0.0.1:$(free_port)"
start kube-apiserver "$programs/kube-apiserver" --etcd-servers="http://127.0.0.1:$etcd_port" \
  --bind-address=127.0.0.1 --secure-port="$port" --cert-dir="$work/certs" --token-auth-file="$work/tokens.csv" \
  --authorization-mode=Node,RBAC --service-cluster-ip-range=10.0.0.0/24 \
  --service-account-issuer=https://kubernetes.default.svc --service-account-key-file="$work/accounts.key" \
  --service-account-signing-key-file="$work/accounts.key"
curl -sk -o "$work/ready" --retry 120 --retry-all-errors --fail --retry-delay 1 -H 'Authorization: Bearer admin-token' \
  "https://127.0.0.1:$port/readyz" || fail "kube-apiserver is not ready"
# The controllers are one user here: real ones have an account each.
for user in admin scheduler; do
  cat >"$work/$user.conf" <<CONFIG
apiVersion: v1
kind: Config
clusters: [{name: kube, cluster: {server: "https://127.0.0.1:$port", insecure-skip-tls-verify: true}}]
users: [{name: $user, user: {token: $user-token}}]
contexts: [{name: kube, context: {cluster: kube, user: $user}}]
current-context: kube
CONFIG
done
export KUBECONFIG=$work/admin.conf
start controller-manager "$skiff" controller-manager --kubeconfig="$work/admin.conf" --bind-address=127.0.0.1 \
  --secure-port="$(free_port)" --cert-dir="$work/manager-certs" \
  --root-ca-file="$work/certs/apiserver.crt"
start scheduler "$skiff" scheduler --kubeconfig="$work/scheduler.conf" --bind-address=127.0.0.1 \
  --secure-port="$(free_port)" --cert-dir="$work/scheduler-certs"
start nodes python3 node_player.py "127.0.0.1:$port" admin-token n1 n2

field() { kubectl get "$1" -o "jsonpath={$2}"; } # KIND/NAME PATH
wait_for default field serviceaccount/default .metadata.name
kubectl create quota room --hard=pods=40 >/dev/null
kubectl apply -f ours_on_kube.yaml >/dev/null
wait_for 3 field deployment/web .status.availableReplicas
wait_for 2 field statefulset/db .status.readyReplicas
wait_for Bound field pvc/data-db-1 .status.phase
wait_for 2 field daemonset/each .status.numberReady
wait_for 3 field job/once .status.succeeded
wait_for 2 field pdb/web .status.disruptionsAllowed
wait_for 7 field resourcequota/room .status.used.pods
slices() { kubectl get endpointslices -l kubernetes.io/service-name=web -o 'jsonpath={.items[*].endpoints[*].conditions.ready}'; }
wait_for "true true true" slices
echo "all workloads run"

kubectl set image deployment/web c=example.com/web:2 >/dev/null
kubectl rollout status deployment/web --timeout=180s >/dev/null
images() { kubectl get pods -l app=web -o 'jsonpath={.items[*].spec.containers[0].image}'; }
wait_for "example.com/web:2 example.com/web:2 example.com/web:2" images
kubectl scale deployment/web --replicas=4 >/dev/null
wait_for 4 field deployment/web .status.availableReplicas
kubectl scale statefulset/db --replicas=1 >/dev/null
wait_for 1 field statefulset/db .status.replicas
# There are no metrics: the autoscaler says so.
active() { field hpa/web '.status.conditions[?(@.type=="ScalingActive")].reason'; }
wait_for FailedGetResourceMetric active
successful() { field cronjob/often .status.lastSuccessfulTime | cut -c1-2; }
wait_for 20 successful
echo "rolled out, scaled, and the minute's Job has run"

kubectl delete deployment web --cascade=foreground >/dev/null
wait_for "" kubectl get replicasets,pods -l app=web -o name
kubectl delete statefulset db --cascade=orphan >/dev/null
wait_for pod/db-0 kubectl get pods -l app=db -o name
kubectl delete cronjob often >/dev/null
kubectl delete job once >/dev/null
jobs() { kubectl get jobs,pods -l 'batch.kubernetes.io/job-name' -o name; }
wait_for "" jobs
kubectl create namespace passing >/dev/null
kubectl create configmap thing -n passing >/dev/null
kubectl delete namespace passing --wait=false >/dev/null
wait_for "" kubectl get namespaces passing --ignore-not-found
echo "what is deleted goes with what it owns"

# Kube's own controllers say so too, and try again: somebody else was faster, or the controller of Endpoints has not
# heard yet of those that it made.
known='reconcile failed.*(the object has been modified|endpoints ..[a-z]*.. already exists)'
for program in controller-manager scheduler; do
  grep -aE '^[EWF][0-9]|error=|warning|forbidden' "$work/$program.log" | grep -avE "$known" >"$work/said" || true
  [ ! -s "$work/said" ] || { head -n 30 "$work/said" | cut -c1-300; fail "$program says more than it should"; }
done
echo "both logs are clean"
