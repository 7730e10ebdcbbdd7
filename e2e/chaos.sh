#!/usr/bin/env bash
# Faults on show (`skiff chaos`, docs/chaos.md) on a machine of its own (e2e/machine.sh) with real containers:
# bad links, cuts, pauses, kills and full disks of pods. Each is seen to act, is over when its time is
# up, when it is stopped and when its supervisor is killed, and leaves nothing behind. What would cut
# the machine itself off is refused.
#
#   e2e/chaos.sh [SKIFF]     build/release/skiff, or the one that is named
set -euo pipefail
cd "$(dirname "$0")/.."
. e2e/packages.sh
. e2e/show.sh
. e2e/own_machine.sh
NODE=chaos
own_machine $NODE 500m "$(realpath "${1:-build/release/skiff}")"

chaos() { "$SKIFF" chaos "$@"; }
# Begins a fault as it is typed; $id is what it is called then.
begin() {
  printf '\n$ skiff chaos %s\n' "$*"
  local said
  said=$("$SKIFF" chaos "$@")
  echo "$said"
  id=${said##*: }
}
# Runs a command that must fail with those words, and shows what it says.
refused() { # TEXT COMMAND...
  local text=$1 said
  shift
  printf '\n$ %s\n' "${*/#chaos/skiff chaos}"
  if said=$("$@" 2>&1); then echo "$said"; fail "this should have been refused"; fi
  echo "$said"
  grep -qF -- "$text" <<<"$said" || fail "it does not say: $text"
  steps=$((steps + 1))
}
ip_of() { k get pod "$1" -o jsonpath='{.status.podIP}'; }
in_pod() { k exec "$1" -- "${@:2}"; }
container_of() { k get pod "$1" -o jsonpath='{.status.containerStatuses[0].containerID}' | sed 's|.*//||'; }
# The first process of a pod's container.
process_of() {
  local id
  id=$(container_of "$1")
  # Of those that end meanwhile there is nothing to read.
  { grep -sl "$id" /proc/[0-9]*/cgroup || true; } | cut -d/ -f3 | sort -n | head -n 1
}
# All that faults could leave in the network of a pod; tables of iptables that hold nothing say nothing.
network_of() {
  local process
  process=$(process_of "$1")
  nsenter --target "$process" --net sh -c '
    nft list ruleset | awk "/^table ip6? mangle/ {skip = 1} !skip {print} /^}/ {skip = 0}"
    for save in iptables-nft-save ip6tables-nft-save; do $save -t mangle | grep ^-A || true; done' 2>/dev/null
  nsenter --target "$process" --net ip -o -4 addr
  nsenter --target "$process" --net tc qdisc show
}
supervisor_of() {
  python3 -c 'import json, sys; print(json.load(open(f"/run/skiff-chaos/{sys.argv[1]}.json"))["supervisor"]["pid"])' "$1"
}
nothing_on() { says '^No fault is on\.$' chaos ls; }
as_before() { diff <(echo "$untouched") <(network_of a; network_of b); }
# The quickest of three answers, in milliseconds.
rtt() { in_pod "$1" ping -c 3 -q "${@:2}" | awk -F'[ /]+' '/round-trip/ {print int($6)}'; }
slow() { [ "$(rtt "$1" "$2")" -ge "$3" ]; }
quick() { [ "$(rtt "$1" "$2")" -lt 20 ]; }
reaches() { in_pod "$1" client "http://$2/" --timeout 2; }
cut_off() { not reaches "$@"; }

say "A cluster, and pods that talk to each other"
run "$SKIFF" up "--data-dir=$DATA" "--load-image=${SKIFF%/*}/images/busybox.tar"
run k apply -f e2e/testdata/chaos/pods.yaml
for pod in a b host; do check "pod $pod runs" k wait --for=condition=Ready "pod/$pod" --timeout=1s; done
a=$(ip_of a) b=$(ip_of b)
service=$(k get service b -o jsonpath='{.spec.clusterIP}')
check "a reaches b" reaches a "$b"
check "  and by its Service" reaches a "$service"
untouched=$(network_of a; network_of b)
check "nothing is on" nothing_on

say "A slow link"
begin netem pod/a --delay=100ms --jitter=5ms --for=5m
check "a waits for b" slow a "$b" 90
check "  and so does b for a, whose answers come late" slow b "$a" 90
check "it is on" says "^$id +netem +pod/a +- +delay 100ms 5ms +[0-9ms]+$" chaos ls
check "an Event tells of it" event a ChaosStarted '^netem of pod/a: delay 100ms 5ms for 5m0s$'
refused "netem of pod/a is on already" chaos netem pod/a --loss=5% --for=10s
run chaos stop "$id"
check "a is as quick as before" quick a "$b"
check "nothing is on, and nothing is left" nothing_on
check "  in the networks of both" as_before
check "  and an Event says so" event a ChaosStopped 'was stopped$'

say "A link between two"
begin netem pod/a pod/b --delay=100ms --for=20s
check "a waits for b" slow a "$b" 90
check "but not for its node" quick a "$(k get node $NODE -o jsonpath='{.status.addresses[0].address}')"
check "its time is up" quick a "$b"
check "nothing is left" as_before
check "an Event says so" event a ChaosStopped 'pod/a and pod/b: delay 100ms is over: its time was up$'
check "  and one of b, too" event b ChaosStopped 'its time was up$'

say "A link that loses, doubles and is narrow"
begin netem pod/a --loss=50% --for=5m
lossy() { says ' (2|3|4|5|6|7)[0-9]% packet loss' in_pod a ping -c 60 -i 0.02 -W 1 -q "$b"; }
check "half is lost" lossy
run chaos stop
begin netem pod/a --duplicate=100% --for=5m
twice() { says '20 packets transmitted, 20 packets received, (19|20) duplicates, 0% packet loss' in_pod a ping -c 20 -i 0.05 -q "$b"; }
check "all comes twice" twice
run chaos stop
begin netem pod/b --rate=4mbit --for=5m
in_pod b dd if=/dev/zero of=/www/large bs=1000 count=1000 2>/dev/null
took_to_get() { # OPERATOR MILLISECONDS: so long a megabyte takes
  local before=${EPOCHREALTIME/./}
  in_pod a sh -c "client http://$b/large --timeout 20 >/dev/null" || return 1
  [ $(((${EPOCHREALTIME/./} - before) / 1000)) "$1" "$2" ]
}
check "a megabyte takes two seconds" took_to_get -ge 1900
run chaos stop
check "  and not any more" took_to_get -lt 1500
check "nothing is left" as_before

say "A cut"
begin partition pod/a --for=5m
check "a reaches nobody" cut_off a "$b"
check "  and nobody a" cut_off b "$a:8080"
check "who sends is not told, as on a cut wire" says '2 packets transmitted, 0 packets received' in_pod a ping -c 2 -W 1 -q "$b"
check "its own loopback is as before" in_pod a ping -c 1 -W 1 127.0.0.1
check "b goes on" in_pod b ping -c 1 -W 1 "$(k get node $NODE -o jsonpath='{.status.addresses[0].address}')"
check "the kubelet runs commands in it all the same" in_pod a true
run chaos stop "$id"
check "a reaches b" reaches a "$b"
check "nothing is left" as_before
begin partition pod/a pod/b --for=5m
check "a does not reach b" cut_off a "$b"
check "  nor by its Service" cut_off a "$service"
check "but another pod" in_pod a ping -c 1 -W 1 "$(ip_of c)"
run chaos stop
check "nothing is left" as_before

say "A cut in one direction"
echos() { in_pod "$1" awk '/^Icmp: [0-9]/ {print $10}' /proc/net/snmp; }  # How often it was asked.
asked() { # POD BY IP: that many of ten questions came
  local before
  before=$(echos "$1")
  in_pod "$2" ping -c 10 -i 0.05 -W 1 -q "$3" >/dev/null || true
  echo $(($(echos "$1") - before))
}
begin partition pod/a pod/b --direction=out --for=5m
check "what a sends does not come to b" says '^0$' asked b a "$b"
check "what b sends comes to a" says '^10$' asked a b "$a"
run chaos stop
begin partition pod/a pod/b --direction=in --for=5m
check "what a sends comes to b" says '^10$' asked b a "$b"
check "what b sends does not come to a" says '^0$' asked a b "$a"
run chaos stop
check "nothing is left" as_before

say "By IPv6"
# Pods have no more of it here than a link to their node; that a pod has an address is what its status says.
own6=$(in_pod a ip -6 -o address show eth0 | sed -n 's|.* inet6 \([^/]*\)/.*|\1|p')
# Both answer who asks all of the link, in whatever order.
node6=
asks_link() {
  node6=$(in_pod a ping -6 -c 2 -I eth0 ff02::1 | sed -n 's/^64 bytes from \(.*\): seq.*/\1/p' | grep -vxF -m 1 "$own6")
}
check "somebody else is on a's link" asks_link
slow6() { [ "$(rtt a -6 -I eth0 "$node6")" -ge 90 ]; }
answers6() { in_pod a ping -6 -c 1 -W 1 -I eth0 "$node6"; }
check "a reaches its node" answers6
run k patch pod a --subresource=status --type=merge \
  -p "{\"status\": {\"podIPs\": [{\"ip\": \"$a\"}, {\"ip\": \"$own6\"}]}}"
begin netem pod/a --delay=100ms --for=5m
check "it waits for its node's answers" slow6
run chaos stop
check "  and not any more" not slow6
begin partition pod/a --for=5m
check "it reaches it no more" not answers6
run chaos stop
check "  and again" answers6
check "nothing is left" as_before

say "A pause"
ticks() { nsenter --target "$process" --mount --root -- wc -l /tmp/ticks | cut -d" " -f1; }
process=$(process_of a)
running() { local before; before=$(ticks); read -rt 0.6 <> <(:) || true; [ "$(ticks)" -gt "$before" ]; }
check "a counts" running
begin pause pod/a --for=5m
check "it stands still" not running
check "  and does not answer" cut_off b "$a:8080"
run chaos stop
check "it goes on" running
check "in the same container" [ "$process" = "$(process_of a)" ]
begin pause pod/a --for=2s
check "when its time is up, too" running

say "A kill"
restarts() { k get pod "$1" -o jsonpath='{.status.containerStatuses[0].restartCount}'; }
before=$(restarts c)
run chaos kill pod/c
started_again() { [ "$(restarts c)" -gt "$before" ]; }
check "its container is started again" started_again
check "by SIGKILL" says '^137' k get pod c -o jsonpath='{.status.containerStatuses[0].lastState.terminated.exitCode}'
check "an Event tells of it" event c ChaosStarted '^kill of pod/c: SIGKILL$'

say "A full disk"
writes() { in_pod a dd if=/dev/zero of=/cache/new bs=1M count=4; }
check "a writes into its emptyDir" writes
begin disk pod/a --volume=cache --for=5m
check "no more" says 'No space left on device' in_pod a sh -c 'rm /cache/new; dd if=/dev/zero of=/cache/more bs=1M count=6'
run chaos stop
check "it writes again" writes
in_pod a rm -f /cache/new /cache/more

say "Its supervisor is killed"
begin netem pod/a --delay=100ms --for=5m
check "a waits for b" slow a "$b" 90
run kill -KILL "$(supervisor_of "$id")"
check "it is over at once" quick a "$b"
check "whoever comes next takes away what is left" says "had lost its supervisor" chaos ls
check "  and nothing is" as_before
check "  as an Event says" event a ChaosStopped 'had lost its supervisor: undone$'
begin partition pod/a --for=20s
run kill -KILL "$(supervisor_of "$id")"
check "a cut lasts" cut_off a "$b"
check "  until its time is up, by the kernel's own clock" reaches a "$b"
run chaos ls
check "nothing is left" as_before
begin partition pod/a --for=5m
run kill -KILL "$(supervisor_of "$id")"
check "or until whoever comes next" says "had lost its supervisor" chaos ls
check "  undoes it" reaches a "$b"
check "nothing is left" as_before
slow=/run/slow
mkdir "$slow"
printf '#!/bin/sh\nsleep 1\nexec %s "$@"\n' "$(command -v nft)" >"$slow/nft"
chmod +x "$slow/nft"
PATH=$slow:$PATH "$SKIFF" chaos partition pod/a --for=5m &
asker=$!
check "a cut is about to begin" pgrep -f "$slow/nft"
run kill -KILL $asker $(pgrep -f 'chaos --supervise')
check "whoever comes next" says "had lost its supervisor" chaos ls
check "  undoes it when what that had run is over" not pgrep -f "$slow/nft"
check "nothing is left" as_before
begin pause pod/a --for=5m
run kill -KILL "$(supervisor_of "$id")"
check "what was paused goes on at once" running
run chaos ls
begin disk pod/a --volume=cache --for=5m
run kill -KILL "$(supervisor_of "$id")"
check "what was full is not any more" writes
run chaos ls

say "skiff itself is killed"
begin partition pod/a --for=8s
skiff=$(cut -d' ' -f1 "$DATA/skiff.pid")
run kill -KILL "$skiff"
check "its process is gone" eval '! kill -0 $skiff'
run "$SKIFF" up "--data-dir=$DATA"
check "the cut ends in time" reaches a "$b"
check "nothing is left" as_before
check "an Event tells of its end" event a ChaosStopped 'partition of pod/a: both directions is over: its time was up$'

say "A node whose clock is wrong"
# By how many seconds the node's Lease is ahead of the machine's clock.
ahead() { echo $(($(date -d "$(k get lease -n kube-node-lease $NODE -o jsonpath='{.spec.renewTime}')" +%s) - $(date +%s))); }
is_ahead() { local by; by=$(ahead); [ "$by" -gt "$1" ] && [ "$by" -lt "$2" ]; }
begin clock node/$NODE --offset=+5m --for=5m
check "its Lease is of five minutes from now" is_ahead 250 301
check "containers have the machine's time" eval '[ $(($(in_pod a date +%s) - $(date +%s))) -le 1 ]'
refused "clock of node/$NODE is on already" chaos clock node/$NODE --offset=-5m --for=5s
run chaos stop "$id"
check "and of now again" is_ahead -30 2
# Its Lease is renewed each ten seconds, and the supervisor must be there still when that was seen.
begin clock node/$NODE --offset=-1h --for=40s
check "an hour behind" is_ahead -3700 -3500
check "the node is Ready all the same" k wait --for=condition=Ready node/$NODE --timeout=1s
run kill -KILL "$(supervisor_of "$id")"
CHECK_SECONDS=120 check "it is over in time, though nobody is there to end it" is_ahead -30 2
check "and swept" nothing_on

say "A pod whose clock is wrong"
# By how many seconds a pod's clock is ahead of the machine's: of a program that runs already, which writes
# the time down, and of one that begins now.
in_pod a awk 'BEGIN { while (1) {
  print systime() >"/tmp/now.new"; close("/tmp/now.new")
  system("mv /tmp/now.new /tmp/now; sleep 0.2") } }' >/dev/null 2>&1 &
