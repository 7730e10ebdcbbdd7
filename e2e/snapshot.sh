#!/usr/bin/env bash
# Saves, restores and forks a cluster of simulated nodes while it runs, and asks what was: needs neither root nor
# containers; only of a full disk it asks as root alone.
#
#   e2e/snapshot.sh SKIFF
set -euo pipefail
cd "$(dirname "$0")/.."
. e2e/show.sh
. e2e/simulated.sh "$1"
ready() { [ "$(of "$1" get deployment "$2" -o 'jsonpath={.status.readyReplicas}')" = "$3" ]; }
refused() { # TEXT COMMAND...
  local text=$1 said; shift
  if said=$("$@" 2>&1); then fail "not refused: $*"; fi
  grep -qF -- "$text" <<<"$said" || fail "said of $*: $said"
  steps=$((steps + 1))
  echo "   ok: refused: $text"
}

say "A cluster of three simulated nodes"
port=$(free_port)
run "$skiff" up --nodes=3 --data-dir="$data" --bind-address=127.0.0.1 --secure-port="$port"
run of "$data" create deployment web --image=web:1 --replicas=4
check "its pods are ready" ready "$data" web 4
before=$(of "$data" get deployment web -o 'jsonpath={.metadata.resourceVersion}')

say "Saved while it runs"
run "$skiff" snapshot save "$work/before.tar" --data-dir="$data"
run of "$data" scale deployment web --replicas=1
check "and changed" ready "$data" web 1
refused 'is there already' "$skiff" snapshot save "$work/before.tar" --data-dir="$data"

say "What was, and what has changed"
replicas() { of "$data" get deployment web "$@" -o 'jsonpath={.spec.replicas}'; }
[ "$(replicas)" = 1 ] && [ "$(replicas --at="$before")" = 4 ] || fail "get --at shows another state"
changes=$(of "$data" diff --since="$before" deployments,pods) && fail "diff --since found nothing"
grep -q '^-  replicas: 4' <<<"$changes" || fail "diff --since does not show: $changes"
# Ends with 1, since there is a difference; while no Lease is there yet, by which moments are found, with 2.
since_shows() { of "$data" diff --since=5m deployments >"$work/changes" || [ $? = 1 ] && grep -q '^+  name: web$' "$work/changes"; }
check "diff --since=5m shows it all as new" since_shows

say "A second time, under another name"
began=$(date +%s%N)
umask 0
run "$skiff" snapshot fork try --data-dir="$data"
umask 022
took=$((($(date +%s%N) - began) / 1000000))
echo "   $took ms"
[ -z "$(find "$data-try" -maxdepth 1 -perm /022)" ] || fail "others may write into the fork: $(ls -la "$data-try")"
check "the fork has the same" ready "$data-try" web 1
run of "$data-try" scale deployment web --replicas=6
check "the fork changes" ready "$data-try" web 6
[ "$(replicas)" = 1 ] || fail "the fork changed the other"
of "$data-try" get pods --at="$before" -o name | wc -l | grep -qx 4 || fail "the fork has no past"
run "$skiff" snapshot ls "$work/before.tar" --data-dir="$data"
refused 'is there already' "$skiff" snapshot fork try --data-dir="$data"
run "$skiff" down --data-dir="$data-try"

say "Restored"
head -c 100000 "$work/before.tar" > "$work/cut.tar"
listed=$("$skiff" snapshot ls "$work" --data-dir="$data") && fail "ls ends well beside a snapshot that is cut off"
grep -q "^$work/before.tar .* whole$" <<<"$listed" && grep -q "^$work/cut.tar .* cut off, within store/" <<<"$listed" ||
  fail "snapshot ls: $listed"
refused 'cut off' "$skiff" snapshot restore "$work/cut.tar" --data-dir="$work/other"
refused 'no snapshot' "$skiff" snapshot restore e2e/snapshot.sh --data-dir="$work/other"
refused 'by a skiff that runs' "$skiff" snapshot restore "$work/before.tar" --data-dir="$data" --force
said=$("$skiff" snapshot restore "$work/before.tar" --data-dir="$work/other")
starts=$(sed -n 's/^  \(skiff up .*\)/\1/p' <<<"$said")
told=$("$skiff" status --data-dir="$work/other" || true)
at_any_port() { sed 's/ --secure-port=[0-9]*//' <<<"$1"; }
[ -n "$starts" ] && grep -qF "\`$(at_any_port "$starts")\`" <<<"$(at_any_port "$told")" ||
  fail "restore and status start it otherwise: $said"
