#!/usr/bin/env bash
# The web console over real containers, in headless Chromium, on a machine of its own (e2e/machine.sh):
# an image deployed, exposed and scaled, its log, a shell in it, a container that takes more memory than it
# may, a Service whose name nobody answers; and what `skiff why` says of those. e2e/console.sh plays the rest,
# on simulated nodes.
#
#   e2e/console_containers.sh [SKIFF [SCREENSHOTS]]      build/release/skiff, build/browser/containers
set -euo pipefail
cd "$(dirname "$0")/.."
. e2e/packages.sh
. e2e/show.sh
. e2e/own_machine.sh
. e2e/browser/playwright.sh
SKIFF=$(realpath "${1:-build/release/skiff}")
screenshots=${2:-$PWD/build/browser/containers}
# There is no PyPI on that machine.
[ "${SKIFF_MACHINE:-}" = console ] || use_browser || exit 77
own_machine console 800m "$SKIFF" "$screenshots"
use_browser || exit 77
images=${SKIFF%/*}/images
[ -e "$images/busybox.tar" ] || images=build/release/images

run "$SKIFF" up --data-dir="$DATA" --load-image="$images/busybox.tar,$images/kitten.tar"
run k apply -f e2e/testdata/console_containers.yaml
last() { k get pod "$1" -o jsonpath='{.status.containerStatuses[0].lastState.terminated.reason}'; }

say "What why says"
check "a container takes more memory than it may" says OOMKilled last greedy
check "why says so, with how much it may" says '32Mi' k why pod/greedy
check "and what to do about a Deployment of such" \
  says 'set resources deployment/eater' k why deployment/eater
k wait --for=condition=Ready pod/client pod/answers --timeout=60s >/dev/null
name=answers.default.svc.cluster.local
check "a name is found" says '10\.96\.' k exec client -- nslookup $name
check "why of its Service finds nothing wrong" \
  says 'is answered by 1 ready endpoint; nothing is wrong' k why service/answers
check "and tells its name" \
  says 'DNS: answers.default.svc.cluster.local is 10\.96\.' k why service/answers
check "a wrong name is in the log that why shows" says 'NXDOMAIN|find answer' k why pod/lost

say "The console"
link=$(k console --print 2>/dev/null)
python3 -B e2e/browser/console_containers.py "$link" "$screenshots"

say "Without a DNS"
run "$SKIFF" down --keep-data --data-dir="$DATA"
run "$SKIFF" up --data-dir="$DATA" --cluster-dns=off
gone() { [ -z "$(k get endpointslices -n kube-system -l kubernetes.io/service-name=kube-dns -o name)" ]; }
check "nothing leads to the DNS before it" gone
k wait --for=condition=Ready pod/client pod/answers --timeout=60s >/dev/null
check "the client runs" k exec client -- true
check "no name is found" says "timed out|no servers|can.t resolve|NXDOMAIN|find answer" k exec client -- nslookup $name
check "why says who does not answer" says "nobody answers" k why service/answers
