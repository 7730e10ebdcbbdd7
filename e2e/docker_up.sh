#!/usr/bin/env bash
# `skiff up --docker` as somebody who knows Docker and kind would use it: clusters of containers with one
# command, several side by side, with ports of the host, images of the engine, stopped and started,
# removed without a trace; several servers over an etcd, of which any may die; and what skiff says when
# something is in the way. Every step is shown as it is typed, run, and checked.
#
#   e2e/docker_up.sh                  ports are variables in .env
#   e2e/docker_up.sh three_servers    these parts alone (`play` at the end names them)
#   e2e/docker_up.sh cut_apart        instead: cut apart in every way, of which three_servers has two (e2e/docker/cuts.sh)
#
# Where no Docker engine runs and this is root, one of our own is started meanwhile; exits with 77
# where it cannot be.
set -euo pipefail
cd "$(dirname "$0")/.."
. e2e/packages.sh
. e2e/peers/kubectl.sh
. e2e/docker/engine.sh
. e2e/docker/env.sh
. e2e/docker/cuts.sh
. e2e/show.sh
[ -x build/release/skiff ] || { echo "SKIPPED: build/release/skiff is not built"; exit 77; }
# Before there may be no network but the engine's.
KUBECTL=$PWD/$(debian_kubectl build/peers)
e2e/docker/etcd.sh
need_engine "$@"
skiff() { build/release/skiff "$@"; }
image=$SKIFF_IMAGE:$SKIFF_VERSION
work=$(mktemp -d)
export HOME=$work/home
mkdir -p "$HOME/.local/share"
clients=() # Who read and write all the while.
clusters=(show second third taken three)
site_port=$((SKIFF_NODE_PORT + 2))
ours=$HOME/.local/share/skiff/docker

