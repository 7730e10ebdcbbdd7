#!/usr/bin/env bash
# Three machines in Docker, as a presenter would show them: builds the image, composes the cluster up,
# spreads the update demo over the agents, asks for a service by its name from another node, stops a
# machine and sees its pods replaced, restarts the server under running pods, and takes everything down
# and up again on its volumes. Every step is shown as it is typed, run, and checked; all is removed at
# the end.
#
#   e2e/docker.sh               names, ports and counts are variables in .env
#   COMPOSE='docker compose'    the Compose to use
#
# By default the newest Compose that is there plays the whole show, and the other age of Compose (1.29
# is Debian 12's, 2 may be the user's or build/peers') its beginning. Where no Docker engine runs and
# this is root, one of our own is started meanwhile; exits with 77 where it cannot be.
set -euo pipefail
cd "$(dirname "$0")/.."
. e2e/packages.sh
. e2e/peers/compose.sh
. e2e/peers/kubectl.sh
. e2e/docker/engine.sh
. e2e/docker/env.sh
. e2e/show.sh
KUBECTL=$(debian_kubectl build/peers)
need_engine "$@"
export COMPOSE_PROJECT_NAME=${COMPOSE_PROJECT_NAME:-skiff-show}
agents=$((SKIFF_NODES - 1))
work=$(mktemp -d)
export KUBECONFIG=$work/kubeconfig

compose() { $COMPOSE "$@" </dev/null; }
typed() { printf '\n$ %s %s\n' "${COMPOSE##*/}" "$*"; compose "$@" 2>&1; }

cleanup() {
  local code=$?
  trap - EXIT
  [ $code = 0 ] || { "$KUBECTL" get nodes,pods -o wide; compose logs --tail=15; } 2>/dev/null || true
  for COMPOSE in "${composes[@]}"; do compose down -v --remove-orphans >/dev/null 2>&1 || true; done
  rm -rf "$work"
  summary $code
}

