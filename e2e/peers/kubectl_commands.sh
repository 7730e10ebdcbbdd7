#!/usr/bin/env bash
# Plays the tests that Kubernetes has of kubectl (test/cmd of its sources) against our API server and controllers, by
# kubectl v1.35 and by skiff as kubectl, and holds what fails against kubectl_commands/known.txt, by name. Ends with 77
# where there is no Go, or the modules cannot be had. Ten minutes each.
#
#   e2e/peers/kubectl_commands.sh SKIFF [NAME...]     such as run_kubectl_apply_tests; without any, all
#
# KUBECTLS   which kubectls (kubectl skiff)
# LIMIT      seconds for each of them (2400)
# OUT        where all that they said goes (build/peers/kubectl_commands)
set -euo pipefail
skiff=$(realpath "$1"); shift
cd "$(dirname "$0")"
. ../packages.sh
. kubectl.sh
command -v go >/dev/null || { echo "skipped: no Go"; exit 77; }
out=${OUT:-../../build/peers/kubectl_commands}
mkdir -p "$out"
out=$(realpath "$out")
kubectl=$(go_kubectl ../../build/peers)
[ -n "$kubectl" ] || { echo "skipped: no kubectl v1.35"; exit 77; }
kubectl=$(realpath "$kubectl")
export GOTOOLCHAIN=local
folder=$(go mod download -json k8s.io/kubernetes@$GO_KUBECTL_VERSION | sed -n 's/.*"Dir": "\(.*\)".*/\1/p') &&
  [ -d "$folder" ] || { echo "skipped: no k8s.io/kubernetes"; exit 77; }
names=("$@")
if [ $# = 0 ]; then
  mapfile -t names < <(grep -oE '^ +record_command run_[A-Za-z_]+' "$folder/test/cmd/legacy-script.sh" | awk '{print $2}' | awk '!seen[$0]++')
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
for client in ${KUBECTLS:-kubectl skiff}; do
  program=$([ "$client" = skiff ] && echo "$skiff" || echo "$kubectl")
  sources=$work/$client
  for part in hack test/cmd test/fixtures test/e2e/testing-manifests third_party/forked; do
    mkdir -p "$sources/$part"
    cp -r "$folder/$part/." "$sources/$part/"
  done
  # Modules are read-only, and no file of them may be run.
  chmod -R u+w "$sources"
  find "$sources" -name '*.sh' -o -path '*/plugins/*' -name 'kubectl-*' | xargs chmod +x
  rm -rf "${out:?}/$client"
  mkdir -p "$out/$client"
  timeout "${LIMIT:-2400}" kubectl_commands/play.sh "$sources" "$program" "$skiff" "$out/$client" "${names[@]}" \
    >"$out/$client/log" 2>&1 </dev/null || true
  kubectl_commands/held.py "$client" "$out/$client/by-name.txt" kubectl_commands/known.txt "${names[@]}" || failed=1
done
exit $failed
