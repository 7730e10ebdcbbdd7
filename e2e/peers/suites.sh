#!/usr/bin/env bash
# Runs controller-runtime's own test suites with `skiff` as their control plane (KUBEBUILDER_ASSETS, over an etcd), and
# says for each how many of its tests passed, and which failed. Ends with 77 where there is no Go, no etcd, or the modules
# cannot be had. A quarter of an hour; building them takes ten minutes of CPU.
#
#   e2e/peers/suites.sh SKIFF [PACKAGE...]     such as client or webhook/admission; without any, all that need a server
#
# OUT   where all that they wrote goes (build/peers/suites)
set -euo pipefail
skiff=$(realpath "$1"); shift
cd "$(dirname "$0")"
etcd=$(command -v etcd) || { echo "skipped: no etcd"; exit 77; }
command -v go >/dev/null || { echo "skipped: no Go"; exit 77; }
out=${OUT:-../../build/peers/suites}
mkdir -p "$out"
out=$(realpath "$out")
packages=("$@")
[ $# -gt 0 ] || packages=(client client/apiutil cache cluster manager controller source handler builder envtest webhook
  webhook/admission webhook/conversion)
module=sigs.k8s.io/controller-runtime
export GOFLAGS="-p=1 -mod=mod" GOTOOLCHAIN=local CGO_ENABLED=0
(cd suites && GOFLAGS=-mod=mod go mod download $module) || { echo "skipped: no $module"; exit 77; }
folder=$(go list -C suites -m -f '{{.Dir}}' $module) && [ -n "$folder" ] || { echo "skipped: no $module"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ln -s "$skiff" "$work/kube-apiserver"
ln -s "$skiff" "$work/kubectl"
ln -s "$etcd" "$work/etcd"
failed=0
for package in "${packages[@]}"; do
  name=${package//\//-}
  # Built by itself: the tests' own times are those of the suite.
  nice go test -C suites -c -trimpath -vet=off -o "$work/$name.test" "$module/pkg/$package" ||
    { echo "skipped: $package was not built"; exit 77; }
  # Tests find their files where they stand. Those without aggregated discovery load an API server of old.
  (cd "$folder/pkg/$package" && KUBEBUILDER_ASSETS=$work timeout 1200 "$work/$name.test" --ginkgo.no-color \
    -test.timeout=20m -test.v -test.skip=/aggregatedDiscovery=false) >"$out/$name.log" 2>&1 && code=0 || code=$?
  summary=$(grep -E '^(Ran [0-9]+ of|SUCCESS!|FAIL!|ok|PASS)' "$out/$name.log" | grep -E 'Passed|Ran' | tail -n 2 | paste -sd' ') || true
  # Some packages have plain tests of Go, beside a suite or without one; that of a suite is one of them.
  plain=$(grep -aoE '^--- (PASS|FAIL|SKIP)' "$out/$name.log" | sort | uniq -c | awk '{print tolower($3), $1}' | paste -sd' ') || true
  echo "$package: ${summary:-ended with $code}; Go tests: ${plain:-none}"
  [ $code = 0 ] || { failed=1; grep -aE '^ *(\[(FAIL|TIMEDOUT|PANICKED!)\]|--- FAIL)' "$out/$name.log" | sort -u || true; }
done
exit $failed
