#!/usr/bin/env bash
# Secrets that are kept encrypted: nothing of them is on the disk in plain, whatever becomes of the cluster and of copies
# of it; and keys are rotated while it runs. Needs neither root nor containers.
#
#   e2e/encryption.sh SKIFF
set -euo pipefail
cd "$(dirname "$0")/.."
. e2e/show.sh
. e2e/simulated.sh "$1"
datum() { of "$1" get secret "$2" -o 'jsonpath={.data.a}' | base64 -d; }
has_datum() { [ "$(datum "$1" "$2")" = "$3" ]; }
nowhere() { ! grep -rqa "$1" "$2"; } # TEXT PATH
is_said() { # TEXT COMMAND...
  local text=$1; shift
  grep -qF -- "$text" <<<"$("$@" 2>&1 || true)"
}
secret() { # NAME TEXT LABEL
  printf '{apiVersion: v1, kind: Secret, metadata: {name: %s, labels: {l: %s}}, stringData: {a: %s}}' "$1" "$3" "$2"
}
put() { secret "$@" | of "$data" apply --server-side -f - >/dev/null; }

say "A cluster that keeps its Secrets encrypted"
port=$(free_port)
up() { "$skiff" up --nodes=1 --data-dir="$data" --bind-address=127.0.0.1 --secure-port="$port" "$@"; }
run up --secrets-encryption
check "its key is for nobody else to read" [ "$(stat -c %a "$data/encryption-config.yaml")" = 600 ]
run put s1 MARKER-first LABEL-first
run of "$data" create configmap plain --from-literal=a=FOUND-in-plain
before=$(of "$data" get secret s1 -o 'jsonpath={.metadata.resourceVersion}')
run put s1 MARKER-second LABEL-second
for i in $(seq 20); do put "many$i" "MARKER-many-$i" "LABEL-$i"; done
run of "$data" delete secret many7
check "a search finds what is kept in plain" grep -rqa FOUND-in-plain "$data/store"
b64() { printf %s "$1" | base64 | cut -c1-10; }
hidden() { nowhere MARKER- "$1" && nowhere "$(b64 MARKER-f)" "$1" && nowhere LABEL- "$1"; }
check "and nothing of a Secret" hidden "$data"
check "what was is read as well" [ "$(of "$data" get secret s1 --at="$before" -o 'jsonpath={.data.a}' | base64 -d)" = MARKER-first ]
changed() { of "$data" diff --since="$before" secrets >"$work/changes" || [ $? = 1 ] && grep -q many20 "$work/changes"; }
check "and what has changed since" changed

say "Copies of it"
run "$skiff" snapshot save "$work/saved.tar" --data-dir="$data"
check "an archive holds nothing in plain" hidden "$work/saved.tar"
check "nor the key" nowhere "$(sed -n 's/.*secret: //p' "$data/encryption-config.yaml")" "$work/saved.tar"
run "$skiff" snapshot fork try --data-dir="$data"
check "a fork reads it" has_datum "$data-try" s1 MARKER-second
run "$skiff" down --data-dir="$data-try"

say "A crash"
process=$(cut -d' ' -f1 "$data/skiff.pid")
kill -9 "$process"
timeout 60 tail --pid="$process" -f /dev/null
check "nothing is in plain after it" hidden "$data"
printf '{"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [{"level": "Metadata"}]}' >"$work/policy.yaml"
cat >"$work/scheduler.yaml" <<'END'
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
profiles: [{schedulerName: default-scheduler}, {schedulerName: another}]
END
run up --kube-apiserver-arg=audit-log-path="$work/audit.log" --kube-apiserver-arg=audit-policy-file="$work/policy.yaml" \
  --kube-controller-manager-arg=max-endpoints-per-slice=1 --kube-scheduler-arg=config="$work/scheduler.yaml"
check "and the next start reads it, without the flag" has_datum "$data" s1 MARKER-second
check "nor is anything after that" hidden "$data"

say "What is passed on to the programs of it"
check "its API server tells who did what" grep -q '"resource":"secrets"' "$work/audit.log"
check "and nothing of a Secret" hidden "$work/audit.log"
for name in p1 p2; do
  printf '{apiVersion: v1, kind: Pod, metadata: {name: %s, labels: {a: b}}, spec: {schedulerName: another, containers: [{name: c, image: i}]}}\n---\n' $name
done | of "$data" apply -f - >/dev/null
check "its scheduler has the other profile" of "$data" wait --for=condition=Ready pod/p1 pod/p2 --timeout=20s
printf '{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {selector: {a: b}, ports: [{port: 80}]}}' |
  of "$data" apply -f - >/dev/null
has_slices() { [ "$(of "$data" get endpointslices -l kubernetes.io/service-name=s -o name | wc -l)" = 2 ]; }
check "its controllers put one endpoint into a slice" has_slices

say "A key rotated while it runs"
key=$(head -c 32 /dev/urandom | base64)
sed "s|^      keys:|&\n      - name: key2\n        secret: $key|" "$data/encryption-config.yaml" >"$work/next"
chmod 600 "$work/next" && mv "$work/next" "$data/encryption-config.yaml"
version() { of "$data" get secret s1 -o 'jsonpath={.metadata.resourceVersion}'; }
old=$(version)
rewritten() { of "$data" get secrets -A -o json | of "$data" replace -f - >/dev/null && [ "$(version)" != "$old" ]; }
check "a write that changes nothing is one, by the new key" rewritten
now=$(version)
of "$data" get secrets -A -o json | of "$data" replace -f - >/dev/null
check "and the next one is none" [ "$(version)" = "$now" ]
sed -i '/name: key1/,+1d' "$data/encryption-config.yaml"
check "what is kept by the old key alone is not to be read" is_said 'no matching key was found for the provided Secretbox' \
  of "$data" get secret s1 --at="$before" -o name
check "all else is" has_datum "$data" s1 MARKER-second

say "Without its key"
run "$skiff" snapshot restore "$work/saved.tar" --data-dir="$work/other"
other() { "$skiff" up --nodes=1 --data-dir="$work/other" --bind-address=127.0.0.1 --secure-port="$port" "$@"; }
run "$skiff" down --keep-data --data-dir="$data"
run other
check "a restored cluster says so of each Secret" is_said 'identity transformer tried to read encrypted data' \
  of "$work/other" get secret s1
check "and of a list of them" is_said 'unable to transform key "/registry/secrets/' of "$work/other" get secrets -A
check "and serves the rest" of "$work/other" get configmap plain
