#!/usr/bin/env bash
# Lets cert-manager work beside `skiff up`: its controller, webhook and cainjector run as processes of this machine, and
# a certificate is issued by an issuer that signs itself, and another one by that. Ends with 77 where there is no Go or
# its modules cannot be had; the first build takes ten minutes of CPU.
#
#   e2e/peers/cert_manager.sh SKIFF      CERT_MANAGER=folder  uses the programs that are there
set -euo pipefail
skiff=$(realpath "$1")
cd "$(dirname "$0")"
module=github.com/cert-manager/cert-manager
programs=${CERT_MANAGER:-../../build/peers/cert-manager}
mkdir -p "$programs"
programs=$(realpath "$programs")
export GOTOOLCHAIN=local GOFLAGS="-p=1 -mod=mod" CGO_ENABLED=0
command -v go >/dev/null || { echo "skipped: no Go"; exit 77; }
for program in controller webhook cainjector; do
  [ -x "$programs/$program" ] || nice go build -C cert_manager -trimpath -buildvcs=false -ldflags "-s -w" \
    -o "$programs/$program" $module/cmd/$program || { echo "skipped: $program was not built"; exit 77; }
done
folder=$(go list -C cert_manager -m -f '{{.Dir}}' $module)
. ./programs.sh
run() { # NAME FLAG...
  start "$1" "$programs/$1" --kubeconfig="$KUBECONFIG" "${@:2}"
}

export KUBECONFIG=$work/data/admin.kubeconfig
"$skiff" up --nodes=1 --data-dir="$work/data" --bind-address=127.0.0.1 --secure-port="$(free_port)" >/dev/null
# Their labels are for Helm to fill in.
for definition in "$folder"/deploy/crds/crd-*.yaml; do grep -v '{{' "$definition"; echo ---; done >"$work/crds.yaml"
kubectl create namespace cert-manager >/dev/null
kubectl create -f "$work/crds.yaml" >/dev/null
kubectl wait --for=condition=Established crd --all --timeout=60s >/dev/null
port=$(free_port)
sed "s/@PORT@/$port/" cert_manager/webhooks.yaml >"$work/webhooks.yaml"
kubectl create -f "$work/webhooks.yaml" >/dev/null
run webhook --secure-port="$port" --healthz-port="$(free_port)" --dynamic-serving-ca-secret-namespace=cert-manager \
  --dynamic-serving-ca-secret-name=cert-manager-webhook-ca --dynamic-serving-dns-names=localhost
run cainjector --leader-elect=true --leader-election-namespace=cert-manager
run controller --leader-elect=true --leader-election-namespace=cert-manager \
  --cluster-resource-namespace=cert-manager --metrics-listen-address="127.0.0.1:$(free_port)"
injected() { # KIND
  kubectl get "$1" cert-manager-webhook -o jsonpath='{.webhooks[0].clientConfig.caBundle}' | grep -q . && echo yes
}
wait_for yes injected mutatingwebhookconfiguration
wait_for yes injected validatingwebhookconfiguration
echo "the webhook has made its authority, and cainjector has told the API server"

for _ in $(seq 300); do curl -sk "https://localhost:$port" >/dev/null && break; read -rt 0.2 <> <(:) || true; done
kubectl create -f cert_manager/certificates.yaml >/dev/null
ready() { kubectl get certificate "$1" -o jsonpath='{.status.conditions[?(@.type=="Ready")].status}'; }
wait_for True ready authority
wait_for True ready leaf
part() { kubectl get secret "$1" -o jsonpath="{.data.$2}" | base64 -d; }
part leaf 'tls\.crt' >"$work/leaf.crt"
part leaf 'tls\.key' >"$work/leaf.key"
part authority 'tls\.crt' >"$work/authority.crt"
openssl verify -CAfile "$work/authority.crt" "$work/leaf.crt" >/dev/null || fail "the leaf is not signed by the authority"
openssl x509 -in "$work/leaf.crt" -noout -checkhost www.example | grep -q 'does match' || fail "another name"
[ "$(openssl x509 -in "$work/leaf.crt" -noout -pubkey)" = "$(openssl pkey -in "$work/leaf.key" -pubout)" ] ||
  fail "the key is another one's"
echo "issued: an authority by itself, and a leaf by that"

if got=$(kubectl patch certificate leaf --type=merge -p '{"spec": {"privateKey": {"algorithm": "RSA", "size": 1}}}' 2>&1); then
  fail "a key of one bit was not refused"
fi
[[ $got == *'admission webhook "webhook.cert-manager.io" denied the request'*'spec.privateKey.size'* ]] || fail "refused so: $got"
uid() { kubectl get secret leaf -o jsonpath='{.metadata.uid}'; }
before=$(uid)
kubectl delete secret leaf >/dev/null
again() { local now; now=$(uid) && [ -n "$now" ] && [ "$now" != "$before" ] && ready leaf; }
wait_for True again
echo "refused what is wrong, and issued anew what was lost"

# Who is faster than the others, and than the authority, says so, beside a kube-apiserver too.
known='the object has been modified|Operation cannot be fulfilled|already exists|"re-queuing item|error getting signing CA'
for program in controller webhook cainjector; do
  grep -E '^E[0-9]{4} |forbidden|[Ff]ailed to (list|watch)' "$work/$program.log" | grep -vE "$known" >"$work/errors" || true
  [ ! -s "$work/errors" ] || { head -n 20 "$work/errors" | cut -c1-300; fail "errors of $program"; }
done
echo "all three logs are clean"
