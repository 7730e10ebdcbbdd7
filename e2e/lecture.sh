#!/usr/bin/env bash
# The lecture's own setups in plain Docker, as a presenter would show them. First a cluster in one
# line. Then the parts by themselves: etcd in a container, a kubelet container that runs API server,
# controllers and scheduler as static pods from its manifests, and a proxy container beside it. Parts
# are killed, removed and broken, and come back. Every step is shown as it is typed, run, and checked;
# all is removed at the end, and the machine is compared with what it was.
#
#   e2e/lecture.sh         docs/lecture.md says what each container is
#
# Exits with 77 where no engine runs and none can be started. Where no Docker engine runs and this is
# root, one of our own is started meanwhile (docker.io).
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "$(id -u)" != 0 ] && ! docker info >/dev/null 2>&1; then exec sudo -E "$0" "$@"; fi
. e2e/packages.sh
. e2e/peers/kubectl.sh
. e2e/docker/engine.sh
. e2e/docker/image.sh
. e2e/show.sh
set -a; . ./.env; set +a
ETCD_IMAGE=${ETCD_IMAGE:-skiff-etcd}
NODE=${LECTURE_NODE:-127.0.0.1}
# Names of containers and of the volume that is /etc/kubernetes.
one=lecture-one etcd=lecture-etcd kubelet=lecture-kubelet proxy=lecture-proxy files=lecture-kubernetes
containers=("$one" "$etcd" "$kubelet" "$proxy")
work=$(mktemp -d)
before=

# What the machine has that a cluster could leave behind. Processes are those of the engine, by their
# cgroups, and what looks like containers of ours; mounts and links are all there are.
machine_state() {
  ip -o link show | awk -F': ' '{print "link", $2}' | sed 's/@.*//' | sort
  ip rule show | sed 's/^/rule /'
  { ip route show table all; ip -6 route show table all; } | grep -v ' linkdown' | sed 's/ linkdown//' |
    grep -v 'proto kernel\|^local\|^broadcast\|^multicast\|^anycast\|^ff00\|^fe80' | sed 's/^/route /' | sort
  awk '{print "mount", $2}' /proc/mounts | sort
  ls /run/netns 2>/dev/null | sed 's/^/netns /'
  iptables-save 2>/dev/null | grep -v '^#\|^:\|^\*\|^COMMIT' | sed 's/\[[0-9:]*\] *//' | sort
  for switch in net/ipv4/ip_forward net/ipv4/conf/all/route_localnet; do
    echo "switch $switch $(cat /proc/sys/$switch)"
  done
  grep -l "$(docker_cgroups)" /proc/[0-9]*/cgroup 2>/dev/null | sed 's/.*/a process of a container/' || true
  docker ps -aq --filter name=lecture- | sed 's/^/container /'
}
# A line of /proc/PID/cgroup that only processes of our containers have.
docker_cgroups() {
  local ids
  ids=$(docker ps -aq --no-trunc --filter name=lecture-)
  [ -n "$ids" ] || ids=$(cat "$work/ids" 2>/dev/null || echo no-container)
  echo "$ids" >"$work/ids"
  paste -sd'|' <<<"$ids" | sed 's/|/\\|/g'
}

remove_all() {
  docker stop -t 20 "$one" "$kubelet" "$proxy" >/dev/null 2>&1 || true
  if docker container inspect "$proxy" >/dev/null 2>&1; then
    docker run --rm --net=host --privileged "$SKIFF_IMAGE" kube-proxy --cleanup >/dev/null 2>&1 || true
  fi
  docker rm -fv "${containers[@]}" >/dev/null 2>&1 || true
  docker volume rm "$files" >/dev/null 2>&1 || true
}
cleanup() {
  local code=$?
  trap - EXIT
  if [ $code != 0 ] && [ $code != 77 ]; then
    for name in "${containers[@]}"; do
      docker container inspect "$name" >/dev/null 2>&1 || continue
      echo "-- $name"
      docker logs --tail 15 "$name" 2>&1 | cut -c1-300
    done
  fi
  remove_all
  stop_engine
  rm -rf "$work"
  [ $code != 77 ] || exit 77
  summary $code
}
trap cleanup EXIT
trap 'exit 130' INT TERM

