#!/usr/bin/env bash
# Installs charts by Helm, tests, changes, rolls back and removes them, each with --wait, and looks for what is left of
# them. Ends with 77 where there is no Helm and it cannot be built. Each chart has a cluster of its own, which takes a
# second: webhooks of one would be asked about all, and what one leaves would be found of another.
#
#   e2e/charts.sh                        our own of e2e/testdata, which needs no network, on real containers, on a
#                                        machine of its own (e2e/machine.sh; 77 where there is none)
#   e2e/charts.sh DIRECTORY [NAME...]    its charts, folders or NAME.tgz, or those NAMEs, on simulated nodes
#
# Beside a chart NAME.values.yaml may lie, what it wants to be told, NAME.objects.yaml, what it wants to be there or its
# pods would make, NAME.upgrade.yaml, what changes, NAME.release, its release's name, and NAME.namespace, where it
# insists on one. NAME.load.yaml says what gives its pods work: on real containers its HorizontalPodAutoscalers must go
# to their most by that, and back to their least without it.
#
# SKIFF     the program (build/release/skiff)
# HELM      a Helm 3; without it one is built from its Go module
# NODES     how many are simulated (5)
# JOBS      charts at a time (1)
# TIMEOUT   of each step (120s)
# OUT       where results.txt (PASS NAME, or FAIL NAME STEP: cause) and each chart's log go (build/charts)
#
# What a pod would do is not done on a simulated node. So a chart whose own webhook must answer (failurePolicy Fail), or
# whose own API server must, cannot go through there, whatever the API server.
set -euo pipefail
root=$(realpath "$(dirname "$0")/..")
SKIFF=$(realpath "${SKIFF:-$root/build/release/skiff}")
containers=
[ $# != 0 ] && [ "${SKIFF_MACHINE:-}" != charts ] || containers=yes
if [ "$containers" ]; then charts=$root/e2e/testdata only="  "; else charts=$(realpath "$1"); shift; only=" $* "; fi
OUT=${OUT:-$root/build/charts${containers:+/containers}}
TIMEOUT=${TIMEOUT:-120s}
HELM_VERSION=v3.19.0
HELM=${HELM:-$root/build/peers/helm}
if [ ! -x "$HELM" ]; then
  command -v go >/dev/null || { echo "skipped: no Go"; exit 77; }
  mkdir -p "$(dirname "$HELM")"
  # Who else wants it meanwhile waits, and never finds half of it.
  exec 9>"$HELM.lock"
  flock 9
  if [ ! -x "$HELM" ]; then
    built=$(realpath "$(mktemp -d "$HELM.XXXXXX")")
    # One package at a time and with low priority: a build of skiff may run beside it.
    GOBIN=$built GOFLAGS="-p=1 -mod=mod" GOTOOLCHAIN=local CGO_ENABLED=0 \
      nice go install -trimpath "helm.sh/helm/v3/cmd/helm@$HELM_VERSION" ||
      { rm -rf "$built"; echo "skipped: not built"; exit 77; }
    mv "$built/helm" "$HELM"
    rm -rf "$built"
  fi
  exec 9>&-
fi
if [ "$containers" ]; then
  cd "$root"
  . e2e/packages.sh
  . e2e/show.sh
  . e2e/own_machine.sh
  OUT=$OUT HELM=$(realpath "$HELM") SKIFF=$SKIFF own_machine charts 1g "$SKIFF"
fi
mkdir -p "$OUT"
# Of ours alone: the folder is named by whoever calls.
rm -f "$OUT"/results.txt "$OUT"/*.log
work=$(mktemp -d)
# Helm looks at nothing of the user's.
export HELM_CACHE_HOME=$work/helm HELM_CONFIG_HOME=$work/helm HELM_DATA_HOME=$work/helm
cleanup() {
  for data in "$work"/data-* ${containers:+"$DATA"}; do "$SKIFF" down --data-dir="$data" >/dev/null 2>&1 || true; done
  rm -rf "$work"
}
end() { # CODE
  # As own_machine would: a machine of its own is gone with all that is on it.
  [ "$1" = 0 ] || [ -z "$containers" ] || tail -n 30 "$OUT"/*.log "$DATA/skiff.log" 2>/dev/null || true
  cleanup
}
trap 'end $?' EXIT
start_cluster() {
  local port
  if [ "$containers" ]; then
    local images=${SKIFF%/*}/images
    [ -e "$images/busybox.tar" ] || images=$root/build/release/images
    "$SKIFF" up --data-dir="$data" --load-image="$images/busybox.tar" \
      --kube-controller-manager-arg=horizontal-pod-autoscaler-sync-period=2s
    return
  fi
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  export KUBECONFIG=$data/admin.kubeconfig
  "$SKIFF" up --nodes="${NODES:-5}" --data-dir="$data" --bind-address=127.0.0.1 --secure-port="$port"
}
create_objects() {
  "$SKIFF" create namespace "$namespace" || return 1
  [ ! -f "$charts/$name.objects.yaml" ] || "$SKIFF" create -n "$namespace" -f "$charts/$name.objects.yaml"
}
remove_objects() { # What was there before the chart is nothing that it leaves.
  [ ! -f "$charts/$name.objects.yaml" ] || "$SKIFF" delete -n "$namespace" -f "$charts/$name.objects.yaml"
}

# What a chart's objects are found among: everything that can be listed.
kinds() { # true|false: of namespaces
  "$SKIFF" api-resources --verbs=list --namespaced="$1" -o name 2>/dev/null |
    grep -vE '^(events(\.|$)|.*\.metrics\.k8s\.io|componentstatuses)' | paste -sd,
}
# The kind and name of each object that Helm or a controller should have removed.
left() { # NAMESPACE RELEASE
  {
    "$SKIFF" get "$(kinds true)" -n "$1" -o json 2>/dev/null || true
    "$SKIFF" get "$(kinds false)" -o json 2>/dev/null || true
  } | python3 "$root/e2e/peers/charts/left.py" "$1" "$2"
}
is_gone() { # KIND NAME...
  local found
  found=$("$SKIFF" get "$@" --ignore-not-found -o name) && [ -z "$found" ]
}
# within SECONDS COMMAND...: until it succeeds.
within() {
  local until=$((SECONDS + $1)); shift
  while ! "$@"; do
    [ $SECONDS -lt $until ] || return 1
    read -rt 0.3 <> <(:) || true
  done
}
nothing_left() { [ -z "$(left "$@")" ]; }
# Whoever finds nothing of what was just installed would find nothing of what is left either.
something_seen() { ! nothing_left "$@" || { echo "error: nothing to be seen of it"; return 1; }; }

# step WORD COMMAND...: its output goes to the log; what failed first is the cause.
step() {
  local word=$1 before
  shift
  [ -z "$cause" ] || return 0
  before=$(wc -l <"$log")
  printf '== %s: %s\n' "$word" "$*" >>"$log"
  "$@" >>"$log" 2>&1 && return 0
  cause="$word: $(tail -n "+$((before + 2))" "$log" | { grep -iE '^(error|left)' || true; } | tail -n 1 |
    cut -c1-400)"
  # What is not ready, and why.
  {
    "$SKIFF" get pods,persistentvolumeclaims,services -n "$namespace" -o wide
    "$SKIFF" get events -n "$namespace" --field-selector=type=Warning
  } >>"$log" 2>&1 || true
}
show_left() { # NAMESPACE RELEASE
  within 60 nothing_left "$@" || { left "$@" | paste -sd' ' | sed 's/^/left: /'; return 1; }
}
remove_namespace() {
  "$SKIFF" delete namespace "$1" --wait=false || return 1
  within 60 is_gone namespace "$1" || { echo "left: namespace $1"; return 1; }
}

# Each HorizontalPodAutoscaler brings its Deployment to as many pods as it may, and they are ready.
scales_to() { # minReplicas|maxReplicas
  local targets name count figure
  targets=$("$SKIFF" get horizontalpodautoscalers -n "$namespace" -o \
    jsonpath="{range .items[*]}{.spec.scaleTargetRef.name} {.spec.$1}{'\n'}{end}") || return 1
  [ -n "$targets" ] || { echo "error: no HorizontalPodAutoscaler"; return 1; }
  while read -r name count; do
    for figure in readyReplicas replicas; do
      "$SKIFF" wait deployment "$name" -n "$namespace" --timeout="$TIMEOUT" \
        --for=jsonpath="{.status.$figure}=$count" </dev/null && continue
      "$SKIFF" get horizontalpodautoscalers -n "$namespace" -o yaml
      "$SKIFF" top pods -n "$namespace"
      echo "error: $name is not at $count"
      return 1
    done
  done <<<"$targets"
}
# By what the pods use, and by nothing else.
said_why() {
  local said text
  said=$("$SKIFF" get events -n "$namespace" --field-selector=reason=SuccessfulRescale \
    -o jsonpath='{range .items[*]}{.message}{"\n"}{end}')
  echo "$said"
  for text in "cpu resource utilization (percentage of request) above target" "All metrics below target"; do
    grep -qF "reason: $text" <<<"$said" || { echo "error: no pods were made or removed for $text"; return 1; }
  done
}

beside() { # SUFFIX: what the file NAME.SUFFIX says, else $2
  if [ -f "$charts/$name.$1" ]; then cat "$charts/$name.$1"; else echo "$2"; fi
}

try_chart() { # CHART
  local chart=$1 cause='' namespace release values=() change=() data=$work/data-$name
  [ -z "$containers" ] || data=$DATA
  log=$OUT/$name.log
  namespace=$(beside namespace "chart-$name") release=$(beside release "$name")
  : >"$log"
  [ ! -f "$charts/$name.values.yaml" ] || values=(--values "$charts/$name.values.yaml")
  if [ -f "$charts/$name.upgrade.yaml" ]; then
    change=(--values "$charts/$name.upgrade.yaml")
  else
    change=(--set "$({ "$HELM" show values "$chart" 2>/dev/null || true; } |
      python3 "$root/e2e/peers/charts/change.py")")
  fi
  local helm=("$HELM" --namespace "$namespace") wait=(--wait --timeout "$TIMEOUT")
  step cluster start_cluster
  step objects create_objects
  step install "${helm[@]}" install "$release" "$chart" "${wait[@]}" "${values[@]}"
  step seen something_seen "$namespace" "$release"
  step test "${helm[@]}" test "$release" --timeout "$TIMEOUT"
  step upgrade "${helm[@]}" upgrade "$release" "$chart" "${wait[@]}" "${values[@]}" "${change[@]}"
  if [ "$containers" ] && [ -f "$charts/$name.load.yaml" ]; then
    local load=(--values "$charts/$name.load.yaml")
    step load "${helm[@]}" upgrade "$release" "$chart" "${wait[@]}" "${values[@]}" "${change[@]}" "${load[@]}"
    step more scales_to maxReplicas
    step rest "${helm[@]}" upgrade "$release" "$chart" "${wait[@]}" "${values[@]}" "${change[@]}"
    step fewer scales_to minReplicas
    step reasons said_why
  fi
  step rollback "${helm[@]}" rollback "$release" 1 "${wait[@]}"
  step uninstall "${helm[@]}" uninstall "$release" "${wait[@]}"
  step objects remove_objects
  step left show_left "$namespace" "$release"
  step namespace remove_namespace "$namespace"
  [ -z "$cause" ] || { echo "== skiff.log"; tail -n 30 "$data/skiff.log"; } >>"$log" 2>&1 || true
  "$SKIFF" down --data-dir="$data" >>"$log" 2>&1 || true
  if [ -z "$cause" ]; then echo "PASS $name"; else echo "FAIL $name $cause"; fi | tee -a "$OUT/results.txt"
}

# Each queue takes what no other has taken.
try_charts() {
  local chart name
  for chart in "$charts"/*; do
    [ -f "$chart/Chart.yaml" ] || [[ $chart == *.tgz ]] || continue
    name=$(basename "$chart" .tgz)
    [ "$only" = "  " ] || [[ $only == *" $name "* ]] || continue
    mkdir "$work/taken-$name" 2>/dev/null || continue
    try_chart "$chart"
  done
}
for _ in $(seq "${JOBS:-1}"); do
  (trap - EXIT; try_charts) &
done
wait
[ -s "$OUT/results.txt" ] || { echo "no charts in $charts"; exit 1; }
# Who takes a chart and comes to no result has broken off.
taken=("$work"/taken-*)
[ "$(wc -l <"$OUT/results.txt")" = ${#taken[@]} ] || { echo "not all charts came to an end"; exit 1; }
passed=$(grep -c '^PASS' "$OUT/results.txt" || true)
echo "$passed of $(wc -l <"$OUT/results.txt") charts were installed, changed, rolled back and removed"
! grep -q '^FAIL' "$OUT/results.txt"
