#!/usr/bin/env bash
# The lecture's own setups in plain Docker, as a presenter would show them. First a cluster in one
# line. Then the parts by themselves: etcd in a container, a kubelet container that runs API server,
# controllers and scheduler as static pods from its manifests, and a proxy container beside it. Parts
# are killed, removed and broken, and come back. Every step is shown as it is typed, run, and checked;
# all is removed at the end, and the machine is compared with what it was.
#
#   e2e/lecture.sh         docs/lecture.md says what each container is; names are variables in .env
#
# Where no Docker engine runs and this is root, one of our own is started meanwhile; exits with 77
# where it cannot be.
set -euo pipefail
cd "$(dirname "$0")/.."
. e2e/packages.sh
. e2e/peers/kubectl.sh
. e2e/docker/engine.sh
. e2e/docker/env.sh
. e2e/show.sh
# Before there may be no network but the engine's.
KUBECTL=$(debian_kubectl build/peers)
e2e/docker/etcd.sh
need_engine "$@"
image=$SKIFF_IMAGE:$SKIFF_VERSION
node=$LECTURE_NODE
# Names of containers, and of the volume that is /etc/kubernetes.
one=lecture-one etcd=lecture-etcd kubelet=lecture-kubelet proxy=lecture-proxy api=lecture-api
files=lecture-kubernetes
containers=("$one" "$etcd" "$kubelet" "$proxy" "$api")
work=$(mktemp -d)
export KUBECONFIG=$work/kubeconfig

kubectl() { "$KUBECTL" "$@"; }
# says TEXT COMMAND...: the command fails, and says so.
says() {
  local text=$1 said
  shift
  if said=$("$@" 2>&1); then echo "it did not fail: $said"; return 1; fi
  grep -qF -- "$text" <<<"$said" || { echo "it said: $said"; return 1; }
}

fails() { ! "$@"; }
took() { echo "   after $((($(date +%s%N) - $1) / 1000000)) ms"; } # BEGAN

# --- What the machine has, and how all is taken away ----------------------------------------------

# The networks that our own engine is in have no way out: a machine has one.
uplink() {
  ip link add uplink type bridge
  ip address add 192.0.2.1/24 dev uplink
  ip link set uplink up
  ip route add default via 192.0.2.254
}

# What a cluster could leave behind; processes by the cgroups of our containers.
machine_state() {
  ip -o link show | awk -F': ' '{print "link", $2}' | sed 's/@.*//' | sort
  ip rule show | sed 's/^/rule /'
  { ip route show table all; ip -6 route show table all; } | sed 's/ linkdown//' |
    grep -v 'proto kernel\|^local\|^broadcast\|^multicast\|^anycast\|^ff00\|^fe80' | sed 's/^/route /' | sort
  awk '{print "mount", $2}' /proc/mounts | sort
  iptables-save 2>/dev/null | grep -v '^#\|^:\|^\*\|^COMMIT' | sed 's/\[[0-9:]*\] *//' | sort
  for switch in net/ipv4/ip_forward net/ipv4/conf/all/route_localnet; do
    echo "switch $switch $(cat /proc/sys/$switch)"
  done
  docker ps -aq --no-trunc --filter name=lecture- >>"$work/ids"
  grep -lFf "$work/ids" /proc/[0-9]*/cgroup 2>/dev/null | while read -r file; do
    echo "process $(tr '\0' ' ' <"${file%cgroup}cmdline" | cut -c1-80)"
  done || true
  docker ps -aq --filter name=lecture- | sed 's/^/container /'
}
# What is left while there still are containers, stopped ones, is not looked at.
same_machine() {
  local now
  now=$(machine_state | grep -v "${1:-^$}" || true)
  [ "$before" = "$now" ] || { diff <(echo "$before") <(echo "$now"); return 1; }
}
stopped_leave_nothing() { same_machine '^container'; }

remove_all() {
  docker stop -t 20 "$one" "$kubelet" "$proxy" >/dev/null 2>&1 || true
  if docker container inspect "$proxy" >/dev/null 2>&1; then
    docker run --rm --net=host --privileged "$image" kube-proxy --cleanup >/dev/null 2>&1 || true
  fi
  docker rm -fv "${containers[@]}" >/dev/null 2>&1 || true
  docker volume rm "$files" >/dev/null 2>&1 || true
}
last_words() {
  local name
  for name in "${containers[@]}"; do
    docker container inspect "$name" >/dev/null 2>&1 || continue
    echo "-- $name, $(docker container inspect -f '{{.State.Status}} {{.State.ExitCode}}' "$name")"
    docker logs --tail 15 "$name" 2>&1 | cut -c1-300
  done >>"$work/last_words"
}
cleanup() {
  local code=$?
  trap - EXIT
  if [ $code != 0 ]; then
    kubectl get nodes,pods -A -o wide 2>/dev/null || true
    last_words
    cat "$work/last_words"
  fi
  remove_all
  rm -rf "$work"
  summary $code
}