install_packages "${DOCKER_PACKAGES[@]}" iproute2 iptables curl
start_engine "$work/engine" || { echo "SKIPPED: no Docker engine runs here, and none can be started"; exit 77; }
KUBECTL=$(debian_kubectl build/peers)
export KUBECONFIG=$work/kubeconfig
remove_all

say "1. The images"
build_image
docker image inspect "$ETCD_IMAGE" >/dev/null 2>&1 || run e2e/docker/etcd.sh "$ETCD_IMAGE" "$SKIFF_BASE"
before=$(machine_state)
same_machine() {
  local after
  after=$(machine_state)
  [ "$before" = "$after" ] || { diff <(echo "$before") <(echo "$after"); return 1; }
}
kubectl() { "$KUBECTL" "$@"; }
pods_run() { # SELECTOR COUNT
  local pods
  pods=$(kubectl get pods -l "$1" --no-headers 2>/dev/null) || return 1
  [ "$(grep -c ' 1/1 *Running' <<<"$pods")" = "$2" ] && [ "$(wc -l <<<"$pods")" = "$2" ]
}
node_ready() { kubectl get node "$1" --no-headers 2>/dev/null | grep -q ' Ready '; }
service_answers() {
  local address port
  address=$(kubectl get service web -o jsonpath='{.spec.clusterIP}')
  port=$(kubectl get service web -o jsonpath='{.spec.ports[0].nodePort}')
  curl -fsS -m 3 "http://$address/hostname" && curl -fsS -m 3 "http://127.0.0.1:$port/hostname"
}

say "2. A cluster in one line"
run docker run -d --name $one --net=host --pid=host --privileged "$SKIFF_IMAGE" up
kubeconfig_of() { docker exec "$1" cat "$2" >"$KUBECONFIG"; }
check "it writes a kubeconfig" kubeconfig_of $one /var/lib/skiff/admin.kubeconfig
host=$(hostname | tr '[:upper:]' '[:lower:]')
check "kubectl reaches it from the host; the node is Ready" node_ready "$host"
run kubectl get nodes -o wide
run docker exec $one skiff image load /usr/share/skiff/images/nautilus.tar
run kubectl apply -f manifests/web/web.yaml
check "three pods run" pods_run app=web 3
check "the Service answers on the host, by its address and by the node's port" service_answers
says() { # TEXT COMMAND...: the command fails, and says so.
  local text=$1 said
  shift
  if said=$("$@" 2>&1); then echo "it did not fail: $said"; return 1; fi
  grep -qF -- "$text" <<<"$said" || { echo "it said: $said"; return 1; }
}
check "a second one is told who has the port" says "port 6443: is taken by" \
  docker run --rm --net=host --pid=host --privileged "$SKIFF_IMAGE" up
check "one without privileges is told what it lacks" says "run the container that skiff runs in with --privileged" \
  docker run --rm "$SKIFF_IMAGE" up
began=$(date +%s%N)
run docker stop $one
echo "   after $((($(date +%s%N) - began) / 1000000)) ms"
same_but_container() { # The container and its volume stay until they are removed.
  [ "$(machine_state | grep -v '^container')" = "$before" ]
}
check "stopped, it leaves nothing on the host" same_but_container
run docker start $one
check "started again, the cluster is what it was, and its pods run" pods_run app=web 3
run docker kill $one
run docker run --rm --net=host --pid=host --privileged --volumes-from $one "$SKIFF_IMAGE" down
run docker rm -v $one
check "killed, it leaves nothing after 'down' either" same_machine

say "3. The lecture's way: certificates, etcd, a kubelet, a proxy"
run docker run --rm --net=host -v $files:/etc/kubernetes "$SKIFF_IMAGE" certs --node-name="$NODE"
run docker run -d --name $etcd --net=host "$ETCD_IMAGE" /usr/local/bin/etcd \
  --listen-client-urls=http://127.0.0.1:2379 --advertise-client-urls=http://127.0.0.1:2379 \
  --listen-peer-urls=http://127.0.0.1:2380 --data-dir=/var/etcd/data