looping=$!
off() { echo $(($1 - $(date +%s))); }
within() { [ "$1" -ge "$2" ] && [ "$1" -le "$3" ]; }
begins_off() { within "$(off "$(in_pod a date +%s)")" "$1" "$2"; }
runs_off() { within "$(off "$(in_pod a cat /tmp/now)")" "$1" "$2"; }
check "its clock is right" runs_off -4 1
# So long that its own end makes nothing right here.
begin clock pod/a --offset=+2h --for=10m
check "two hours ahead for who runs" runs_off 7190 7201
check "  and for who begins" begins_off 7190 7201
check "b has the right time" eval 'within "$(off "$(in_pod b date +%s)")" -4 1'
check "  and so has the machine's Lease" is_ahead -30 2
refused "clock of pod/a is on already" chaos clock pod/a --offset=-5m --for=5s
run chaos stop "$id"
check "right at once for who begins" begins_off -4 1
check "  and for who runs" runs_off -4 1
begin clock pod/a --container=c --drift=-100% --for=20s
stands=$(in_pod a date +%s)
check "it stands still, or nearly" eval 'sleep 3; within $(($(in_pod a date +%s) - stands)) -1 1'
check "over in time" begins_off -4 1
check "and nothing is on" nothing_on
begin clock pod/a --offset=-2h --for=30s
check "two hours behind" runs_off -7205 -7190
run kill -KILL "$(supervisor_of "$id")"
check "who runs keeps it without the supervisor" runs_off -7205 -7190
check "  who begins has the right time" begins_off -4 1
check "it is over in time, though nobody is there to end it" runs_off -4 1
check "and swept" nothing_on
in_pod a killall awk
wait "$looping" 2>/dev/null || true
check "nothing of the pod was started again" eval '[ "$(restarts a)" = 0 ]'