kubeconfig() { compose exec -T server cat /var/lib/skiff/admin.kubeconfig >"$KUBECONFIG"; }
nodes_ready() { [ "$("$KUBECTL" get nodes --no-headers 2>/dev/null | grep -cE ' Ready[, ]')" = "$1" ]; }
pods_of() { "$KUBECTL" get pods -l "$1" --no-headers 2>/dev/null; }
running() { [ "$(pods_of "$1" | grep -c ' 1/1 *Running')" = "$2" ] && [ "$(pods_of "$1" | wc -l)" = "$2" ]; }
nodes_of() { "$KUBECTL" get pods -l "$1" -o jsonpath='{range .items[*]}{.spec.nodeName}{"\n"}{end}' | sort -u; }
spread() { [ "$(nodes_of "$1" | wc -l)" = "$2" ]; }
client() { "$KUBECTL" exec client -- /bin/client "$@"; }
# Which of its pods answer for the service, of so many requests.
answering() { client http://web/hostname --count 80 | grep -o 'web-[a-z0-9]*-[a-z0-9]*' | sort -u | wc -l; }
all_answer() { [ "$(answering)" = "$1" ]; }
# All requests are answered, and by none of these.
all_but() { # POD...
  local answers pod
  answers=$(client http://web/hostname --count 80) || return 1
  for pod in $1; do [[ $answers != *"$pod"* ]] || return 1; done
}
# What must outlive everything: every object that somebody made, and each running container.
identities() {
  "$KUBECTL" get nodes,deployments,replicasets,daemonsets,services,serviceaccounts,secrets,configmaps -A \
    -o jsonpath='{range .items[*]}{.kind}/{.metadata.name} {.metadata.uid}{"\n"}{end}' | sort
}
containers() {
  "$KUBECTL" get pods -o jsonpath='{range .items[*]}{.metadata.name} {.status.containerStatuses[0].containerID} {.status.containerStatuses[0].restartCount}{"\n"}{end}' | sort
}

cluster_up() {
  say "$1. Three machines ($(compose version | head -n 1))"
  local began
  began=$(date +%s%N)
  typed up -d --no-build
  check "the server answers" kubeconfig
  check "$SKIFF_NODES nodes are Ready" nodes_ready "$SKIFF_NODES"
  echo "   after $((($(date +%s%N) - began) / 1000000)) ms"
  run "$KUBECTL" get nodes -o wide
  check "the server is the control plane" sh -c "'$KUBECTL' get node server | grep -q ' control-plane '"
  local node image
  for node in $("$KUBECTL" get nodes -o jsonpath='{.items[*].metadata.name}'); do
    for image in nautilus kitten busybox; do
      compose exec -T "$node" skiff image load "/usr/share/skiff/images/$image.tar" >/dev/null
    done
  done
}

update_demo() {
  say "$1. The update demo, spread over the agents: the server is kept free"
  run "$KUBECTL" create -f manifests/update-demo/nautilus-rc.yaml
  run "$KUBECTL" scale rc update-demo-nautilus --replicas="$SKIFF_DEMO_REPLICAS"
  check "$SKIFF_DEMO_REPLICAS pods run" running name=update-demo "$SKIFF_DEMO_REPLICAS"
  check "on all $agents agents" spread name=update-demo "$agents"
  run "$KUBECTL" get pods -o wide
}

service_by_name() {
  say "$1. A service by its name, from another machine"
  run "$KUBECTL" apply -f manifests/web/web.yaml
  run "$KUBECTL" scale deployment web --replicas="$SKIFF_NODES"
  check "$SKIFF_NODES replicas run" running app=web "$SKIFF_NODES"
  check "on all $agents agents" spread app=web "$agents"
  # On a machine that stays.
  run "$KUBECTL" run client --image=busybox:1.35 --image-pull-policy=IfNotPresent --restart=Never \
    --overrides='{"spec": {"nodeName": "agent-1"}}' --command -- sleep 36000
  check "the client runs on agent-1" sh -c "'$KUBECTL' get pod client | grep -q Running"
  run client http://web.default.svc.cluster.local/hostname; echo
  check "web answers by its name, from all replicas on all agents" all_answer "$SKIFF_NODES"
  run "$KUBECTL" patch service web -p "{\"spec\": {\"ports\": [{\"port\": 80, \"nodePort\": $SKIFF_NODE_PORT}]}}"
  check "and from the host by the port of the node" curl -sf "http://127.0.0.1:$SKIFF_NODE_PORT/hostname"
}

machine_fails() {
  local lost=agent-2 began=$SECONDS on_lost
  say "$1. A machine fails"
  run "$KUBECTL" apply -f manifests/web/every-node.yaml
  check "a pod of the DaemonSet runs on every agent" running app=every-node "$agents"
  on_lost=$("$KUBECTL" get pods -l app=web --field-selector spec.nodeName="$lost" -o jsonpath='{.items[*].metadata.name}')
  typed stop "$lost"
  CHECK_SECONDS=120 check "$lost is NotReady" sh -c "'$KUBECTL' get node $lost | grep -q NotReady"
  echo "   after $((SECONDS - began)) s (grace $SKIFF_NODE_GRACE)"
  check "and has the taint of a lost node" \
    sh -c "'$KUBECTL' get node $lost -o jsonpath='{.spec.taints[*].key}' | grep -q node.kubernetes.io/unreachable"
  # Whether or not they are replaced already.
  check "the service's rules have left it out" all_but "$on_lost"
  CHECK_SECONDS=120 check "its pods are replaced elsewhere" \
    sh -c "[ \$('$KUBECTL' get pods -l app=web -o wide --no-headers | grep ' Running ' | grep -vc ' $lost ') = $SKIFF_NODES ]"
  echo "   after $((SECONDS - began)) s (tolerated for ${SKIFF_TOLERATION_SECONDS}s)"
  check "the service answers without it, from as many replicas" all_answer "$SKIFF_NODES"
  check "the pod of the DaemonSet stays bound to its machine" \
    sh -c "'$KUBECTL' get pods -l app=every-node -o wide --no-headers | grep -q ' $lost '"
  run "$KUBECTL" get pods -o wide
  machine_returns "$lost"
}

no_taint() { local taints; taints=$("$KUBECTL" get node "$1" -o jsonpath='{.spec.taints}') && [ -z "$taints" ]; }
processes_on() { [ "$(compose exec -T "$1" sh -c 'ps -e -o comm=' | grep -cx "$2")" = "$3" ]; }
machine_returns() {
  local lost=$1
  typed start "$lost"
  check "it comes back" nodes_ready "$SKIFF_NODES"
  check "without a taint" no_taint "$lost"
  check "what was replaced is gone from it" running app=web "$SKIFF_NODES"
  check "and so are its processes" processes_on "$lost" nautilus \
    "$("$KUBECTL" get pods -l app=web --field-selector spec.nodeName="$lost" -o name | wc -l)"
  check "its own pods run on it again" running app=every-node "$agents"
  run "$KUBECTL" scale deployment web --replicas=$((2 * SKIFF_NODES))
  check "and so do new ones" sh -c "'$KUBECTL' get pods -l app=web -o wide --no-headers | grep -q ' 1/1 .* $lost '"
  check "$((2 * SKIFF_NODES)) replicas run" running app=web $((2 * SKIFF_NODES))
  run "$KUBECTL" scale deployment web --replicas="$SKIFF_NODES"
  check "$SKIFF_NODES replicas run" running app=web "$SKIFF_NODES"
}

asker_says() { "$KUBECTL" logs asker | grep -cx "$1" || true; }
log_grows() { [ "$(asker_says "$1")" -gt "$2" ]; }
server_restarts() {
  say "$1. The server restarts, no pod stops"
  run "$KUBECTL" apply -f manifests/web/asker.yaml
  check "a pod on agent-1 asks the service all the time" log_grows answered 0
  check "and is known to" sh -c "'$KUBECTL' get pod asker --no-headers | grep -q ' 1/1 *Running'"
  local objects pods asked
  objects=$(identities)
  pods=$(containers)
  asked=$(asker_says answered)
  typed restart server
  check "$SKIFF_NODES nodes are Ready" nodes_ready "$SKIFF_NODES"
  check "the pod goes on asking" log_grows answered $((asked + 20))
  check "and was answered every time" test "$(asker_says FAILED)" = 0
  check "no container has stopped" same "$pods" containers
  check "nothing is lost" same "$objects" identities
  run "$KUBECTL" scale deployment web --replicas=$((SKIFF_NODES + 1))
  check "agents do what the new server says" running app=web $((SKIFF_NODES + 1))
}

down_and_up() {
  say "$1. Down and up again on its volumes"
  local objects
  objects=$(identities)
  typed down
  check "no container is left" test -z "$(docker ps -aq --filter label=com.docker.compose.project="$COMPOSE_PROJECT_NAME")"
  typed up -d --no-build
  check "the server answers" kubeconfig
  check "$SKIFF_NODES nodes are Ready" nodes_ready "$SKIFF_NODES"
  check "every object is there" same "$objects" identities
  CHECK_SECONDS=120 check "the Deployment runs" running app=web $((SKIFF_NODES + 1))
  # One that was slow to come back has lost its pods to the others meanwhile; new ones go to it.
  run "$KUBECTL" scale deployment web --replicas=$((2 * SKIFF_NODES))
  check "$((2 * SKIFF_NODES)) replicas run" running app=web $((2 * SKIFF_NODES))
  check "on all $agents agents" spread app=web "$agents"
}
same() { [ "$("$2")" = "$1" ]; }

choose_composes
trap cleanup EXIT
trap 'exit 130' INT TERM
COMPOSE=${composes[0]}
cluster_up 1
update_demo 2
run "$KUBECTL" delete rc update-demo-nautilus
service_by_name 3
machine_fails 4
server_restarts 5
down_and_up 6
typed down -v
if [ ${#composes[@]} -gt 1 ]; then
  COMPOSE=${composes[1]}
  cluster_up 7
  update_demo 8
fi