# The static pods are of the image that the kubelet is of: its containerd gets it from a file.
run docker save -o "$work/skiff.tar" "$SKIFF_IMAGE"
start_kubelet() { # FLAG...
  run docker run -d --name $kubelet --net=host --pid=host --privileged -v $files:/etc/kubernetes \
    -v "$work/skiff.tar:/usr/share/skiff/images/skiff.tar:ro" \
    "$SKIFF_IMAGE" kubelet --kubeconfig=/etc/kubernetes/kubelet.conf --v=2 --address=0.0.0.0 \
    --hostname_override="$NODE" "$@"
}
start_kubelet --enable_server --client-ca-file=/etc/kubernetes/pki/ca.crt --config=/etc/kubernetes/manifests
run docker run -d --name $proxy --net=host --privileged -v $files:/etc/kubernetes "$SKIFF_IMAGE" \
  kube-proxy --master=https://127.0.0.1:6443 --kubeconfig=/etc/kubernetes/kube-proxy.conf \
  --hostname-override="$NODE" --v=2
check "there is an administrator's kubeconfig" kubeconfig_of $kubelet /etc/kubernetes/admin.conf
master_runs() {
  pods_in_system=$(kubectl get pods -n kube-system --no-headers 2>/dev/null)
  for part in kube-apiserver kube-controller-manager kube-scheduler; do
    grep -q "^$part-$NODE *1/1 *Running" <<<"$pods_in_system" || return 1
  done
}
CHECK_SECONDS=120 check "API server, controllers and scheduler run as static pods, seen as mirror pods" master_runs
run kubectl get pods -n kube-system -o wide
check "the node is Ready: the controllers have given it a pod CIDR" node_ready "$NODE"
run kubectl apply -f manifests/web/web.yaml
check "three pods run" pods_run app=web 3
check "the Service answers on the host, by the proxy container's rules" service_answers
run docker exec $etcd etcdctl get --prefix --keys-only /registry/pods/
check "the objects are in etcd" sh -c "docker exec $etcd etcdctl get --prefix --keys-only /registry/services/specs/ | grep -q default/web"
logs_say() { # POD TEXT FLAG...
  local pod=$1 text=$2
  shift 2
  kubectl logs -n kube-system "$pod-$NODE" "$@" | grep -qF -- "$text"
}
check "logs of a static pod come through the API server" logs_say kube-apiserver serving

say "4. Parts are killed, and come back"
restarts() { kubectl get pod -n kube-system "$1-$NODE" -o jsonpath='{.status.containerStatuses[0].restartCount}'; }
web_pods() { kubectl get pods -l app=web -o jsonpath='{range .items[*]}{.metadata.name} {.status.containerStatuses[0].containerID} {.status.containerStatuses[0].restartCount}{"\n"}{end}' | sort; }
listener() { ss -Hltnp "sport = :$1" | sed -n 's/.*pid=\([0-9]*\).*/\1/p' | head -n 1; }
pods_before=$(web_pods)
restarts_before=$(restarts kube-apiserver)
run kill -9 "$(listener 6443)"
restarted() { [ "$(restarts kube-apiserver)" -gt "$restarts_before" ] && master_runs; }
check "the kubelet has restarted the API server" restarted
check "no other pod has noticed" test "$pods_before" = "$(web_pods)"
run docker exec $kubelet mv /etc/kubernetes/manifests/kube-scheduler.yaml /etc/kubernetes/
gone() { ! kubectl get pods -n kube-system --no-headers | grep -q "^$1-"; }
check "without its manifest the scheduler's pod ends, and its mirror goes" gone kube-scheduler
run kubectl scale deployment web --replicas=4
pending() { kubectl get pods -l app=web --no-headers | grep -q ' Pending '; }
check "a new pod is not placed" pending
run docker exec $kubelet mv /etc/kubernetes/kube-scheduler.yaml /etc/kubernetes/manifests/
check "with it the scheduler is back, and places the pod" pods_run app=web 4
uid=$(kubectl get deployment web -o jsonpath='{.metadata.uid}')
run docker restart $etcd
same_web() { [ "$(kubectl get deployment web -o jsonpath='{.metadata.uid}')" = "$uid" ]; }
check "etcd keeps the objects over its restart" same_web
check "and writes go on" kubectl annotate --overwrite deployment web after=restart