[[ $starts == *" --secure-port="* && $starts != *" --secure-port=$port "* ]] ||
  fail "restore names the port that the original listens on: $said"
refused '--force replaces' "$skiff" snapshot restore "$work/before.tar" --data-dir="$work/other"
run "$skiff" up --nodes=3 --data-dir="$work/other" --bind-address=127.0.0.1 --secure-port="$(free_port)"
check "it has what was saved" ready "$work/other" web 4
refused 'Expired' of "$work/other" get --raw \
  "/api/v1/pods?resourceVersionMatch=Exact&resourceVersion=$before"
refused 'is no longer kept' of "$work/other" get pods --at="$before"

say "Whose word counts: a kubeconfig's"
export HOME=$work/home
unset KUBECONFIG
run "$skiff" up --data-dir="$data" --merge-kubeconfig
means() { local where=$1; shift; grep -q "\"dataDir\": \"$where\"" <<<"$("$@")"; }
check "~/.kube/config names it" means "$data" "$skiff" status -o json
run "$skiff" config rename-context skiff-data mine
check "under any name" means "$data" "$skiff" status -o json
mkdir "$work/copy"
cp "$data/admin.kubeconfig" "$work/copy"
check "a copy of its file names what runs" means "$data" \
  env KUBECONFIG="$work/copy/admin.kubeconfig" "$skiff" status -o json
check "a flag before the word names another" means "$work/other" \
  "$skiff" --kubeconfig="$work/other/admin.kubeconfig" status -o json
check "and kubectl's dashes end no flag before its word" \
  "$skiff" --kubeconfig="$work/other/admin.kubeconfig" kubectl -- get nodes
sed 's|https://127.0.0.1:|https://10.255.255.1:9|' "$data/admin.kubeconfig" >"$work/elsewhere"
refused 'which is kept neither beside that file nor in ' env KUBECONFIG="$work/elsewhere" "$skiff" down
refused 'names a file that does not exist' env KUBECONFIG="$work/mistyped" "$skiff" down
refused 'names a file that does not exist' "$skiff" --kubeconfig="$work/mistyped" down
ended=$(KUBECONFIG=$work/other/admin.kubeconfig "$skiff" down)
grep -qF "ending the cluster of $work/other: KUBECONFIG=" <<<"$ended" || fail "which cluster ends is not said: $ended"
[ ! -e "$work/other" ] || fail "down ended another cluster"
stopped=$("$skiff" down --keep-data)
refused 'does not run: `skiff up ' "$skiff" --context=mine get nodes
again=$(sed -n "s|^The cluster of $data is stopped: .skiff \(up .*\). starts it again.$|\1|p" <<<"$stopped")
run eval "'$skiff' $again"
check "by the line that down said it is the same again, at its port" "$skiff" --context=mine get nodes
check "with what it had" ready "$data" web 1

[ "$(id -u)" = 0 ] || exit 0 # Who may mount no disk that is so small.
say "Of a cluster whose disk is full"
mkdir "$work/other"
mount -t tmpfs -o size=96m tmpfs "$work/other"
run "$skiff" up --nodes=1 --data-dir="$work/other" --bind-address=127.0.0.1 --secure-port="$(free_port)"
run of "$work/other" create configmap kept --from-literal=a=1
cat /dev/zero >"$work/other/others" 2>/dev/null || true
head -c 500000 /dev/zero | tr '\0' x >"$work/large"
is_full() { # What was set aside for the log before is used up first.
  for i in $(seq 60); do
    of "$work/other" create configmap "filler-$i" --from-file="$work/large" >/dev/null 2>&1 || return 0
  done
  return 1
}
check "nothing can be written any more" is_full
tells_of_space() { grep -qE 'failed: .*space' <<<"$("$skiff" status --data-dir="$work/other" || true)"; }
check "status says why" tells_of_space
refused "the disk of $work/other is full" "$skiff" snapshot save "$work/other/x.tar" --data-dir="$work/other"
run "$skiff" snapshot save "$work/full.tar" --data-dir="$work/other"
[ -z "$(find "$work" -maxdepth 1 -name '.skiff-copy-*')" ] || fail "the copy is left: $(ls -A "$work")"
run "$skiff" down --keep-data --data-dir="$work/other"
umount "$work/other"
rmdir "$work/other"
run "$skiff" snapshot restore "$work/full.tar" --data-dir="$work/other"
run "$skiff" up --nodes=1 --data-dir="$work/other" --bind-address=127.0.0.1 --secure-port="$(free_port)"
check "what was there is in its snapshot" of "$work/other" get configmap kept
