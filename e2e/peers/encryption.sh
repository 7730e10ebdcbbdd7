#!/usr/bin/env bash
# Encryption at rest beside a real kube-apiserver v1.35: both stand on one etcd with the same EncryptionConfiguration,
# and each reads what the other wrote, by every provider: aescbc, aesgcm, secretbox and a KMS plugin. Nothing of it lies
# in etcd in plain. Then a key is rotated, by a change of the file, and what was written by the old one is rewritten.
# Ends with 77 where there is no etcd, or no Go to build the others with.
#
#   e2e/peers/encryption.sh SKIFF      KUBE_PROGRAMS=folder  uses the programs that are there
set -euo pipefail
skiff=$(realpath "$1")
cd "$(dirname "$0")"
programs=${KUBE_PROGRAMS:-../../build/peers}
. ./kube_program.sh
etcd=$(command -v etcd) || { echo "skipped: no etcd"; exit 77; }
kube_program "$programs" kube-apiserver
plugin=$programs/kms-plugin
if [ ! -x "$plugin" ] || [ -n "$(find kms_plugin -newer "$plugin" -print -quit)" ]; then
  command -v go >/dev/null || { echo "skipped: no Go"; exit 77; }
  GOFLAGS=-p=1 GOTOOLCHAIN=local CGO_ENABLED=0 nice go build -C kms_plugin -trimpath -buildvcs=false \
    -o "$(realpath "$programs")/kms-plugin" . || { echo "skipped: not built"; exit 77; }
fi
. ./programs.sh

echo 'admin-token,admin,u-admin,"system:masters"' >"$work/tokens.csv"
openssl genrsa -out "$work/accounts.key" 2048 2>/dev/null
echo first-key >"$work/kms.keys"
config() { # FIRST-KEY-NAME...   in order; each name's bytes are its own
  local name keys=
  for name; do
    keys+="{name: $name, secret: $(printf '%-32s' "$name" | tr ' ' x | base64 -w0)},"
  done
  cat <<CONFIG
apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
- {resources: [secrets], providers: [{aescbc: {keys: [$keys]}}, {identity: {}}]}
- {resources: [configmaps], providers: [{aesgcm: {keys: [$keys]}}, {identity: {}}]}
- {resources: [serviceaccounts], providers: [{secretbox: {keys: [$keys]}}, {identity: {}}]}
- resources: [endpoints, '*.example.com']
  providers: [{kms: {apiVersion: v2, name: vault, endpoint: 'unix://$work/kms.sock'}}, {identity: {}}]
CONFIG
}
config key1 >"$work/encryption.yaml"
etcd_port=$(free_port) kube=$(free_port) ours=$(free_port)
start etcd "$etcd" --data-dir="$work/etcd" --listen-client-urls="http://127.0.0.1:$etcd_port" \
  --advertise-client-urls="http://127.0.0.1:$etcd_port" --listen-peer-urls="http://127.0.0.1:$(free_port)"
start kms "$plugin" "$work/kms.sock" "$work/kms.keys"
flags=(--etcd-servers="http://127.0.0.1:$etcd_port" --bind-address=127.0.0.1 --token-auth-file="$work/tokens.csv"
  --authorization-mode=RBAC --service-cluster-ip-range=10.0.0.0/24
  --service-account-issuer=https://kubernetes.default.svc --service-account-key-file="$work/accounts.key"
  --service-account-signing-key-file="$work/accounts.key" --encryption-provider-config="$work/encryption.yaml"
  --encryption-provider-config-automatic-reload)
start kube-apiserver "$programs/kube-apiserver" "${flags[@]}" --secure-port="$kube" --cert-dir="$work/kube"
start skiff "$skiff" apiserver "${flags[@]}" --secure-port="$ours" --cert-dir="$work/ours" --data-dir="$work/ours-data"
ask() { curl -sk -H 'Authorization: Bearer admin-token' -H 'Content-Type: application/json' "$@"; }
for port in "$kube" "$ours"; do
  wait_for ok ask "https://127.0.0.1:$port/readyz"