# --- What is looked at -----------------------------------------------------------------------------

kubeconfig_of() { docker exec "$1" cat "$2" >"$KUBECONFIG"; }
node_ready() { kubectl get node "$1" --no-headers 2>/dev/null | grep -q ' Ready '; }
pods_run() { # SELECTOR COUNT
  local pods
  pods=$(kubectl get pods -l "$1" --no-headers 2>/dev/null) || return 1
  [ "$(grep -c ' 1/1 *Running' <<<"$pods")" = "$2" ] && [ "$(wc -l <<<"$pods")" = "$2" ]
}
service_answers() {
  local address port
  address=$(kubectl get service web -o jsonpath='{.spec.clusterIP}')
  port=$(kubectl get service web -o jsonpath='{.spec.ports[0].nodePort}')
  curl -fsS -m 3 "http://$address/hostname" && curl -fsS -m 3 "http://127.0.0.1:$port/hostname"
}
master_runs() {
  local pods part
  pods=$(kubectl get pods -n kube-system --no-headers 2>/dev/null) || return 1
  for part in kube-apiserver kube-controller-manager kube-scheduler; do
    grep -q "^$part-$node *1/1 *Running" <<<"$pods" || return 1
  done
}
static_pod_gone() { local pods; pods=$(kubectl get pods -n kube-system --no-headers) && ! grep -q "^$1-" <<<"$pods"; }
logs_say() { kubectl logs -n kube-system "$1-$node" | grep -qF -- "$2"; } # POD TEXT
# While there is no API server to ask; FILE_PATTERN TEXT
log_files_say() { docker exec $kubelet sh -c "cat /var/log/pods/kube-system_$1*/*/*.log" | grep -qF -- "$2"; }
event_says() { kubectl get events -A -o jsonpath='{range .items[*]}{.message}{"\n"}{end}' | grep -qF -- "$1"; }
restarts() { kubectl get pod -n kube-system "$1-$node" -o jsonpath='{.status.containerStatuses[0].restartCount}'; }
restarted() { [ "$(restarts "$1")" -gt "$2" ] && master_runs; }
web_containers() {
  kubectl get pods -l app=web -o jsonpath='{range .items[*]}{.status.containerStatuses[0].containerID}{"\n"}{end}' | sort
}
containerd_process() { docker exec $kubelet cut -d' ' -f1 /var/lib/skiff/containerd/containerd.pid; }
another_containerd() { # PROCESS
  local now
  now=$(containerd_process) && [ "$now" != "$1" ] && kill -0 "$now"
}
web_uid() { kubectl get deployment web -o jsonpath='{.metadata.uid}'; }
same() { [ "$("$2")" = "$1" ]; }
a_pod_is_pending() { kubectl get pods -l app=web --no-headers | grep -q ' Pending '; }
in_etcd() { docker exec $etcd etcdctl get --prefix --keys-only /registry/ | grep -q "$1"; }
# The process that listens on a port of the host.
listener() { ss -Hltnp "sport = :$1" | sed -n 's/.*pid=\([0-9]*\).*/\1/p' | head -n 1; }

# --- The show ----------------------------------------------------------------------------------------

one_line() {
  say "$1. A cluster in one line"
  local began
  began=$(date +%s%N)
  run docker run -d --name $one --net=host --pid=host --privileged "$image" up
  check "it writes a kubeconfig" kubeconfig_of $one /var/lib/skiff/admin.kubeconfig
  check "kubectl reaches it from the host; the node is Ready" node_ready "$(hostname | tr '[:upper:]' '[:lower:]')"
  took "$began"
  run kubectl get nodes -o wide
  run docker exec $one skiff image load /usr/share/skiff/images/nautilus.tar
  run kubectl apply -f manifests/web/web.yaml
  check "three pods run" pods_run app=web 3
  check "the Service answers on the host, by its address and by the node's port" service_answers
  check "a second one is told who has the port" says "port 6443: is taken by" \
    docker run --rm --net=host --pid=host --privileged "$image" up
  check "one without privileges is told what it lacks" \
    says "run the container that skiff runs in with --privileged" docker run --rm "$image" up
  began=$(date +%s%N)
  run docker stop $one
  took "$began"
  check "stopped, it leaves nothing on the host" stopped_leave_nothing
  run docker start $one
  check "started again, the cluster is what it was" pods_run app=web 3
  check "and the Service answers" service_answers
  run docker kill $one
  run docker run --rm --net=host --pid=host --privileged --volumes-from $one "$image" down
  run docker rm -v $one
  check "killed, it leaves nothing after 'down' either" same_machine
}

