#!/usr/bin/env bash
# Lets programs that clusters run do their work beside skiff, as processes of this machine, with the rights that they
# come with: kube-state-metrics counts and the descheduler evicts what `skiff up` holds on simulated nodes; kwok plays
# the nodes of a control plane that has none. Their logs have to be clean. Ends with 77 where there is no Go or their
# modules cannot be had; the first build takes ten minutes of CPU.
#
#   e2e/peers/cluster_programs.sh SKIFF      CLUSTER_PROGRAMS=folder  uses the programs that are there
set -euo pipefail
skiff=$(realpath "$1")
cd "$(dirname "$0")"
programs=${CLUSTER_PROGRAMS:-../../build/peers/cluster-programs}
mkdir -p "$programs"
programs=$(realpath "$programs")
export GOTOOLCHAIN=local GOFLAGS="-p=1 -mod=mod" CGO_ENABLED=0
command -v go >/dev/null || { echo "skipped: no Go"; exit 77; }
build() { # MODULES PACKAGE NAME [LINKER FLAG]
  [ -x "$programs/$3" ] || nice go build -C "cluster_programs/$1" -trimpath -buildvcs=false -ldflags "-s -w ${4:-}" \
    -o "$programs/$3" "$2" || { echo "skipped: $3 was not built"; exit 77; }
}
# Two folders of modules: kube-state-metrics does not fit the libraries of the others.
build kube_state_metrics k8s.io/kube-state-metrics/v2 kube-state-metrics
build newer sigs.k8s.io/descheduler/cmd/descheduler descheduler -X=sigs.k8s.io/descheduler/pkg/version.version=v20260630-v0.36.0
build newer sigs.k8s.io/kwok/cmd/kwok kwok
folder() { go list -C "cluster_programs/$1" -m -f '{{.Dir}}' "$2"; }
. ./programs.sh
WAIT=180

# The account's own kubeconfig, of what it has been given.
account() { # NAME NAMESPACE
  local token
  token=$(kubectl create token "$1" -n "$2" --duration=2h)
  cp "$KUBECONFIG" "$work/$1.conf"
  "$skiff" --kubeconfig="$work/$1.conf" config set-credentials "$1" --token="$token" >/dev/null
  "$skiff" --kubeconfig="$work/$1.conf" config set-context --current --user="$1" >/dev/null
}
clean() { # NAME UNEXPECTED KNOWN
  grep -aE "$2|forbidden|[Ff]ailed to (list|watch)|panic" "$work/$1.log" | grep -vE "$3" >"$work/errors" || true
  [ ! -s "$work/errors" ] || { head -n 20 "$work/errors" | cut -c1-400; fail "errors of $1"; }
}
klog='^[EF][0-9]{4} |^W[0-9]{4} .*([Ff]ail|[Ee]rror)'
count() { kubectl get "$@" --no-headers 2>/dev/null | wc -l; }

# --- kube-state-metrics ---
export KUBECONFIG=$work/data/admin.kubeconfig
"$skiff" up --nodes=3 --data-dir="$work/data" --bind-address=127.0.0.1 --secure-port="$(free_port)" >/dev/null
rights=$(folder kube_state_metrics k8s.io/kube-state-metrics/v2)/examples/standard
kubectl apply -f "$rights/service-account.yaml" -f "$rights/cluster-role.yaml" -f "$rights/cluster-role-binding.yaml" >/dev/null
# As its documentation asks for where it is to tell of custom resources.
kubectl apply -f - >/dev/null <<'ROLE'
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: queues}
rules:
- {apiGroups: [load.skiff.example], resources: [queues], verbs: [list, watch]}
- {apiGroups: [apiextensions.k8s.io], resources: [customresourcedefinitions], verbs: [list, watch]}
ROLE
kubectl create clusterrolebinding queues --clusterrole=queues --serviceaccount=kube-system:kube-state-metrics >/dev/null
account kube-state-metrics kube-system
port=$(free_port) own_port=$(free_port)
start kube-state-metrics "$programs/kube-state-metrics" --kubeconfig="$work/kube-state-metrics.conf" --host=127.0.0.1 \
  --port="$port" --telemetry-host=127.0.0.1 --telemetry-port="$own_port" --metric-labels-allowlist='*=[*]' \
  --custom-resource-state-config-file="$PWD/cluster_programs/queues.yaml"