done
for port in "$kube" "$ours"; do
  [ "$(ask "https://127.0.0.1:$port/healthz/kms-providers")" = ok ] || fail "kms-providers at $port"
done

at() { echo "https://127.0.0.1:$1/api/v1/namespaces/default"; } # PORT
bodies=('secrets {"kind":"Secret","apiVersion":"v1","metadata":{"name":"NAME"},"stringData":{"a":"MARKER-NAME"}}'
  'configmaps {"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"NAME"},"data":{"a":"MARKER-NAME"}}'
  'serviceaccounts {"kind":"ServiceAccount","apiVersion":"v1","metadata":{"name":"NAME","annotations":{"a":"MARKER-NAME"}}}'
  'endpoints {"kind":"Endpoints","apiVersion":"v1","metadata":{"name":"NAME","annotations":{"a":"MARKER-NAME"}}}')
for body in "${bodies[@]}"; do
  ask -o "$work/made" "$(at "$kube")/${body%% *}" -d "$(sed 's/NAME/of-kube/g' <<<"${body#* }")"
  ask -o "$work/made" "$(at "$ours")/${body%% *}" -d "$(sed 's/NAME/of-skiff/g' <<<"${body#* }")"
done
# In etcd by its key: how it begins, and nothing in plain.
kept() { # RESOURCE/NAME
  local key=/registry/${1%%/*}/default/${1#*/}
  [ "${1%%/*}" != endpoints ] || key=/registry/services/endpoints/default/${1#*/}
  curl -s "http://127.0.0.1:$etcd_port/v3/kv/range" -d "{\"key\":\"$(printf %s "$key" | base64 -w0)\"}" |
    python3 -c 'import base64, json, sys; sys.stdout.buffer.write(base64.b64decode(json.load(sys.stdin)["kvs"][0]["value"]))'
}
begins() { kept "$1" | head -c 60 | tr -d '\0' | grep -ao '^k8s:enc:[a-z0-9]*:v[12]:[a-z0-9]*:' || kept "$1" | head -c 20; }
marker() { # PORT RESOURCE/NAME
  ask "$(at "$1")/$2" | python3 -c '
import base64, json, sys
o = json.load(sys.stdin)
a = o.get("data", o.get("metadata", {}).get("annotations", {})).get("a", o)
print(base64.b64decode(a).decode() if o.get("kind") == "Secret" else a)'
}
for pair in secrets=k8s:enc:aescbc:v1:key1: configmaps=k8s:enc:aesgcm:v1:key1: \
  serviceaccounts=k8s:enc:secretbox:v1:key1: endpoints=k8s:enc:kms:v2:vault:; do
  resource=${pair%%=*}
  for name in of-kube of-skiff; do
    [ "$(begins "$resource/$name")" = "${pair#*=}" ] || fail "$resource/$name begins $(begins "$resource/$name")"
    ! kept "$resource/$name" | grep -aq MARKER || fail "$resource/$name lies in plain"
    for port in "$kube" "$ours"; do
      [ "$(marker "$port" "$resource/$name")" = "MARKER-$name" ] || fail "$resource/$name at $port"
    done
  done
done
echo "each reads what the other sealed, by four providers"

# Both take the new key, and a write that changes nothing moves an object to it. kube-apiserver looks once a minute.
config key2 key1 >"$work/next.yaml"
mv "$work/next.yaml" "$work/encryption.yaml"
echo second-key >"$work/next"
cat "$work/kms.keys" >>"$work/next"
mv "$work/next" "$work/kms.keys"
rewrite() { # PORT RESOURCE/NAME
  ask "$(at "$1")/$2" >"$work/object" && ask -o "$work/put" -X PUT "$(at "$1")/$2" -d @"$work/object"
}
moved() { # PORT RESOURCE/NAME
  rewrite "$1" "$2"
  begins "$2"
}
WAIT=90 wait_for k8s:enc:aescbc:v1:key2: moved "$ours" secrets/of-kube
WAIT=90 wait_for k8s:enc:aescbc:v1:key2: moved "$kube" secrets/of-skiff
wait_for k8s:enc:aesgcm:v1:key2: moved "$ours" configmaps/of-kube
wait_for k8s:enc:secretbox:v1:key2: moved "$ours" serviceaccounts/of-kube
for name in of-kube of-skiff; do
  for port in "$kube" "$ours"; do
    [ "$(marker "$port" "secrets/$name")" = "MARKER-$name" ] || fail "secrets/$name at $port, by the second key"
  done
done
id() { kept endpoints/of-kube | grep -aoE 'of [0-9a-f]{16}' | head -n 1; }
first=$(id)
kms_moved() { rewrite "$ours" endpoints/of-kube && [ "$(id)" != "$first" ] && echo moved; }
WAIT=90 wait_for moved kms_moved
[ "$(marker "$kube" endpoints/of-kube)" = MARKER-of-kube ] || fail "endpoints by the plugin's second key"
echo "keys rotated, and what was sealed by the old ones is sealed by the new ones"

# A file that is wrong changes nothing, and is counted.
echo 'kind: Nonsense' >"$work/wrong.yaml"
mv "$work/wrong.yaml" "$work/encryption.yaml"
failures() {
  ask "https://127.0.0.1:$ours/metrics" |
    grep -c '^apiserver_encryption_config_controller_automatic_reloads_total{.*status="failure"' || true
}
WAIT=60 wait_for 1 failures
[ "$(marker "$ours" secrets/of-kube)" = MARKER-of-kube ] || fail "a wrong file was taken"
# Without the key that an object was sealed by.
config key3 >"$work/next.yaml"
mv "$work/next.yaml" "$work/encryption.yaml"
message() { ask "$(at "$1")/secrets$2" | python3 -c 'import json, sys; print(json.load(sys.stdin).get("message"))'; }
none="no matching key was found for the provided AES transformer"
WAIT=60 wait_for "Internal error occurred: $none" message "$ours" /of-kube
[ "$(message "$ours" "")" = "Internal error occurred: unable to transform key \"/registry/secrets/default/of-kube\": $none" ] ||
  fail "a list says $(message "$ours" "")"
ask -X DELETE -o "$work/kept" "$(at "$ours")/secrets/of-kube"
grep -q "$none" "$work/kept" || fail "what cannot be read was deleted"
WAIT=90 wait_for "Internal error occurred: $none" message "$kube" /of-kube
[ "$(message "$kube" "")" = "$(message "$ours" "")" ] || fail "lists differ: $(message "$kube" "")"
echo "what cannot be read is answered as kube-apiserver does"
