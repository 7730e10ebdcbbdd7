#!/usr/bin/env bash
# Three machines in Docker, as a presenter would show them: builds the image, composes the cluster up,
# spreads the update demo over the nodes, asks for a service by its name from another node, stops a
# machine and sees its pods replaced, restarts the server under running pods, and takes everything down
# and up again on its volumes. Every step is shown as it is typed, run, and checked; all is removed at
# the end.
#
#   e2e/docker.sh               names, ports and counts are variables in .env
#   COMPOSE='docker compose'    the Compose to use; by default the newest there is
#
# Exits with 77 where no engine runs and none can be started.
#
# Where no Docker engine runs and this is root, one of our own is started meanwhile (docker.io).
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "$(id -u)" != 0 ] && ! docker info >/dev/null 2>&1; then exec sudo -E "$0" "$@"; fi
. e2e/packages.sh
. e2e/peers/kubectl.sh
. e2e/docker/engine.sh
. e2e/show.sh
set -a; . ./.env; set +a
export COMPOSE_PROJECT_NAME=${COMPOSE_PROJECT_NAME:-skiff-show}
work=$(mktemp -d)

compose() { ${COMPOSE:-docker-compose} "$@"; }
choose_compose() {
  [ -z "${COMPOSE:-}" ] || return 0
  if docker compose version >/dev/null 2>&1; then COMPOSE='docker compose'; return 0; fi
  command -v docker-compose >/dev/null || install_packages docker-compose
  COMPOSE=docker-compose
}

cleanup() {
  local code=$?
  trap - EXIT
  [ $code = 0 ] || [ $code = 77 ] || compose logs --tail=15 2>/dev/null || true
  compose down -v --remove-orphans >/dev/null 2>&1 || true
  stop_engine
  rm -rf "$work"
  [ $code != 77 ] || exit 77
  summary $code
}
trap cleanup EXIT
trap 'exit 130' INT TERM

install_packages "${DOCKER_PACKAGES[@]}"
start_engine "$work/engine" || { echo "SKIPPED: no Docker engine runs here, and none can be started"; exit 77; }
choose_compose
KUBECTL=$(debian_kubectl build/peers)

say "1. The image"
if ! docker image inspect "$SKIFF_BASE" >/dev/null 2>&1 && ! docker pull -q "$SKIFF_BASE" 2>/dev/null; then
  SKIFF_BASE=skiff-base:12
  export SKIFF_BASE
  docker image inspect "$SKIFF_BASE" >/dev/null 2>&1 || run e2e/docker/base.sh "$SKIFF_BASE"
fi
docker buildx version >/dev/null 2>&1 || export DOCKER_BUILDKIT=0
build=(docker build -q -t "$SKIFF_IMAGE" --network host --build-arg BASE="$SKIFF_BASE")
if [ -x build/release/skiff ]; then
  # What is built already is not built again in a container. The classic builder would run the stage
  # all the same, so it does not get to see it.
  e2e/docker/stage.sh
  mkdir -p build/docker
  sed '/ AS compiled$/,/^$/d' Dockerfile >build/docker/Dockerfile
  run "${build[@]}" --build-arg BINARY=prebuilt -f build/docker/Dockerfile .
else
  run "${build[@]}" .
fi
size=$(docker image inspect -f '{{.Size}}' "$SKIFF_IMAGE")
check "the image has $((size / 1000000)) MB, at most 200" test "$size" -le 200000000

say "2. Three machines"
export KUBECONFIG=$work/kubeconfig
kubeconfig() { compose exec -T server cat /var/lib/skiff/admin.kubeconfig >"$KUBECONFIG"; }
nodes_ready() { [ "$("$KUBECTL" get nodes --no-headers 2>/dev/null | grep -c ' Ready ')" = "$1" ]; }
began=$(date +%s%N)
run compose up -d --no-build
check "the server answers" kubeconfig
check "three nodes are Ready" nodes_ready 3
echo "   after $((($(date +%s%N) - began) / 1000000)) ms"
run "$KUBECTL" get nodes -o wide
for node in server agent-1 agent-2; do
  for image in nautilus kitten busybox; do
    compose exec -T "$node" skiff image load "/usr/share/skiff/images/$image.tar" >/dev/null
  done