run docker kill $kubelet
run docker start $kubelet
CHECK_SECONDS=120 check "killed as a machine is by a power cut, the kubelet comes back with its static pods" master_runs
CHECK_SECONDS=120 check "and its other pods" pods_run app=web 4
check "the Service answers" service_answers

say "5. What is wrong is said, and the rest goes on"
in_manifests() { docker exec -i $kubelet sh -c "cd /etc/kubernetes/manifests && $1"; }
in_manifests 'cat >broken.yaml' <<<'kind: [Pod'
event_says() { kubectl get events -A -o jsonpath='{range .items[*]}{.reason}: {.message}{"\n"}{end}' | grep -qF -- "$1"; }
check "a broken manifest is an event of the node" event_says "broken.yaml: couldn't parse as pod"
in_manifests 'rm broken.yaml'
check "the other static pods run on" master_runs
in_manifests 'sed -i s/--leader-elect=true/--leader-erect=true/ kube-scheduler.yaml'
check "a flag that does not exist is in the pod's log" logs_say kube-scheduler "unknown flag: --leader-erect"
in_manifests 'sed -i s/--leader-erect=true/--leader-elect=true/ kube-scheduler.yaml'
check "mended, it runs again" master_runs
in_manifests 'sed -i s/--secure-port=10259/--secure-port=10257/\;s/--bind-address=127.0.0.1/\&\\n\ \ \ \ \ \ \ \ -\ --secure-port=10257/ kube-scheduler.yaml'
check "so is a taken port" logs_say kube-scheduler "listen tcp 127.0.0.1:10257: bind: address already in use"
in_manifests 'sed -i /--secure-port=10257/d kube-scheduler.yaml'
check "mended, it runs again" master_runs
check "a flag that kubelets have no more is refused" says "unknown flag: --api_servers" \
  docker run --rm "$SKIFF_IMAGE" kubelet --api_servers=http://localhost:8080
check "a second kubelet is told that there is one" says "another kubelet runs" \
  docker exec $kubelet skiff kubelet --kubeconfig=/etc/kubernetes/kubelet.conf --config=/etc/kubernetes/manifests
run docker stop $etcd
check "without etcd the API server says what it misses" says "etcdserver" kubectl --request-timeout=20s create namespace lost
kill -9 "$(listener 6443)"
etcd_missed() { docker exec $kubelet sh -c 'cat /var/log/pods/kube-system_kube-apiserver*/kube-apiserver/*.log' | grep -qF 'no answer from etcd at http://127.0.0.1:2379'; }
CHECK_SECONDS=150 check "started without etcd, it says where it looked" etcd_missed
run docker start $etcd
CHECK_SECONDS=120 check "with etcd it is back, and so is every object" same_web
CHECK_SECONDS=120 check "all parts run" master_runs

say "6. Another kubelet, with a KubeletConfiguration"
run docker stop $kubelet
docker rm -v $kubelet >/dev/null
check "its pods have ended with it" sh -c "! ip link show cni0"
run docker run --rm -v $files:/etc/kubernetes --entrypoint cat "$SKIFF_IMAGE" /etc/kubernetes/kubelet/config.yaml
start_kubelet --config=/etc/kubernetes/kubelet/config.yaml
CHECK_SECONDS=120 check "the static pods run" master_runs
check "the Deployment is what it was" same_web
CHECK_SECONDS=120 check "and its pods run" pods_run app=web 4
check "the Service answers" service_answers

say "7. Nothing stays"
run kubectl delete -f manifests/web/web.yaml
run docker stop $kubelet $proxy $etcd
run docker run --rm --net=host --privileged "$SKIFF_IMAGE" kube-proxy --cleanup
run docker rm -v $kubelet $proxy $etcd
docker volume rm $files >/dev/null
check "the machine is as it was before" same_machine
