# What scripts share that run programs of others beside skiff; sourced. $work is theirs, and goes at their end with all
# whose process ids are in $pids and with the cluster in $work/data.
work=$(mktemp -d)
pids=()
stop_all() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait "${pids[@]}" 2>/dev/null || true
  pids=()
}
cleanup() {
  stop_all
  "$skiff" down --data-dir="$work/data" >/dev/null 2>&1 || true
  rm -rf "$work"
}
trap cleanup EXIT
fail() {
  echo "FAILED: $1"
  for log in "$work"/*.log; do echo "--- $log"; tail -n 15 "$log" | cut -c1-300; done
  exit 1
}
free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
kubectl() { "$skiff" --kubeconfig="$KUBECONFIG" "$@"; }
# Until the command prints that, for as long as a minute (WAIT).
wait_for() { # TEXT COMMAND...
  local wanted=$1 got= until=$((SECONDS + ${WAIT:-60}))
  shift
  while [ $SECONDS -lt $until ]; do
    got=$("$@" 2>&1) && [ "$got" = "$wanted" ] && return 0
    read -rt 0.2 <> <(:) || true
  done
  fail "wanted '$wanted' of '$*', got '$got'"
}
# Runs it beside us; what it writes is in $work/NAME.log.
start() { # NAME PROGRAM FLAG...
  local name=$1
  shift
  nice "$@" >"$work/$name.log" 2>&1 &
  pids+=($!)
}