# By its defaults it takes no pods where less than 15 % of the disk is free: not what is tried here.
start_kubelet() { # FLAG...
  run docker run -d --name $kubelet --net=host --pid=host --privileged -v $files:/etc/kubernetes \
    -v "$work/skiff.tar:/usr/share/skiff/images/skiff.tar:ro" \
    "$image" kubelet --kubeconfig=/etc/kubernetes/kubelet.conf --v=2 --address=0.0.0.0 \
    --hostname_override="$node" '--eviction-hard=memory.available<50Mi' "$@"
}

parts() {
  say "$1. The lecture's way: certificates, etcd, a kubelet, a proxy"
  local began
  run docker run --rm --net=host -v $files:/etc/kubernetes "$image" certs all --node-name="$node"
  # Where the image has another name, so has that of the static pods.
  [ "$image" = skiff:latest ] ||
    in_files "sed -i 's|image: skiff\$|image: $image|' manifests/*.yaml"
  run docker run -d --name $etcd --net=host "$ETCD_IMAGE" /usr/local/bin/etcd \
    --listen-client-urls=http://127.0.0.1:2379 --advertise-client-urls=http://127.0.0.1:2379 \
    --listen-peer-urls=http://127.0.0.1:2380 --data-dir=/var/etcd/data
  # The static pods are of the image that the kubelet is of: its containerd gets it from a file.
  run docker save -o "$work/skiff.tar" "$image"
  began=$(date +%s%N)
  start_kubelet --enable_server --client-ca-file=/etc/kubernetes/pki/ca.crt \
    --config=/etc/kubernetes/manifests
  run docker run -d --name $proxy --net=host --privileged -v $files:/etc/kubernetes "$image" \
    kube-proxy --master=https://127.0.0.1:6443 --kubeconfig=/etc/kubernetes/kube-proxy.conf \
    --hostname-override="$node" --v=2
  check "there is an administrator's kubeconfig" kubeconfig_of $kubelet /etc/kubernetes/admin.conf
  check "API server, controllers and scheduler run as static pods, seen as mirror pods" master_runs
  took "$began"
  run kubectl get pods -n kube-system -o wide
  check "the node is Ready: the controllers have given it a pod CIDR" node_ready "$node"
  run kubectl apply -f manifests/web/web.yaml
  check "three pods run" pods_run app=web 3
  check "the Service answers on the host, by the proxy container's rules" service_answers
  run docker exec $etcd etcdctl get --prefix --keys-only /registry/pods/
  check "the objects are in etcd" in_etcd services/specs/default/web
  check "logs of a static pod come through the API server" logs_say kube-apiserver serving
}

parts_fail() {
  say "$1. Parts are killed, and come back"
  local running count daemon
  running=$(web_containers)
  count=$(restarts kube-apiserver)
  run kill -9 "$(listener 6443)"
  check "the kubelet has restarted the API server" restarted kube-apiserver "$count"
  check "no other pod has noticed" same "$running" web_containers
  daemon=$(containerd_process)
  run kill -9 "$daemon"
  check "the kubelet has started another containerd" another_containerd "$daemon"
  check "no pod has noticed" same "$running" web_containers
  run docker exec $kubelet mv /etc/kubernetes/manifests/kube-scheduler.yaml /etc/kubernetes/
  check "without its manifest the scheduler's pod ends, and its mirror goes" static_pod_gone kube-scheduler
  run kubectl scale deployment web --replicas=4
  check "a new pod is not placed" a_pod_is_pending
  run docker exec $kubelet mv /etc/kubernetes/kube-scheduler.yaml /etc/kubernetes/manifests/
  check "with it the scheduler is back, and places the pod" pods_run app=web 4
  uid=$(web_uid)
  run docker restart $etcd
  check "etcd keeps the objects over its restart" same "$uid" web_uid
  check "and writes go on" kubectl annotate --overwrite deployment web after=restart
  run docker kill $kubelet
  run docker start $kubelet
  CHECK_SECONDS=120 check "after a power cut, so to speak, the kubelet has its static pods again" master_runs
  CHECK_SECONDS=120 check "and its other pods" pods_run app=web 4
  check "the Service answers" service_answers
}

in_files() { docker run -i --rm -v $files:/etc/kubernetes -w /etc/kubernetes --entrypoint sh "$image" -c "$1"; }

