#!/usr/bin/env bash
# Runs Kubernetes' own conformance tests (e2e.test v1.35) by name against two real nodes, made of namespaces on this
# machine, and holds what passes against conformance/passing.txt.
#
#   e2e/peers/conformance.sh [REGEX...]     tests whose names match one of them; without any, all 441
#
# EVERY=1        looks for names among all tests of Kubernetes, not those of conformance alone, and holds what passes
#                against conformance/passing-others.txt
# UPDATE=1       writes that file: adds what passes, takes out what fails
# RUN_FLAGS      further flags of conformance/run.py
# OUT            where results and logs go ($CONFORMANCE/results)
# CONFORMANCE    where programs, images and logs are kept (${TMPDIR:-/tmp}/skiff-conformance)
#
# Ends with 1 when a test fails that is named in passing.txt, with 77 where there is no Go. Root. The first run builds
# the tests and their images: half an hour of CPU, 5 GB.
set -euo pipefail
kit=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/conformance
command -v go >/dev/null || { echo "there is no Go"; exit 77; }
export CONFORMANCE=${CONFORMANCE:-${TMPDIR:-/tmp}/skiff-conformance}
out=${OUT:-$CONFORMANCE/results}
[ -x "$CONFORMANCE/bin/e2e.test" ] && ls "$CONFORMANCE"/images/*.tar >/dev/null 2>&1 || "$kit/build.sh"
# Of ours alone: the folder is named by whoever calls.
rm -f "$out"/logs/*.log "$out"/{results.jsonl,by-name.txt,usage.csv}
mkdir -p "$out"
only=() names=() held=passing.txt
for regex in "$@"; do only+=(--only "$regex"); done
if [ -n "${EVERY:-}" ]; then
  [ $# -gt 0 ] || { echo "EVERY=1 wants a regex: there are thousands" >&2; exit 64; }
  held=passing-others.txt
  # "    FILE:LINE: NAME"
  "$CONFORMANCE/bin/e2e.test" --list-tests | sed -nE 's/^ +[^ ]+:[0-9]+: //p' |
    grep -E "$(IFS='|'; echo "$*")" | grep -vF '[Conformance]' >"$out/names.txt"
  names=(--names "$out/names.txt")
fi
# shellcheck disable=SC2086
"$kit/world.sh" "$kit/run.py" --out "$out" "${names[@]}" "${only[@]}" ${RUN_FLAGS:-}
PATH=$CONFORMANCE/bin:$PATH "$kit/report.py" "${names[@]}" --by-name "$out/by-name.txt" "$out"
python3 "$kit/held.py" ${UPDATE:+--update} "$kit/$held" "$out/by-name.txt"
