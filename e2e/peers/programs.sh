# What scripts share that run programs of others beside skiff; sourced. $work is theirs, and goes at their end with all
# whose process ids are in $pids and with the cluster in $work/data.
work=$(mktemp -d)
pids=()
# Those that began last end first, each while what it talks to still answers. One of ours that has not ended after
# STOP_SECONDS (60) is a failure; one of others' is killed and named: a kube-apiserver whose etcd is gone waits half a
# minute for requests of its own, and has been seen to outlast its script.
stop_all() {
  local index pid program until stuck=0
  for ((index = ${#pids[@]} - 1; index >= 0; --index)); do
    pid=${pids[index]}
    kill "$pid" 2>/dev/null || continue
    until=$((SECONDS + ${STOP_SECONDS:-60}))
    while ends_not "$pid" && [ $SECONDS -lt $until ]; do read -rt 0.05 <> <(:) || true; done
    if ends_not "$pid"; then
      program=$(readlink "/proc/$pid/exe") || program=
      echo "$program ($pid) has not ended ${STOP_SECONDS:-60} s after SIGTERM; its threads wait in:"
      cat "/proc/$pid"/task/*/{comm,wchan} 2>/dev/null | paste -sd' ' | cut -c1-2000
      [ "$program" != "$(realpath "$skiff")" ] || stuck=1
      kill -KILL "$pid" 2>/dev/null || true
    fi
    wait "$pid" 2>/dev/null || true
  done
  pids=()
  return $stuck
}
# It runs, and is not merely waited for.
ends_not() { # PID
  local state
  state=$(grep -s '^State:' "/proc/$1/status") && [[ $state != *zombie* ]]
}
cleanup() {
  local code=$?
  stop_all || code=1
  "$skiff" down --data-dir="$work/data" >/dev/null 2>&1 || true
  rm -rf "$work"
  exit $code
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
# Until the command prints that, for as long as WAIT seconds (180).
wait_for() { # TEXT COMMAND...
  local wanted=$1 got= until=$((SECONDS + ${WAIT:-180}))
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