done

say "3. The update demo, spread over the machines"
pods_of() { "$KUBECTL" get pods -l "$1" --no-headers 2>/dev/null; }
running() { [ "$(pods_of "$1" | grep -c ' 1/1 *Running')" = "$2" ] && [ "$(pods_of "$1" | wc -l)" = "$2" ]; }
nodes_of() { "$KUBECTL" get pods -l "$1" -o jsonpath='{range .items[*]}{.spec.nodeName}{"\n"}{end}' | sort -u; }
run "$KUBECTL" create -f manifests/update-demo/nautilus-rc.yaml
run "$KUBECTL" scale rc update-demo-nautilus --replicas=6
check "six pods run" running name=update-demo 6
check "on all three machines" test "$(nodes_of name=update-demo | wc -l)" = 3
run build/release/skiff rolling-update update-demo-nautilus --update-period=1s \
  -f manifests/update-demo/kitten-rc.yaml
check "the kittens have taken over" running version=kitten 4
run "$KUBECTL" delete rc update-demo-kitten

say "4. A service by its name, from another machine"
run "$KUBECTL" apply -f manifests/web/web.yaml
check "three replicas run" running app=web 3
# On a machine that stays.
run "$KUBECTL" run client --image=busybox:1.35 --image-pull-policy=IfNotPresent --restart=Never \
  --overrides='{"spec": {"nodeName": "agent-1"}}' --command -- sleep 36000
check "the client runs" sh -c "'$KUBECTL' get pod client | grep -q Running"
hosts() { for _ in $(seq 30); do "$KUBECTL" exec client -- /bin/client http://web/hostname; echo; done | sort -u | grep -c .; }
check "web answers by its name" "$KUBECTL" exec client -- /bin/client http://web.default.svc.cluster.local/hostname
check "from replicas on every machine" test "$(hosts)" = 3

say "5. A machine fails"
lost=agent-2
off_lost() { running app=web 3 && ! nodes_of app=web | grep -q "^$lost$"; }
began=$SECONDS
run compose stop "$lost"
CHECK_SECONDS=120 check "$lost is NotReady" sh -c "'$KUBECTL' get node $lost | grep -q NotReady"
echo "   after $((SECONDS - began)) s (grace $SKIFF_NODE_GRACE)"
CHECK_SECONDS=120 check "its pods are replaced elsewhere" \
  sh -c "[ \$('$KUBECTL' get pods -l app=web -o wide --no-headers | grep ' Running ' | grep -vc ' $lost ') = 3 ]"
echo "   after $((SECONDS - began)) s (tolerated for ${SKIFF_TOLERATION_SECONDS}s)"
check "the service answers without it" "$KUBECTL" exec client -- /bin/client http://web/hostname --count 10
run compose start "$lost"
check "it comes back" nodes_ready 3
check "what it ran before is gone" running app=web 3

say "6. The server restarts, no pod stops"
started() { "$KUBECTL" get pods -o jsonpath='{range .items[*]}{.metadata.name} {.status.containerStatuses[0].containerID} {.status.containerStatuses[0].restartCount}{"\n"}{end}' | sort; }
before=$("$KUBECTL" get pods -o wide --no-headers | awk '$7 != "server" {print $1, $4}' | sort)
run compose restart server
check "three nodes are Ready" nodes_ready 3
check "three replicas run" running app=web 3
after=$("$KUBECTL" get pods -o wide --no-headers | awk '$7 != "server" {print $1, $4}' | sort)
check "pods on the agents are the same, and never restarted" test "$before" = "$after"

say "7. Down and up again on its volumes"
run compose down
run compose up -d --no-build
check "the server answers" kubeconfig
check "three nodes are Ready" nodes_ready 3
CHECK_SECONDS=120 check "the Deployment is there and runs" running app=web 3
