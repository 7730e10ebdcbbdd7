#!/usr/bin/env bash
# Installs what is missing, builds, starts a cluster on this machine, and plays the lecture's demo on
# real containers: every step is shown as a person would type it, run, and checked.
#
#   e2e/demo.sh            builds and uses build/release/skiff
#   PRESET=dev e2e/demo.sh uses another preset's build
#   UPDATE_PERIOD=1s       the pause between two pods of a rolling update (5s, as in the lecture)
set -euo pipefail
cd "$(dirname "$0")/.."
. e2e/packages.sh
. e2e/peers/kubectl.sh
. e2e/show.sh
. e2e/machine_state.sh
. e2e/browser/playwright.sh

PRESET=${PRESET:-release}
DATA=${SKIFF_DATA:-/var/lib/skiff-demo}
PORT=${SKIFF_PORT:-6443}
KUBELET_PORT=${SKIFF_KUBELET_PORT:-16250}
UPDATE_PERIOD=${UPDATE_PERIOD:-5s}
PROXY_PORT=${SKIFF_PROXY_PORT:-8001}
INGRESS_PORT=${SKIFF_INGRESS_PORT:-18080}
SERVICE_CIDR=10.97.0.0/16
SKIFF=$PWD/build/$PRESET/skiff

pods_running() { # SELECTOR COUNT
  [ "$($KUBECTL get pods -l "$1" --no-headers 2>/dev/null | grep -c ' 1/1 *Running')" = "$2" ] &&
    [ "$($KUBECTL get pods -l "$1" --no-headers 2>/dev/null | wc -l)" = "$2" ]
}
no_pods() { [ -z "$($KUBECTL get pods -l "$1" -o name 2>/dev/null)" ]; }
cleanup() {
  local code=$?
  [ -n "${asker:-}" ] && kill "$asker" 2>/dev/null || true
  [ -n "${page:-}" ] && kill "$page" 2>/dev/null || true
  if [ -e "$DATA" ]; then
    [ $code = 0 ] || tail -n 30 "$DATA/skiff.log" 2>/dev/null || true
    "$SKIFF" down --data-dir="$DATA" --service-cluster-ip-range=$SERVICE_CIDR >/dev/null 2>&1 || true
  fi
  summary $code
}

if [ -z "${SKIFF_BUILT:-}" ]; then
  install_packages "${BUILD_PACKAGES[@]}" "${RUN_PACKAGES[@]}"
  say "Building ($PRESET)"
  cmake --preset "$PRESET" >/dev/null
  NINJA_STATUS='[%f of %t, %e s] ' cmake --build --preset "$PRESET" --target skiff images
fi
# What is built stays its user's; the cluster is root's.
if [ "$(id -u)" != 0 ]; then exec sudo -E SKIFF_BUILT=1 "$0" "$@"; fi
before=$(machine_state)
trap cleanup EXIT
trap 'exit 130' INT TERM

say "1. A cluster on an empty machine"
up=(up --data-dir="$DATA" --secure-port=$PORT --kubelet-port=$KUBELET_PORT
  --service-cluster-ip-range=$SERVICE_CIDR --ingress-http-port=$INGRESS_PORT --ingress-https-port=0
  --ingress-metrics-port=0)
run "$SKIFF" "${up[@]}"
export KUBECONFIG=$DATA/admin.kubeconfig
KUBECTL=$(debian_kubectl "$PWD/build/peers")
KUBECTL_135=$PWD/build/peers/kubectl-1.35  # test.sh builds it.
node=$(hostname | tr '[:upper:]' '[:lower:]')
run "$KUBECTL" get nodes
check "the node is Ready" sh -c "$KUBECTL get node $node | grep -q ' Ready '"

