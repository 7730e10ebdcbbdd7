#!/usr/bin/env bash
# Fuzzes what reads bytes that anybody may send, under libFuzzer, ASan and UBSan.
#
#   e2e/fuzz.sh [SECONDS|RUNSx] [TARGET...]    60 seconds each, all targets; "100000x": so many runs
#
# Begins with what recorded clients sent, what once failed, and what earlier calls found worth keeping
# (build/fuzz/corpora). An input that fails is written to build/fuzz/failed/<target>/, and belongs into
# e2e/fuzz/found/<target>/ once what it found is mended. Exit 1 when something failed.
set -euo pipefail
cd "$(dirname "$0")/.."
. e2e/packages.sh
amount=${1:-60}; shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(head http2 route spdy websocket json structs yaml protobuf json_patch merge_patch strategic_patch apply labels fields
  cel schema custom conversion admission options values json_path go_template tokens certificate signing_request kubeconfig
  discovery proxied_links dns_query dns_answer compose env_file archive records)
case $amount in
  *x) limit=(-runs="${amount%x}") ;;
  *) limit=(-max_total_time="$amount") ;;
esac
[ -n "${FUZZ:-}" ] || install_packages "${BUILD_PACKAGES[@]}" "${FUZZ_PACKAGES[@]}"
[ -n "${FUZZ:-}" ] || cmake --preset fuzz >/dev/null
[ -n "${FUZZ:-}" ] || cmake --build build/fuzz --target fuzz
fuzz=$(realpath "${FUZZ:-build/fuzz/fuzz}")
work=build/fuzz
seeds=$(mktemp -d)
trap 'rm -rf "$seeds"' EXIT
e2e/fuzz/corpus.py "$seeds"
failed=()
total=0
for target in "${targets[@]}"; do
  mkdir -p "$work/corpora/$target" "$work/failed/$target" "$seeds/$target"
  found=e2e/fuzz/found/$target
  [ -d "$found" ] || found=
  code=0
  # A single input is given 10 seconds and 2 GB.
  FUZZ_TARGET=$target "$fuzz" "${limit[@]}" -timeout=10 -rss_limit_mb=2048 -max_len=16384 -print_final_stats=1 \
    -artifact_prefix="$work/failed/$target/" "$work/corpora/$target" "$seeds/$target" $found >"$work/$target.log" 2>&1 || code=$?
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/$target.log")
  total=$((total + ${runs:-0}))
  echo "$target: ${runs:-0} executions$([ $code = 0 ] || echo ", FAILED: $work/$target.log")"
  [ $code = 0 ] || failed+=("$target")
done
echo "$total executions in all; failed: ${failed[*]:-none}"
[ ${#failed[@]} = 0 ]