cleanup() {
  local code=$? cluster
  trap - EXIT
  [ $code = 0 ] || { docker ps -a; diff <(echo "$untouched") <(traces); } || true
  [ -z "${listener:-}" ] || kill "$listener" 2>/dev/null || true
  [ ${#clients[@]} = 0 ] || kill "${clients[@]}" 2>/dev/null || true
  for cluster in "${clusters[@]}"; do skiff down --docker --name="$cluster" >/dev/null 2>&1 || true; done
  docker rm -f taken-server >/dev/null 2>&1 || true
  docker volume rm -f taken-agent-1 >/dev/null 2>&1 || true
  docker rmi -f skiff-show/web:1 >/dev/null 2>&1 || true
  rm -rf "$work"
  summary $code
}

# Everything a cluster could leave behind.
traces() {
  docker ps -aq --no-trunc | sort
  docker volume ls -q | sort
  docker network ls -q --no-trunc | sort
  find "$HOME" | sort
}
of() { local cluster=$1; shift; "$KUBECTL" --kubeconfig "$ours/$cluster.kubeconfig" "$@"; }
nodes_ready() { [ "$(of "$1" get nodes --no-headers | grep -c ' Ready ')" = "$2" ]; }
says() { grep -q -- "$1" "$work/said"; }
# Runs a command that must fail, and shows what it says; then `says` looks into it.
refused() {
  printf '\n$ %s\n' "$*"
  if "$@" >"$work/said" 2>&1; then cat "$work/said"; fail "this should have been refused"; fi
  cat "$work/said"
}

several_clusters() {
  say "1. A cluster of three machines, and another beside it"
  # On a terminal, as somebody types it.
  script -qec "build/release/skiff up --docker --name=show --nodes=3 --image='$image' --merge-kubeconfig \
    --publish=127.0.0.1:$SKIFF_NODE_PORT:30080 --publish=127.0.0.1:$site_port:80" /dev/null >"$work/said" ||
    { cat "$work/said"; fail "it is not made"; }
  printf '\n$ skiff up --docker --name=show --nodes=3 --publish=127.0.0.1:%s:30080 --publish=127.0.0.1:%s:80\n' \
    "$SKIFF_NODE_PORT" "$site_port"
  cat "$work/said"
  check "it says what is under way" says 'starting node 3 of 3'
  check "and how to go on" says "export KUBECONFIG=$ours/show.kubeconfig"
  check "three nodes are Ready" nodes_ready show 3
  skiff up --docker --name=second --image="$image" >"$work/said"
  cat "$work/said"
  check "a pipe is told what comes of it, and no more" sh -c "! grep -q starting '$work/said'"
  check "a second cluster has found a port of its own" nodes_ready second 1
  run of show get nodes -o wide
  run env HOME="$HOME" "$KUBECTL" config get-contexts
  check "the first is in the user's kubeconfig, under its own name" \
    env HOME="$HOME" "$KUBECTL" --context=skiff-show get nodes
  run skiff status --docker
  check "status knows all machines" \
    sh -c "[ \$(build/release/skiff status --docker | grep -c ' running *True ') = 4 ]"
}

images_and_ports() {
  say "2. An image of the engine on all machines, reached by a port of the host"
  printf 'FROM scratch\nCOPY nautilus /\nCMD ["/nautilus"]\n' |
    DOCKER_BUILDKIT=0 docker build -q -t skiff-show/web:1 -f - build/release/images/bin >/dev/null 2>&1
  run skiff image load --docker --name=show skiff-show/web:1
  run skiff image load --docker --name=second build/release/images/busybox.tar
  check "the other cluster has its own images" \
    sh -c "docker exec second-server skiff image ls | grep -q busybox"
  run of show create deployment web --image=skiff-show/web:1
  run of show scale deployment web --replicas=3
  run of show create service nodeport web --tcp=80 --node-port=30080
  run of show rollout status deployment web
  check "it runs on both agents, from that image" sh -c "[ \$('$KUBECTL' --kubeconfig '$ours/show.kubeconfig' \
    get pods -l app=web -o jsonpath='{range .items[*]}{.spec.nodeName}{\"\\n\"}{end}' | sort -u | wc -l) = 2 ]"
  check "and answers on 127.0.0.1:$SKIFF_NODE_PORT" curl -sf "http://127.0.0.1:$SKIFF_NODE_PORT/hostname"
  run of show expose deployment web --name=lb --type=LoadBalancer --port=8089 --target-port=80
  check "outside Docker at the addresses of a LoadBalancer Service" balancer_answers lb 8089
  run of show create ingress site --class=skiff '--rule=/hostname=web:80'
  check "and by an Ingress at 127.0.0.1:$site_port" curl -sf "http://127.0.0.1:$site_port/hostname"
  run of show delete ingress site
}
balancer_answers() { # SERVICE PORT: at each address that its status names
  local address addresses
  addresses=$(of show get service "$1" -o jsonpath='{.status.loadBalancer.ingress[*].ip}')
  [ -n "$addresses" ] || return 1
  for address in $addresses; do curl -sf -m 3 "http://$address:$2/hostname" || return 1; done
}

stopped_and_started() {
  say "3. Stopped, and on again"
  run docker stop show-agent-1 show-agent-2 show-server
  run skiff status --docker --name=show
  run skiff up --docker --name=show
  check "three nodes are Ready" nodes_ready show 3
  check "the Deployment runs" of show rollout status deployment web --timeout=60s
  check "and answers again" curl -sf "http://127.0.0.1:$SKIFF_NODE_PORT/hostname"
}

removed_by_hand() {
  say "4. Removed by other hands, and made again over what is left"
  run of show create configmap keep --from-literal=a=b
  run docker rm -f show-agent-2
  run skiff up --docker --name=show --image="$image"
  check "it is there again" docker inspect show-agent-2
  check "three nodes are Ready" nodes_ready show 3
  refused skiff up --docker --name=show --publish="127.0.0.1:$((SKIFF_NODE_PORT + 3)):81"
  check "a port that it was not made with" says "with --publish=.*:30080 .*, not --publish=.*docker rm -f show-server, and"
  refused skiff up --docker --name=show --image=skiff-base:12
  check "another image" says 'with another image, not --image=skiff-base:12'
  run docker rm -f show-server
  run skiff up --docker --name=show --image="$image" --publish="127.0.0.1:$SKIFF_NODE_PORT:30080" \
    --publish="127.0.0.1:$site_port:80"
  check "three nodes are Ready" nodes_ready show 3
  check "what the server knew it knows" of show get configmap keep
  run docker rm -f show-server
  run skiff up --docker --name=show
  check "and has its ports though nobody says them again" published show-server
  check "three nodes are Ready" nodes_ready show 3
  run docker rm -f show-server show-agent-1 show-agent-2
  refused skiff up --docker --name=show --image="$image" --secure-port=7443
  check "a port that its nodes do not know" says "knows its server at port .*, not 7443"
  refused skiff up --docker --name=show --image="$image" --publish=bad
  check "what cannot be made takes no volume along" sh -c "[ \$(docker volume ls -q --filter label=skiff.io/cluster=show | wc -l) = 4 ]"
  run skiff up --docker --name=show --image="$image" --publish="127.0.0.1:$SKIFF_NODE_PORT:30080" \
    --publish="127.0.0.1:$site_port:80"
  check "all of it is there again" nodes_ready show 3
  check "with its ports" published show-server
  check "with what it knew" of show get configmap keep
  check "and what ran" of show rollout status deployment web --timeout=60s
}

published() { # CONTAINER
  docker port "$1" 30080 | grep -q "127.0.0.1:$SKIFF_NODE_PORT" && docker port "$1" 80 | grep -q "127.0.0.1:$site_port"
}

at_once() {
  local first=0 second=0 other
  say "5. Two at once for one name"
  run docker rm -f show-agent-1
  skiff up --docker --name=show >"$work/first" 2>&1 &
  other=$!
  skiff up --docker --name=show >"$work/second" 2>&1 || second=$?
  wait "$other" || first=$?
  cat "$work/first" "$work/second"
  check "one has made it, the other was refused" sh -c "[ $((first + second)) = 1 ] &&
    cat '$work/first' '$work/second' | grep -q 'another skiff is making or removing the cluster \"show\"; wait'"
  check "three nodes are Ready" nodes_ready show 3
  check "with what they knew" of show get configmap keep
}

in_the_way() {
  local before port
  say "6. What is in the way, and how to mend it"
  port=$(docker inspect -f '{{index .Config.Labels "skiff.io/port"}}' show-server)
  before=$(traces)
  refused env DOCKER_HOST=unix:///nowhere/docker.sock build/release/skiff up --docker
  check "no engine" says 'engine does not answer.*systemctl start docker'
  mkdir "$work/empty"
  refused env PATH="$work/empty" "$PWD/build/release/skiff" up --docker
  check "no docker" says 'docker: no such program; install it'
  refused skiff up --docker --name=third --image=skiff-show/nowhere
  check "no image" says 'no image "skiff-show/nowhere"; build it'
  refused skiff up --docker --name='Not A Name'
  check "no name" says 'is not made of lower case letters'
  refused skiff up --docker --name=third --nodes=0
  check "no nodes" says 'not between 1 and 50'
  refused skiff up --docker --name=show --nodes=2
  check "a cluster of that name has other nodes" says 'with 3 nodes, not 2; choose another --name'
  refused skiff up --docker --name=third --image="$image" --secure-port="$port"
  check "a port that another cluster has" says "$port of this machine is taken by container show-server"
  python3 -m http.server --bind 127.0.0.1 "$((SKIFF_NODE_PORT + 1))" >/dev/null 2>&1 &
  listener=$!
  check "somebody listens" curl -s "http://127.0.0.1:$((SKIFF_NODE_PORT + 1))/"
  refused skiff up --docker --name=third --image="$image" --publish="127.0.0.1:$((SKIFF_NODE_PORT + 1)):80"
  check "a port that another program has" says 'is taken by another program; .*--publish'
  kill "$listener"
  refused skiff image load --docker --name=show /nowhere.tar
  check "no image to load" says '/nowhere.tar is neither a file that can be read nor an image'
  refused skiff image load --docker --name=third build/release/images/busybox.tar
  check "no cluster to load it into" says 'no cluster "third" runs in Docker'
  check "nothing is left of what failed" leaves "$before"
  docker create --name taken-server "$image" >/dev/null
  docker volume create taken-agent-1 >/dev/null
  refused skiff up --docker --name=taken --image="$image"
  check "a name that somebody's container has" says 'a container named taken-server is there.*docker rm -f taken-server'
  docker rm -v taken-server >/dev/null
  refused skiff up --docker --name=taken --image="$image" --nodes=2
  check "a name that somebody's volume has" says 'a volume named taken-agent-1 is there'
  check "that volume is still there" docker volume inspect taken-agent-1
  docker volume rm taken-agent-1 >/dev/null
}

in_a_container() {
  say "7. What a container may lack, and how to mend it"
  refused docker run --rm "$image"
  check "no privileges" says 'may not mount.*' && check "the way out" says 'with --privileged'
  refused docker run --rm --cap-add SYS_ADMIN --cap-add NET_ADMIN --security-opt apparmor=unconfined "$image"
  check "cgroups that are read-only" says 'no cgroup can be made.*Read-only file system' &&
    check "the way out" says 'with --privileged'
  refused docker run --rm --privileged -v /dev/null:/usr/sbin/xtables-nft-multi \
    -v /dev/null:/usr/sbin/xtables-legacy-multi "$image"
  check "no iptables" says 'iptables' && check "the way out" says 'apt-get install iptables'
  refused docker run --rm --privileged --network container:second-server "$image" up \
    --secure-port="$(docker inspect -f '{{index .Config.Labels "skiff.io/port"}}' second-server)"
  check "a port that is taken" says 'is taken by' && check "the way out" says 'choose another port with --secure-port'
  refused docker run --rm --privileged -v second-server:/var/lib/skiff "$image"
  check "a volume that another one runs on" says 'another skiff runs on it'
}

removed() {
  say "8. Removed without a trace"
  run skiff chaos pause node/show-agent-1 --for=10m --kubeconfig="$ours/show.kubeconfig"
  run skiff down --docker --name=show | tee "$work/said"
  check "it has ended the fault that was on, and says so" says '(pause of node/show-agent-1.*) is undone$'
  check "the other cluster runs on" nodes_ready second 1
  run skiff down --docker --name=second
  run skiff down --docker --name=second
  check "the user's kubeconfig has forgotten it" test -z "$(env HOME="$HOME" "$KUBECTL" config get-contexts -o name)"
  rm -rf "$HOME/.kube"
  check "no container, network, volume or file is left" same_traces
}
need_etcd_image() {
  local base=$SKIFF_BASE
  docker image inspect "$base" >/dev/null 2>&1 || base=skiff-base:12
  docker image inspect "$ETCD_IMAGE" >/dev/null 2>&1 || e2e/docker/etcd.sh "$ETCD_IMAGE" "$base" >/dev/null
}
up_three() { # NODES FLAG...
  run skiff up --docker --name=three --nodes="$1" --etcd=3 --etcd-image="$ETCD_IMAGE" --image="$image" \
    --load-image=build/release/images/nautilus.tar --publish="127.0.0.1:$SKIFF_NODE_PORT:30080" \
    --server-arg=--node-monitor-grace-period=15s --server-arg=--default-not-ready-toleration-seconds=5 \
    --server-arg=--default-unreachable-toleration-seconds=5 "${@:2}"
  check "all $1 nodes are Ready" nodes_ready three "$1"
}
cut_apart() {
  say "Three servers over three members of etcd, cut apart"
  need_etcd_image
  up_three 5 --load-image=build/release/images/busybox.tar
  all_cuts three
  run skiff down --docker --name=three
  rm -rf "$HOME/.kube"
  check "no container, network, volume or file is left" same_traces
}
three_servers() {
  local leader keys=/var/etcd/data/pki
  say "9. Three servers over three members of etcd"
  need_etcd_image
  refused skiff up --docker --name=three --image="$image" --etcd=3 --etcd-image=skiff-show/nowhere
  check "no image of etcd" says 'no image "skiff-show/nowhere" of etcd; make it .*e2e/docker/etcd.sh'
  refused skiff up --docker --name=three --etcd=8
  check "too many members" says '\-\-etcd: 8 is not between 1 and 7'
  up_three 4
  check "three of them have that role" sh -c "[ \$('$KUBECTL' --kubeconfig '$ours/three.kubeconfig' get nodes --no-headers | grep -c control-plane) = 3 ]"
  run skiff status --docker --name=three
  check "pods know three servers" sh -c "[ \$('$KUBECTL' --kubeconfig '$ours/three.kubeconfig' get endpoints kubernetes \
    -o jsonpath='{.subsets[0].addresses[*].ip}' | wc -w) = 3 ]"
  check "whoever has a certificate of etcd's reads what is in it" asks_etcd --cacert=$keys/ca.crt --cert=$keys/member.crt \
    --key=$keys/member.key
  check "who is on that network, as pods are, and has none does not" not asks_etcd --insecure-skip-tls-verify
  run of three create deployment web --image=skiff.local/nautilus:1.0 --replicas=2
  run of three create service nodeport web --tcp=80 --node-port=30080
  run of three rollout status deployment web --timeout=60s
  check "the port of the host leads there" curl -sf "http://127.0.0.1:$SKIFF_NODE_PORT/hostname"

  run docker kill three-etcd-1
  check "one member is dead: it is written" writes three one-member-less
  run docker start three-etcd-1
  leader=$(leader_of three)
  run docker kill "$leader"
  CHECK_SECONDS=0 check "the server that led is dead: each write is answered, also before the balancer knows" \
    writes_for three 6
  check "it is read" of three get configmap one-member-less
  check "and written" of three scale deployment web --replicas=3
  check "another one leads by and by, and does it" leads_another three "$leader"
  check "three pods run" of three rollout status deployment web --timeout=90s
  check "the dead server's node is NotReady" node_is three "$leader" NotReady
  check "the port of the host leads there still" curl -sf "http://127.0.0.1:$SKIFF_NODE_PORT/hostname"
  run docker start "$leader"
  check "it is back, and four nodes are Ready" nodes_ready three 4

  run docker kill three-etcd-2 three-etcd-3
  check "two members are dead: nothing is written" not of three create configmap lost --request-timeout=20s
  check "who is content with what is old reads it" of three get --raw \
    '/api/v1/namespaces/default/configmaps/one-member-less?resourceVersion=0'
  check "and the pods run on" curl -sf "http://127.0.0.1:$SKIFF_NODE_PORT/hostname"
  run docker start three-etcd-2 three-etcd-3
  check "they are back: it is written" writes three back
  run docker stop three-agent-1 three-server three-server-2 three-server-3 three-etcd-1 three-etcd-2 three-etcd-3 three-api
  run skiff up --docker --name=three
  check "stopped as a whole, and on again: four nodes are Ready" nodes_ready three 4
  check "nothing is lost" of three get configmap back one-member-less

  cuts three

  run docker rm -f three-server-2
  run skiff up --docker --name=three
  check "a server that was removed is a server again" node_is three three-server-2 Ready
  check "and no other node came instead" sh -c "[ \$('$KUBECTL' --kubeconfig '$ours/three.kubeconfig' get nodes -o name | wc -l) = 4 ]"
  run docker rm -f three-server three-etcd-1 three-api
  run skiff up --docker --name=three
  check "so is the first one, a member and the balancer" nodes_ready three 4
  check "its port of the host leads there" curl -sf "http://127.0.0.1:$SKIFF_NODE_PORT/hostname"
  check "three members have what was written" writes three four
  check "the member is the one it was" three_members
  check "nothing is lost" of three get configmap back one-member-less four

  run docker rm -f three-server three-server-2 three-server-3
  refused skiff up --docker --name=three --publish="127.0.0.1:$((SKIFF_NODE_PORT + 3)):81"
  check "a port that the balancer does not have" says "whose balancer has --publish=.*:30080, not .*: docker rm -f three-api, and"
  run docker volume rm three-settings
  run docker rm -f three-etcd-3
  run skiff up --docker --name=three
  check "what a prune may take is not needed to make a member again" nodes_ready three 4
  check "it is the one it was" three_members
  check "with its port of the host" curl -sf "http://127.0.0.1:$SKIFF_NODE_PORT/hostname"
  check "and it is there again" docker volume inspect three-settings
  run docker rm -f three-etcd-3
  run docker volume rm three-etcd-3
  refused skiff up --docker --name=three
  check "the last member is not forgotten" says 'lacks the volume three-etcd-3'
  run skiff down --docker --name=three

  ended_early
  refused skiff up --docker --name=third --nodes=3 --etcd=3 --etcd-image="$ETCD_IMAGE" --image="$image"
  check "what an up leaves that was ended is no smaller cluster" says 'lacks the volume third-server-2: .* an up ended before'
  run skiff down --docker --name=third
  rm -rf "$HOME/.kube"
  check "no container, network, volume or file is left" same_traces
}
# An up that is killed while its first server starts.
ended_early() {
  local under_way
  # What keys it has made meanwhile it cannot remove.
  TMPDIR=$work build/release/skiff up --docker --name=third --nodes=3 --etcd=3 --etcd-image="$ETCD_IMAGE" --image="$image" \
    >/dev/null 2>&1 &
  under_way=$!
  check "the first of three servers starts" is_running third-server
  kill -KILL "$under_way"
  wait "$under_way" || true
}
is_running() { [ "$(docker inspect -f '{{.State.Running}}' "$1")" = true ]; } # CONTAINER
# A write whose answer was lost may have happened.
writes() { of "$1" create configmap "$2" || of "$1" get configmap "$2"; } # CLUSTER NAME
# One after the other, each by a connection of its own; none is tried again.
writes_for() { # CLUSTER SECONDS
  local number=0 until=$((SECONDS + $2))
  while [ $SECONDS -lt $until ]; do
    number=$((number + 1))
    of "$1" create configmap "written-$BASHPID-$until-$number" --request-timeout=20s || return 1
  done
}
asks_etcd() { # FLAG...
  docker exec three-etcd-1 etcdctl --endpoints=https://three-etcd-2:2379 "$@" get /registry/namespaces/ --prefix --keys-only |
    grep -q /registry/namespaces/default
}
# Whose Lease it is: "three-server-2_UID".
leader_of() { of "$1" get lease -n kube-system kube-controller-manager -o jsonpath='{.spec.holderIdentity}' | sed 's/_.*//'; }
leads_another() { local now; now=$(leader_of "$1") && [ -n "$now" ] && [ "$now" != "$2" ]; }
node_is() { [ "$(of "$1" get node "$2" --no-headers | awk '{print $2}')" = "$3" ]; } # CLUSTER NODE STATUS
three_members() {
  [ "$(docker exec three-etcd-2 etcdctl --endpoints=https://three-etcd-1:2379 --cacert=/var/etcd/data/pki/ca.crt \
    --cert=/var/etcd/data/pki/member.crt --key=/var/etcd/data/pki/member.key member list | grep -c started)" = 3 ]
}
leaves() { [ "$(traces)" = "$1" ]; } # TRACES
same_traces() { leaves "$untouched"; }

untouched=$(traces)
trap cleanup EXIT
trap 'exit 130' INT TERM
play=(several_clusters images_and_ports stopped_and_started removed_by_hand at_once in_the_way in_a_container removed three_servers)
[ $# = 0 ] || play=("$@")
for part in "${play[@]}"; do "$part"; done