# Sum of the samples whose lines the pattern fits, "none" without any.
metric() { # PATTERN
  curl -s "http://127.0.0.1:$port/metrics" | { grep -E "$1" || true; } | awk '{s += $NF; n++} END {print n ? s : "none"}'
}
wait_for 3 metric '^kube_node_status_condition\{.*condition="Ready",status="true"'
kubectl apply -f cluster_programs/load.yaml >"$work/load.log" 2>&1 || fail "the load was refused"
kubectl wait --for=condition=Established crd/queues.load.skiff.example --timeout=60s >/dev/null
kubectl apply -f - >/dev/null <<'QUEUE'
{"apiVersion": "load.skiff.example/v1", "kind": "Queue", "metadata": {"name": "orders"}, "spec": {"depth": 7}}
QUEUE
wait_for 6 metric '^kube_deployment_status_replicas_available\{.*deployment="web"'
wait_for 5 metric '^kube_job_status_succeeded\{.*job_name="once"'
wait_for 1 metric '^kube_job_complete\{.*job_name="once",condition="true"'
wait_for 12 metric '^kube_pod_status_phase\{namespace="default",.*phase="Running"'
wait_for 12 metric '^kube_pod_status_ready\{namespace="default",.*condition="true"'
wait_for 3 metric '^kube_daemonset_status_number_ready\{'
wait_for 2 metric '^kube_statefulset_status_replicas_ready\{'
wait_for 2 metric '^kube_horizontalpodautoscaler_status_current_replicas\{'
wait_for 2 metric '^kube_persistentvolumeclaim_status_phase\{.*phase="Bound"'
wait_for 2 metric '^kube_poddisruptionbudget_status_pod_disruptions_allowed\{'
wait_for 12 metric '^kube_resourcequota\{.*resourcequota="quota",.*resource="pods",type="used"'
wait_for 7 metric '^kube_customresource_depth\{.*queue="orders"'
wait_for 1 metric '^kube_deployment_labels\{.*label_team="blue"'
# What else it counts by default, in whatever number.
for each in configmap_info cronjob_info endpointslice_info ingress_info lease_owner limitrange \
  mutatingwebhookconfiguration_info namespace_status_phase networkpolicy_spec_ingress_rules persistentvolume_info \
  replicaset_status_replicas replicationcontroller_status_replicas secret_info service_info storageclass_info \
  validatingwebhookconfiguration_info; do
  [ "$(metric "^kube_$each\{")" != none ] || echo "kube_$each" >>"$work/missing"
done
[ ! -s "$work/missing" ] || fail "nothing of $(paste -sd' ' "$work/missing")"
# What changes and goes it hears of.
kubectl scale deployment web --replicas=9 >/dev/null
kubectl patch queues orders --type=merge -p '{"spec": {"depth": 8}}' >/dev/null
kubectl delete job once >/dev/null
kubectl annotate node node-2 simulation.skiff.io/not-ready-after=0s >/dev/null
wait_for 9 metric '^kube_deployment_status_replicas_available\{.*deployment="web"'
wait_for 8 metric '^kube_customresource_depth\{.*queue="orders"'
wait_for none metric '^kube_job_status_succeeded\{.*job_name="once"'
wait_for 2 metric '^kube_node_status_condition\{.*condition="Ready",status="true"'
kubectl annotate node node-2 simulation.skiff.io/not-ready-after- >/dev/null
wait_for 3 metric '^kube_node_status_condition\{.*condition="Ready",status="true"'
if curl -s "http://127.0.0.1:$own_port/metrics" | grep -E '^kube_state_metrics_(list|watch)_total.*result="error"' |
  grep -v ' 0$'; then fail "lists or watches failed"; fi
clean kube-state-metrics "$klog" '^$'
echo "kube-state-metrics has counted all kinds, and heard of what changed; its log is clean"

# --- The descheduler ---
kubectl apply -f "$(folder newer sigs.k8s.io/descheduler)/kubernetes/base/rbac.yaml" >/dev/null
account descheduler-sa kube-system
measured() { kubectl get nodes.metrics.k8s.io --no-headers | wc -l; }
wait_for 3 measured
port=$(free_port)
mkdir "$work/certs"
start descheduler "$programs/descheduler" --kubeconfig="$work/descheduler-sa.conf" --descheduling-interval=2s \
  --policy-config-file="$PWD/cluster_programs/policy.yaml" --leader-elect=true --bind-address=127.0.0.1 \
  --secure-port="$port" --cert-dir="$work/certs" -v=3
evicted() { # STRATEGY
  curl -sk "https://127.0.0.1:$port/metrics" | { grep -E "^descheduler_pods_evicted_total\{.*result=\"success\".*$1" || true; } |
    awk '{s += $NF} END {print (s > 0) ? "some" : "none"}'
}
on() { kubectl get pods -l "app=$1" --field-selector="spec.nodeName=$2" --no-headers 2>/dev/null | wc -l; }
ready() { kubectl get "$1" -o jsonpath='{.status.readyReplicas}'; }
kubectl taint node node-1 busy=yes:NoSchedule >/dev/null
wait_for 0 on web node-1
wait_for 9 ready deployment/web
wait_for 1 on each node-1
wait_for some evicted RemovePodsViolatingNodeTaints
kubectl taint node node-1 busy- >/dev/null
# What may not be disrupted stays where it is.
kubectl patch pdb web --type=merge -p '{"spec": {"maxUnavailable": 0}}' >/dev/null
wait_for 0 kubectl get pdb web -o jsonpath='{.status.disruptionsAllowed}'
names() { kubectl get pods -l app=web -o name | sort | paste -sd' '; }
refusals() { awk '/violate the pod.s disruption budget/ {n++} END {print n + 0}' "$work/descheduler.log"; }
before=$(names) refused_before=$(refusals)
refused() { [ "$(refusals)" -gt "$refused_before" ] && echo yes; }
for node in 1 2; do kubectl taint node "node-$node" busy=yes:NoSchedule >/dev/null; done
wait_for yes refused
[ "$before" = "$(names)" ] || fail "pods went that may not be disrupted"
for node in 1 2; do kubectl taint node "node-$node" busy- >/dev/null; done
kubectl patch pdb web --type=merge -p '{"spec": {"maxUnavailable": 3}}' >/dev/null
kubectl apply -f cluster_programs/moved.yaml >/dev/null
wait_for some evicted RemovePodsHavingTooManyRestarts
wait_for some evicted RemoveFailedPods
wait_for some evicted LowNodeUtilization
events() { count events.events.k8s.io --field-selector=reportingController=sigs.k8s.io.descheduler; }
[ "$(events)" -gt 0 ] || fail "no events of the descheduler"
# What a budget keeps it calls an error, and so it does what somebody else was faster to remove.
clean descheduler "$klog" 'disruption budget|not found when evicting'
echo "the descheduler has evicted what its strategies name, and nothing that a budget keeps; its log is clean"
stop_all
"$skiff" down --data-dir="$work/data" >/dev/null

# --- kwok ---
port=$(free_port)
"$skiff" certs all --cert-dir="$work/pki" --kubeconfig-dir="$work" --apiserver-bind-port="$port" \
  --apiserver-advertise-address=127.0.0.1 >/dev/null
export KUBECONFIG=$work/admin.conf
pki=$work/pki
start apiserver "$skiff" apiserver --data-dir="$work/alone" --secure-port="$port" --bind-address=127.0.0.1 \
  --service-cluster-ip-range=10.96.0.0/16 --tls-cert-file="$pki/apiserver.crt" --tls-private-key-file="$pki/apiserver.key" \
  --client-ca-file="$pki/ca.crt" --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction \
  --service-account-issuer=https://kubernetes.default.svc.cluster.local --service-account-key-file="$pki/sa.pub" \
  --service-account-signing-key-file="$pki/sa.key" \
  --kubelet-client-certificate="$pki/apiserver-kubelet-client.crt" --kubelet-client-key="$pki/apiserver-kubelet-client.key"
start controller-manager "$skiff" controller-manager --kubeconfig="$work/controller-manager.conf" \
  --root-ca-file="$pki/ca.crt" --service-account-private-key-file="$pki/sa.key" --allocate-node-cidrs \
  --cluster-cidr=10.244.0.0/16
start scheduler "$skiff" scheduler --kubeconfig="$work/scheduler.conf"
wait_for ok kubectl get --raw /readyz
kwok=$(folder newer sigs.k8s.io/kwok)/kustomize
kubectl apply -k "$kwok/crd" >/dev/null
kubectl wait --for=condition=Established crd --all --timeout=60s >/dev/null
# Its kustomization for a cluster gives all of it this namespace.
mkdir "$work/rights"
cp "$kwok"/rbac/{service_account,role,role_binding}.yaml "$work/rights"
kubectl apply -n kube-system -f "$work/rights" >/dev/null
kubectl apply -k "$kwok/stage/fast" >/dev/null
account kwok-controller kube-system
kwok_port=$(free_port)
start kwok "$programs/kwok" --kubeconfig="$work/kwok-controller.conf" --config="$PWD/cluster_programs/kwok_options.yaml" \
  --cidr=10.0.0.1/24 --node-ip=127.0.0.1 --node-port="$kwok_port" --server-address="127.0.0.1:$kwok_port" \
  --tls-cert-file="$pki/apiserver.crt" --tls-private-key-file="$pki/apiserver.key"
for node in $(seq 40); do
  echo "{apiVersion: v1, kind: Node, metadata: {name: fake-$node, annotations: {kwok.x-k8s.io/node: fake}}}"
  echo ---
done | kubectl apply -f - >/dev/null
nodes_ready() { kubectl get nodes --no-headers | awk '$2 == "Ready" {n++} END {print n + 0}'; }
wait_for 40 nodes_ready
printf '2026-01-01T00:00:00.000000000Z stdout F %s\n' one two >"$work/lines"
sed "s|@WORK@|$work|" cluster_programs/kwok.yaml | kubectl apply -f - >/dev/null
wait_for 300 ready deployment/web
wait_for 40 kubectl get daemonset each -o jsonpath='{.status.numberReady}'
wait_for 50 kubectl get job once -o jsonpath='{.status.succeeded}'
pod=$(kubectl get pods -l app=web -o jsonpath='{.items[0].metadata.name}')
wait_for $'one\ntwo' kubectl logs "$pod"
wait_for said kubectl exec "$pod" -- echo said
leases() { kubectl get leases -n kube-node-lease -o jsonpath='{.items[*].spec.holderIdentity}' | wc -w; }
wait_for 40 leases
kubectl scale deployment web --replicas=20 >/dev/null
wait_for 20 count pods -l app=web
# The pods of a node that goes are made anew elsewhere.
node=$(kubectl get pods -l app=web -o jsonpath='{.items[0].spec.nodeName}')
kubectl delete node "$node" >/dev/null
wait_for 0 on web "$node"
wait_for 20 ready deployment/web
kubectl delete deployment/web daemonset/each job/once >/dev/null
wait_for 0 count pods
clean kwok '"level":"(ERROR|WARN)"' '^$'
echo "kwok has played forty nodes and hundreds of pods, and answered for them; its log is clean"
