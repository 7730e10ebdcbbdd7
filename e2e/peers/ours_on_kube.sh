#!/usr/bin/env bash
# Lets skiff's controller-manager and scheduler work on a real kube-apiserver v1.35 over etcd, or on skiff's own API
# server, with the rights that Kubernetes' roles give: each controller as a service account of its own. What they are
# asked for gets done, their logs say nothing that should not be, and the server's audit log has nobody who was forbidden
# anything, and no controller that wrote as another. The nodes are played by node_player.py. Ends with 77 where there is
# no etcd, or no Go to build kube-apiserver with.
#
#   e2e/peers/ours_on_kube.sh SKIFF [kube|skiff]      KUBE_PROGRAMS=folder  uses the kube-apiserver and etcd there
set -euo pipefail
skiff=$(realpath "$1") server=${2:-kube}
cd "$(dirname "$0")"
if [ "$server" = kube ]; then
  programs=${KUBE_PROGRAMS:-../../build/peers}
  . ./kube_program.sh
  etcd=$(command -v "$programs/etcd" etcd | head -n 1) || true
  [ -n "$etcd" ] || { echo "skipped: no etcd"; exit 77; }
  kube_program "$programs" kube-apiserver
fi
. ./programs.sh

cat >"$work/tokens.csv" <<'TOKENS'
admin-token,admin,u-admin,"system:masters"
controllers-token,system:kube-controller-manager,u-controllers
scheduler-token,system:kube-scheduler,u-scheduler
TOKENS
cat >"$work/audit.yaml" <<'POLICY'
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules: [{level: Metadata}]
POLICY
openssl genrsa -out "$work/accounts.key" 2048 2>/dev/null
port=$(free_port)
flags=(--bind-address=127.0.0.1 --secure-port="$port" --cert-dir="$work/certs" --token-auth-file="$work/tokens.csv"
  --authorization-mode=Node,RBAC --service-cluster-ip-range=10.0.0.0/24
  --service-account-issuer=https://kubernetes.default.svc --service-account-key-file="$work/accounts.key"
  --service-account-signing-key-file="$work/accounts.key"
  --audit-policy-file="$work/audit.yaml" --audit-log-path="$work/audit.json")
if [ "$server" = kube ]; then
  etcd_port=$(free_port)
  start etcd "$etcd" --data-dir="$work/etcd" --listen-client-urls="http://127.0.0.1:$etcd_port" \
    --advertise-client-urls="http://127.0.0.1:$etcd_port" --listen-peer-urls="http://127.0.0.1:$(free_port)"
  start apiserver "$programs/kube-apiserver" --etcd-servers="http://127.0.0.1:$etcd_port" "${flags[@]}"
else
  start apiserver "$skiff" apiserver --data-dir="$work/data" "${flags[@]}"
fi
curl -sk -o "$work/ready" --retry 120 --retry-all-errors --fail --retry-delay 1 -H 'Authorization: Bearer admin-token' \
  "https://127.0.0.1:$port/readyz" || fail "the API server is not ready"
for user in admin controllers scheduler; do
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
start controller-manager "$skiff" controller-manager --kubeconfig="$work/controllers.conf" --bind-address=127.0.0.1 \
  --use-service-account-credentials --secure-port="$(free_port)" --cert-dir="$work/manager-certs" \
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
wait_for 9 field resourcequota/room .status.used.pods
slices() { kubectl get endpointslices -l kubernetes.io/service-name=web -o 'jsonpath={.items[*].endpoints[*].conditions.ready}'; }
wait_for "true true true" slices
mirrored() { kubectl get endpointslices -l kubernetes.io/service-name=outside -o 'jsonpath={.items[*].endpoints[*].addresses[0]}'; }
wait_for 192.0.2.7 mirrored
aggregated() { kubectl get clusterrole whole -o 'jsonpath={.rules[0].resources[0]}'; }
wait_for configmaps aggregated
wait_for 1 field validatingadmissionpolicy/few .status.observedGeneration
wait_for "" kubectl get job brief --ignore-not-found
scratch() { kubectl get pvc scratch-room -o 'jsonpath={.metadata.ownerReferences[0].kind}'; }
wait_for Pod scratch
claimed() { kubectl get pod wants -o 'jsonpath={.status.resourceClaimStatuses[0].resourceClaimName}' | cut -d- -f1-2; }
wait_for wants-device claimed
# Of a node that there is not.
kubectl apply -f - >/dev/null <<'POD'
apiVersion: v1
kind: Pod
metadata: {name: lost}
spec: {nodeName: ghost, containers: [{name: c, image: "example.com/lost:1"}]}
POD
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
kubectl delete pod scratch wants >/dev/null
kubectl delete pod db-0 --ignore-not-found >/dev/null
kubectl delete pvc data-db-0 data-db-1 --wait=false >/dev/null
kubectl delete pv disk-0 disk-1 --wait=false >/dev/null
wait_for "" kubectl get pvc,pv -o name
wait_for "" kubectl get pod lost --ignore-not-found -o name
echo "what is deleted goes with what it owns"

# Kube's own controllers say so too, and try again: somebody else was faster, or the controller of Endpoints has not
# heard yet of those that it made.
known='reconcile failed.*(the object has been modified|(endpoints|persistentvolumeclaims) ..[a-z-]*.. already exists)'
for program in controller-manager scheduler; do
  grep -aE '^[EWF][0-9]|error=|warning|forbidden' "$work/$program.log" | grep -avE "$known" >"$work/said" || true
  [ ! -s "$work/said" ] || { head -n 30 "$work/said" | cut -c1-300; fail "$program says more than it should"; }
done
echo "both logs are clean"
python3 ours_on_kube_audit.py "$work/audit.json" || fail "somebody did what was not his"
