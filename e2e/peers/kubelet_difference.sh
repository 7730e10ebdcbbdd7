#!/usr/bin/env bash
# Runs a real kubelet v1.35 beside ours, as two nodes of one cluster of ours on a machine of its own (e2e/machine.sh), each
# over a containerd, and gives both the same pods (kubelet_scenarios.py): what containers see, how statuses end, events, logs and
# what a node says of itself are compared. Prints what differs; what kubelet_difference.txt names does not fail. Ends with
# 77 where there is no Go, its modules or such a machine cannot be had.
#
#   e2e/peers/kubelet_difference.sh SKIFF [REGEX]      of scenarios: all, unless told
#
# KUBE_PROGRAMS   a folder with kubelet (build/peers, built unless there)
# TOGETHER        how many scenarios at one time (6)
# QUIET           for so many seconds nothing has changed when a pod is compared (3)
set -euo pipefail
cd "$(dirname "$0")/../.."
. e2e/packages.sh
. e2e/show.sh
. e2e/own_machine.sh
skiff=$(realpath "${1:-build/release/skiff}")
only=${2:-}
programs=$(realpath -m "${KUBE_PROGRAMS:-build/peers}")
if [ -z "${SKIFF_MACHINE:-}" ]; then
  (cd e2e/peers && . ./kube_program.sh && kube_program "$programs" kubelet)
fi
own_machine kubelets 1500m "$skiff" "$only"
images=${SKIFF%/*}/images
[ -e "$images/busybox.tar" ] || images=build/release/images

# The real one and its containerd, in a directory that neither shares with ours.
theirs=/run/theirs
mkdir -p "$theirs" /var/lib/kubelet
mount -t tmpfs -o size=1500m tmpfs "$theirs"
mount -t tmpfs tmpfs /var/log
mount -t tmpfs tmpfs /var/lib/kubelet

run "$SKIFF" up --data-dir="$DATA" --node-name=ours --load-image="$(ls "$images"/*.tar | paste -sd,)"
mkdir -p "$theirs/cni/net.d" "$theirs/run"
# The same runtime, with directories of its own.
sed -e "s#$DATA/containerd#$theirs#g" "$DATA/containerd/config.toml" >"$theirs/config.toml"
cat >"$theirs/cni/net.d/10-pods.conflist" <<CNI
{"cniVersion": "0.4.0", "name": "pods", "plugins": [
  {"type": "bridge", "bridge": "theirs0", "isGateway": true, "ipMasq": false, "hairpinMode": true,
   "ipam": {"type": "host-local", "dataDir": "$theirs/ipam", "ranges": [[{"subnet": "10.245.1.0/24"}]],
            "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
CNI
containerd --config "$theirs/config.toml" >"$theirs/containerd.log" 2>&1 &
check "their containerd runs" test -S "$theirs/run/containerd.sock"
for image in "$images"/*.tar; do
  ctr --address "$theirs/run/containerd.sock" --namespace k8s.io images import "$image" >/dev/null
done
# Its pods' cgroups lie beside those of ours. cpuset of version 1 takes nobody before it has processors and memory.
while read -r path; do
  mkdir -p "$path/theirs"
  for file in cpuset.cpus cpuset.mems; do
    [ ! -e "$path/$file" ] || cat "$path/$file" >"$path/theirs/$file"
  done
done < <(awk '$3 ~ /^cgroup2?$/ { print $2 }' /proc/self/mounts)
# Our API server talks to kubelets that it can tell alone.
openssl req -newkey rsa:2048 -nodes -keyout "$theirs/serving.key" -subj /CN=kube -addext subjectAltName=DNS:kube,IP:192.0.2.1 2>/dev/null |
  openssl x509 -req -CA "$DATA/pki/ca.crt" -CAkey "$DATA/pki/ca.key" -CAcreateserial -copy_extensions copy -days 1 \
    -out "$theirs/serving.crt" 2>/dev/null
cat >"$theirs/kubelet.yaml" <<CONFIG
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
cgroupDriver: cgroupfs
cgroupRoot: /theirs
failCgroupV1: false
failSwapOn: false
port: 10350
healthzPort: 10348
clusterDNS: [$(k get service kube-dns -n kube-system -o jsonpath='{.spec.clusterIP}')]
clusterDomain: cluster.local
containerRuntimeEndpoint: unix://$theirs/run/containerd.sock
authentication: {anonymous: {enabled: false}, x509: {clientCAFile: $DATA/pki/ca.crt}}
tlsCertFile: $theirs/serving.crt
tlsPrivateKeyFile: $theirs/serving.key
podLogsDir: /var/log/theirs
CONFIG
"$programs/kubelet" --config="$theirs/kubelet.yaml" --kubeconfig="$KUBECONFIG" --hostname-override=kube \
  --node-ip=192.0.2.1 --root-dir="$theirs/kubelet" >"$theirs/kubelet.log" 2>&1 &
check "both nodes are ready" k wait --for=condition=Ready node/kube node/ours --timeout=1s
for root in "$theirs/kubelet" "$DATA/kubelet"; do
  mkdir -p "$root/seccomp"
  python3 -B -c 'import json, sys; sys.path.insert(0, "e2e/peers"); import kubelet_isolation_scenarios as it; print(json.dumps(it.PROFILE))' \
    >"$root/seccomp/no-mkdir.json"
done
k create serviceaccount admin -n kube-system >/dev/null
k create clusterrolebinding difference --clusterrole=cluster-admin --serviceaccount=kube-system:admin >/dev/null
if ! python3 -B e2e/peers/kubelet_difference.py --port 6443 --token "$(k create token admin -n kube-system)" \
  --only "$only" --together "${TOGETHER:-6}"; then
  grep -E '^[EF]' "$theirs/kubelet.log" | tail -n "${LOG_LINES:-15}" | cut -c1-300
  fail "they differ"
fi