say "What is refused"
refused "there is no pod/nobody in the namespace default; there are: pod/a, pod/b" chaos pause pod/nobody --for=5s
refused "there is no namespace nowhere; there are: namespace/default" chaos pause pod/a -n nowhere --for=5s
refused "there is no node/nowhere; there are: node/$NODE" chaos partition node/nowhere --for=5s
refused "--for: say how long" chaos pause pod/a
refused "is not between 1s and 1h0m0s" chaos pause pod/a --for=2h
refused "lives in its node's network" chaos partition pod/host --for=5s
refused "would be cut off as a whole" chaos partition node/$NODE --for=5s
refused "nobody would be left to undo it" chaos kill node/$NODE --for=5s
refused "others have data on" chaos disk pod/a --volume=scratch --for=5s
refused "pod/a has several emptyDirs; say which with --volume: cache, scratch" chaos disk pod/a --for=5s
refused "no container \"none\" of pod/a is running" chaos clock pod/a --container=none --offset=+5m --for=5s
refused "a link has none" chaos clock node/$NODE node/$NODE --offset=+5m --for=5s
refused "say how wrong it is" chaos clock node/$NODE --for=5s
refused "keeps its data in /tmp here" chaos clock node/$NODE --offset=+5m --for=5s --data-dir=/tmp
refused "no fault \"none\" is on" chaos stop none
refused "is no target" chaos pause a --for=5s
refused 'takes no words, not "extra"' chaos ls extra
refused "install it (Debian: apt-get install nftables)" \
  unshare --mount sh -c 'mount --bind /dev/null "$(readlink -f "$(command -v nft)")" && exec "$0" chaos partition pod/a --for=5s' "$SKIFF"