say "2. Images from files, no registry"
for image in build/$PRESET/images/*.tar; do
  run "$SKIFF" image load --data-dir="$DATA" "$image"
done
run "$SKIFF" image ls --data-dir="$DATA"

update_demo() { # KUBECTL-LIKE PROGRAM
  local kubectl=$1 pod node
  run "$kubectl" get nodes
  run "$kubectl" create -f manifests/update-demo/nautilus-rc.yaml
  check "two nautilus pods run" pods_running name=update-demo 2
  run "$kubectl" get pods
  run "$kubectl" scale rc update-demo-nautilus --replicas=4
  check "four nautilus pods run" pods_running name=update-demo 4
  run "$SKIFF" rolling-update update-demo-nautilus "--update-period=$UPDATE_PERIOD" \
    -f manifests/update-demo/kitten-rc.yaml
  check "the kittens have taken over" pods_running version=kitten 4
  check "no nautilus is left" no_pods version=nautilus
  pod=$("$kubectl" get pods -l version=kitten -o jsonpath='{.items[0].metadata.name}')
  run "$kubectl" get --raw "/api/v1/namespaces/default/pods/$pod/proxy/data.json"
  node=$("$kubectl" get pod "$pod" -o jsonpath='{.spec.nodeName}')
  check "its container's memory is measured" \
    says "^container_memory_working_set_bytes{container=\"update-demo\".*pod=\"$pod\"} [1-9]" \
    "$kubectl" get --raw "/api/v1/nodes/$node/proxy/metrics/cadvisor"
  check "so is its network" says '"rxBytes":[1-9]' \
    "$kubectl" get --raw "/api/v1/nodes/$node/proxy/stats/summary"
  run "$kubectl" delete rc update-demo-kitten
  check "all pods are gone" no_pods name=update-demo
}

# What the command prints, whether or not it succeeds, matches.
says() {
  local pattern=$1 text
  shift
  text=$("$@" 2>&1) || true
  grep -q -- "$pattern" <<<"$text"
}
spread() { # IP
  [ "$(for _ in $(seq 60); do curl -fsS -m 2 "http://$1/hostname"; echo; done | sort -u | grep -c .)" = 3 ]
}

rollout_without_failures() { # KUBECTL-LIKE PROGRAM, IP
  local kubectl=$1 asked failed
  asked=$(mktemp); failed=$(mktemp)
  ( while :; do curl -fsS -m 20 "http://$2/hostname" >>"$asked" 2>>"$failed"; echo >>"$asked"; done ) &
  asker=$!
  run "$kubectl" set image deployment/web web=skiff.local/kitten:1.0
  run "$kubectl" rollout status deployment/web --timeout=120s
  kill $asker; wait $asker 2>/dev/null || true; asker=
  echo "   $(grep -c . "$asked") requests during the rollout, $(grep -c . "$failed" || true) failed"
  [ ! -s "$failed" ] || fail "requests failed during the rollout: $(head -n 3 "$failed")"
  steps=$((steps + 1))
  rm -f "$asked" "$failed"
}

service_demo() { # KUBECTL-LIKE PROGRAM
  local kubectl=$1 ip node_port alone
  run "$kubectl" apply -f manifests/web/web.yaml
  check "three replicas run" pods_running app=web 3
  ip=$("$kubectl" get service web -o jsonpath='{.spec.clusterIP}')
  node_port=$("$kubectl" get service web -o jsonpath='{.spec.ports[0].nodePort}')
  check "the ClusterIP answers on the node" curl -fsS -m 2 "http://$ip/hostname"
  check "the NodePort answers on the node" curl -fsS -m 2 "http://127.0.0.1:$node_port/hostname"
  run "$kubectl" run client --image=busybox:1.35 --image-pull-policy=IfNotPresent \
    --restart=Never --command -- sleep 3600
  check "the client pod runs" says Running "$kubectl" get pod client
  check "the ClusterIP answers in a pod" "$kubectl" exec client -- /bin/client "http://$ip/hostname"
  check "pods know the service by their environment" \
    says "$ip" "$kubectl" exec client -- sh -c 'echo $WEB_SERVICE_HOST'
  check "load spreads over all replicas" spread "$ip"
  # With one replica every request comes back to the pod that sent it.
  run "$kubectl" apply -f manifests/web/alone.yaml
  check "the lone pod runs" says '1/1 *Running' "$kubectl" get pod web-alone
  alone=$("$kubectl" get service web-alone -o jsonpath='{.spec.clusterIP}')
  check "a pod reaches itself through its own service" \
    "$kubectl" exec web-alone -- /bin/client "http://$alone/" --count 5
  run "$kubectl" delete -f manifests/web/alone.yaml --grace-period=1
  run "$kubectl" scale deployment web --replicas=5
  check "five replicas run" pods_running app=web 5
  rollout_without_failures "$kubectl" "$ip"
  run "$kubectl" rollout history deployment/web
  run "$kubectl" rollout undo deployment/web
  run "$kubectl" rollout status deployment/web --timeout=120s
  run "$kubectl" rollout pause deployment/web
  run "$kubectl" rollout resume deployment/web
  run "$kubectl" delete deployment,service web
  run "$kubectl" delete pod client --grace-period=1
  check "all pods are gone" no_pods app=web
}

# Three Deployments behind one Ingress; one of them is rolled, and the Ingress changed, under load.
site_demo() { # KUBECTL-LIKE PROGRAM
  local kubectl=$1 site=http://127.0.0.1:$INGRESS_PORT asked failed
  run "$kubectl" apply -f manifests/ingress/site.yaml
  for name in threads users posts; do
    run "$kubectl" rollout status "deployment/$name" --timeout=120s
    check "/api/$name is answered by $name" says "{\"$name\"" curl -fsS -m 2 "$site/api/$name"
  done
  check "one thread by its number" says '{"thread": {"id": 1, ' curl -fsS -m 2 "$site/api/threads/1"
  check "  and none that is not there" says '^404$' curl -sS -m 2 -o /dev/null -w '%{http_code}' "$site/api/threads/3"
  check "the posts of a thread" says '{"posts": \[{"id": 1, [^{]*}\], ' curl -fsS -m 2 "$site/api/posts?thread=1"
  check "what is asked for is never run" says '{"error": "no such thread", ' \
    curl -gsS -m 2 "$site/api/posts?thread=\$(id);id"
  check "no rule is for other paths" says '404 page not found' curl -sS -m 2 "$site/"
  check "the Ingress says where it is served" \
    says '[0-9]\.' "$kubectl" get ingress site -o jsonpath='{.status.loadBalancer.ingress[0].ip}'
  asked=$(mktemp); failed=$(mktemp)
  ( while :; do curl -fsS -m 20 "$site/api/users" >>"$asked" 2>>"$failed"; done ) &
  asker=$!
  run "$kubectl" rollout restart deployment/users
  run "$kubectl" patch ingress site --type=json \
    -p '[{"op": "replace", "path": "/spec/rules/0/http/paths/2/path", "value": "/api/latest"}]'
  run "$kubectl" rollout status deployment/users --timeout=120s
  check "the changed path is not found where it leads now" says 'no such posts' curl -sS -m 2 "$site/api/latest"
  kill $asker; wait $asker 2>/dev/null || true; asker=
  echo "   $(grep -c . "$asked") requests meanwhile, $(grep -c . "$failed" || true) failed"
  [ ! -s "$failed" ] || fail "requests failed meanwhile: $(head -n 3 "$failed")"
  steps=$((steps + 1))
  rm -f "$asked" "$failed"
  run "$kubectl" delete service posts
  check "a service that is gone is told" says 'service "posts" not found' \
    "$kubectl" get events --field-selector involvedObject.name=site
  check "its path answers 503" says 503 curl -sS -m 2 -o /dev/null -w '%{http_code}' "$site/api/latest"
  run "$kubectl" delete --ignore-not-found --grace-period=1 -f manifests/ingress/site.yaml
  check "nobody listens any more" says 'refused\|Failed to connect' curl -sS -m 2 "$site/"
}

claim_demo() { # KUBECTL-LIKE PROGRAM
  local kubectl=$1
  run "$kubectl" apply -f manifests/csi/storageclass.yaml -f manifests/csi/pvc.yaml
  run "$kubectl" create -f manifests/csi/pod.yaml
  check "the claim is bound" says Bound "$kubectl" get pvc csi-pvc
  check "the pod with the claim runs" says Running "$kubectl" get pod my-csi-app
  run "$kubectl" exec my-csi-app -- sh -c 'echo kept > /data/hello'
  run "$kubectl" delete pod my-csi-app --grace-period=1
  run "$kubectl" create -f manifests/csi/pod.yaml
  check "the file survived the pod" "$kubectl" exec my-csi-app -- grep -q kept /data/hello
  run "$kubectl" delete pvc csi-pvc --wait=false
  check "a claim in use is protected" says Terminating "$kubectl" get pvc csi-pvc
  run "$kubectl" delete pod my-csi-app --grace-period=1
  check "the claim goes with its pod" says NotFound "$kubectl" get pvc csi-pvc
  check "the volume is reclaimed" says 'No resources found' "$kubectl" get pv
}

say "3. The update demo, live on a page"
printf '\n$ %s\n' "$SKIFF proxy --www=manifests/update-demo/local/ --port=$PROXY_PORT &"
"$SKIFF" proxy --www=manifests/update-demo/local/ --port="$PROXY_PORT" &
page=$!
check "http://127.0.0.1:$PROXY_PORT/static/ shows it" \
  curl -fsS -m 2 "http://127.0.0.1:$PROXY_PORT/static/"
say "3. The update demo with stock kubectl"
update_demo "$KUBECTL"
if [ -x "$KUBECTL_135" ]; then
  say "3. The update demo with kubectl v1.35"
  update_demo "$KUBECTL_135"
fi
say "3. The update demo with skiff's own verbs"
update_demo "$SKIFF"
kill $page; page=
# test.sh installs it; to see the demo nobody needs it.
if use_browser; then
  say "3. The update demo in a browser"
  run e2e/browser/update_demo.sh "$KUBECTL" "$SKIFF"
  steps=$((steps + 1))
fi

say "4. A Deployment behind a Service, with stock kubectl"
service_demo "$KUBECTL"
if [ -x "$KUBECTL_135" ]; then
  say "4. A Deployment behind a Service, with kubectl v1.35"
  service_demo "$KUBECTL_135"
fi
say "4. A Deployment behind a Service, with skiff's own verbs"
service_demo "$SKIFF"

say "5. A claim that outlives its pod, with stock kubectl"
claim_demo "$KUBECTL"
if [ -x "$KUBECTL_135" ]; then
  say "5. A claim that outlives its pod, with kubectl v1.35"
  claim_demo "$KUBECTL_135"
fi
say "5. A claim that outlives its pod, with skiff's own verbs"
claim_demo "$SKIFF"

say "6. A site whose paths go to three services, with stock kubectl"
site_demo "$KUBECTL"

say "7. kill -9, and nothing stops"
run "$KUBECTL" create -f manifests/csi/pvc.yaml -f manifests/csi/pod.yaml
check "the pod with the claim runs" says Running "$KUBECTL" get pod my-csi-app
run "$KUBECTL" exec my-csi-app -- sh -c 'echo kept > /data/hello'
identity() { # What must not change, and what the container has counted for itself.
  "$KUBECTL" get pod my-csi-app \
    -o jsonpath='{.metadata.uid} {.status.containerStatuses[0].containerID} {.status.containerStatuses[0].restartCount}'
}
identity=$(identity)
# Kills the process while something writes and others watch, and starts it again.
run python3 e2e/reconnect.py --data-dir "$DATA" --get "$KUBECTL" --get "$SKIFF" -- "$SKIFF" "${up[@]}"
steps=$((steps + 1))
echo "   ok: open watches missed nothing"
[ "$(identity)" = "$identity" ] || fail "was $identity, is $(identity)"
steps=$((steps + 1))
echo "   ok: same pod, same container: $identity"
check "the file is still there" "$KUBECTL" exec my-csi-app -- grep -q kept /data/hello
run "$KUBECTL" delete pod my-csi-app --grace-period=1
run "$KUBECTL" delete pvc csi-pvc
check "the volume is reclaimed" says 'No resources found' "$KUBECTL" get pv

say "8. Down, and nothing is left"
run "$SKIFF" down --data-dir="$DATA" --service-cluster-ip-range=$SERVICE_CIDR
after=$(machine_state)
if [ "$before" != "$after" ]; then
  diff <(echo "$before") <(echo "$after") || true
  fail "something is left on the machine"
fi
steps=$((steps + 1))
echo "   ok: the machine is as it was before"