mistakes() {
  say "$1. What is wrong is said, and the rest goes on"
  in_files 'cat >manifests/broken.yaml' <<<'kind: [Pod'
  check "a broken manifest is an event of the node" event_says "broken.yaml: couldn't parse as pod"
  in_files 'rm manifests/broken.yaml'
  check "the other static pods run on" master_runs
  local manifest=manifests/kube-scheduler.yaml
  in_files "sed -i s/--leader-elect=true/--leader-erect=true/ $manifest"
  check "a flag that does not exist is in the pod's log" logs_say kube-scheduler "unknown flag: --leader-erect"
  in_files "sed -i s/--leader-erect=true/--secure-port=10257/ $manifest"
  check "so is a taken port" logs_say kube-scheduler "listen tcp 127.0.0.1:10257: bind: address already in use"
  in_files "sed -i s/--secure-port=10257/--leader-elect=true/ $manifest"
  check "mended, it runs again" master_runs
  check "a flag that kubelets have no more is refused" says "unknown flag: --api_servers" \
    docker run --rm "$image" kubelet --api_servers=http://localhost:8080
  check "so is a kubelet without privileges" says "in a container, run it --privileged" \
    docker run --rm "$image" kubelet --config=/etc/kubernetes/manifests
  check "a second kubelet is told that there is one" says "another kubelet runs" \
    docker exec $kubelet skiff kubelet --config=/etc/kubernetes/manifests
  run docker stop $etcd
  check "without etcd the API server says what it misses" \
    says "etcdserver" kubectl --request-timeout=20s create namespace lost
  # It may have ended by itself, and does not listen then.
  server=$(listener 6443)
  [ -z "$server" ] || run kill -9 "$server"
  CHECK_SECONDS=150 check "started without etcd, it says where it looked" \
    log_files_say kube-apiserver "no answer from etcd at http://127.0.0.1:2379"
  run docker start $etcd
  CHECK_SECONDS=120 check "with etcd it is back, and so is every object" same "$uid" web_uid
  CHECK_SECONDS=120 check "all parts run" master_runs
}

another_kubelet() {
  say "$1. Another kubelet, with a KubeletConfiguration"
  run docker stop $kubelet
  docker rm -v $kubelet >/dev/null
  check "its pods have ended with it, and their network" sh -c "! ip route show proto 97 | grep ."
  run docker run --rm --entrypoint cat "$image" /etc/kubernetes/kubelet/config.yaml
  start_kubelet --config=/etc/kubernetes/kubelet/config.yaml
  CHECK_SECONDS=120 check "the static pods run" master_runs
  check "the Deployment is what it was" same "$uid" web_uid
  CHECK_SECONDS=120 check "and its pods run" pods_run app=web 4
  check "the Service answers" service_answers
}

# Servers had a port once that asked nobody who he is; kubectl's proxy is what there is of it.
old_proxy() {
  say "$1. The lecture's own line for the proxy"
  run docker run -d --name $api --net=host -v $files:/etc/kubernetes "$image" proxy \
    --kubeconfig=/etc/kubernetes/kube-proxy.conf --port="$LECTURE_PORT"
  docker rm -f $proxy >/dev/null
  run docker run --rm --net=host --privileged "$image" kube-proxy --cleanup
  check "without a proxy the Service does not answer" fails service_answers
  run docker run -d --name $proxy --net=host --privileged "$image" \
    kube-proxy --master=http://127.0.0.1:"$LECTURE_PORT" --v=2
  check "the Service answers again" service_answers
}

nothing_stays() {
  say "$1. Nothing stays"
  run kubectl delete -f manifests/web/web.yaml
  run docker stop $kubelet $proxy $api $etcd
  last_words
  run docker run --rm --net=host --privileged "$image" kube-proxy --cleanup
  run docker rm -v $kubelet $proxy $api $etcd
  docker volume rm $files >/dev/null
  check "the machine is as it was before" same_machine
}

trap cleanup EXIT
trap 'exit 130' INT TERM
remove_all
[ "${SKIFF_ENGINE:-}" != ours ] || uplink
if ! docker image inspect "$ETCD_IMAGE" >/dev/null 2>&1; then
  base=$SKIFF_BASE
  docker image inspect "$base" >/dev/null 2>&1 || base=skiff-base:12
  run e2e/docker/etcd.sh "$ETCD_IMAGE" "$base"
fi
# The first container in the host's network leaves a mount of the engine's.
docker run --rm --net=host --entrypoint true "$image"
before=$(machine_state)
one_line 1
parts 2
parts_fail 3
mistakes 4
another_kubelet 5
old_proxy 6
nothing_stays 7