check "nothing of all that is on" nothing_on
check "  or left" as_before

say "A pod that says it is a static one"
mkdir -p "$DATA/manifests"
cat >"$DATA/manifests/own.yaml" <<'END'
apiVersion: v1
kind: Pod
metadata: {name: own}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - {name: c, image: "busybox:1.35", imagePullPolicy: IfNotPresent, command: [sleep, "100000"]}
END
check "a static pod runs" k wait --for=condition=Ready "pod/own-$NODE" --timeout=1s
hash=$(k get pod "own-$NODE" -o jsonpath='{.metadata.annotations.kubernetes\.io/config\.hash}')
static_ip=$(ip_of "own-$NODE")
# It runs nowhere, and says of itself what would lead to the other one's processes.
run k run forged --image=busybox:1.35 --annotations="kubernetes.io/config.hash=$hash" \
  --annotations="kubernetes.io/config.mirror=$hash" --overrides='{"spec": {"nodeName": "elsewhere"}}'
run k patch pod forged --subresource=status --type=merge \
  -p "{\"status\": {\"phase\": \"Running\", \"podIP\": \"$static_ip\", \"podIPs\": [{\"ip\": \"$static_ip\"}]}}"
refused "pod/forged runs on node/elsewhere" chaos partition pod/forged --for=5s
begin partition "pod/own-$NODE" --for=5m
check "the static pod itself is found, and cut off" not in_pod a ping -c 1 -W 1 -q "$static_ip"
run chaos stop
check "it is over" in_pod a ping -c 1 -W 1 -q "$static_ip"

say "The disk of a node"
room() { df --output=avail "$DATA" | tail -n 1; }
begin disk node/$NODE "--data-dir=$DATA" --for=20s
check "it is full" eval '[ "$(room)" -lt 100 ]'
check "until its time is up" eval '[ "$(room)" -gt 10000 ]'
check "the API takes writes" k create configmap later
check "nothing is on" nothing_on
check "and no directory says what was" eval '[ ! -e /run/skiff-chaos ]'

say "The cluster goes while faults are on"
begin clock node/$NODE --offset=+5m --for=10m
clock=$(supervisor_of "$id")
begin disk node/$NODE "--data-dir=$DATA" --for=10m
disk=$(supervisor_of "$id")
said=$("$SKIFF" down "--data-dir=$DATA")
echo "$said"
check "it says that it ends them" eval 'grep -q "(disk of node/$NODE.*) is undone$" <<<"$said" && grep -q "(clock of node/$NODE: 5m0s ahead) is undone$" <<<"$said"'
check "whoever held them has ended" eval '! kill -0 $clock 2>/dev/null && ! kill -0 $disk 2>/dev/null'
check "its disk is empty" eval '[ "$(df --output=used "$DATA" | tail -n 1)" -lt 10000 ]'
check "no directory says what was" eval '[ ! -e /run/skiff-chaos ]'
