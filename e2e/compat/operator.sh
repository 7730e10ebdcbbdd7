#!/usr/bin/env bash
# Lets an operator built on controller-runtime (operator/) work on simulated nodes: its definition with two versions,
# its defaulting, validating and converting webhooks, its children and finalizer, and two of it of which one leads and is
# killed. Ends with 77 where there is no Go or its modules cannot be had.
#
#   e2e/compat/operator.sh SKIFF
set -euo pipefail
skiff=$(realpath "$1")
cd "$(dirname "$0")"
peers=../../build/peers
program=$peers/operator
if [ ! -x "$program" ] || [ -n "$(find operator -name '*.go' -newer "$program")" ]; then
  command -v go >/dev/null || { echo "skipped: no Go"; exit 77; }
  mkdir -p "$peers"
  # One package at a time and with low priority: a build of skiff may run beside it.
  GOFLAGS=-p=1 GOTOOLCHAIN=local CGO_ENABLED=0 nice go build -C operator -trimpath -buildvcs=false \
    -o "$(realpath "$peers")/operator" . || { echo "skipped: not built"; exit 77; }
fi
program=$(realpath "$program")
. ../peers/programs.sh
declare -A operators
refused() { # TEXT COMMAND...
  local wanted=$1 got
  shift
  ! got=$("$@" 2>&1) || fail "not refused: $*"
  [[ $got == *"$wanted"* ]] || fail "wanted '$wanted' of '$*', got '$got'"
}
is() { # TEXT COMMAND...: what it warns of aside
  local wanted=$1 got
  shift
  got=$("$@" 2>"$work/said") && [ "$got" = "$wanted" ] || fail "wanted '$wanted' of '$*', got '$got' $(cat "$work/said")"
}

export KUBECONFIG=$work/data/admin.kubeconfig
"$skiff" up --nodes=2 --data-dir="$work/data" --bind-address=127.0.0.1 --secure-port="$(free_port)" >/dev/null
mkdir "$work/certificates"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=sites -addext \
  subjectAltName=IP:127.0.0.1 -keyout "$work/certificates/tls.key" -out "$work/certificates/tls.crt" 2>/dev/null
run() { # NAME PORT
  start "$1" "$program" --name="$1" --webhook-port="$2" --webhook-certificates="$work/certificates"
  operators[$1]=${pids[-1]}
}
leader() { kubectl get lease sites -o jsonpath='{.spec.holderIdentity}'; }
who() { kubectl get deployment "$1" -o "jsonpath={.metadata.annotations['sites\.skiff\.example/reconciled-by']}"; }
site() { # FIELD [RESOURCE]
  kubectl get "${2:-sites}" web -o "jsonpath=$1"
}
port=$(free_port)
sed "s/@PORT@/$port/; s/@CA@/$(base64 -w0 "$work/certificates/tls.crt")/" operator/site.yaml >"$work/site.yaml"
kubectl apply -f "$work/site.yaml" >/dev/null
kubectl wait --for=condition=Established crd/sites.sites.skiff.example --timeout=30s >/dev/null
# The first leads; the webhooks are those of the second, which outlives it.
run one "$(free_port)"
wait_for yes sh -c "'$skiff' --kubeconfig='$KUBECONFIG' get lease sites -o name | sed 's/.*/yes/'"
first=$(leader)
run two "$port"
for _ in $(seq 300); do curl -sk "https://127.0.0.1:$port" >/dev/null && break; read -rt 0.2 <> <(:) || true; done

cat >"$work/web.yaml" <<'SITE'
apiVersion: sites.skiff.example/v2
kind: Site
metadata: {name: web, namespace: default}
spec: {server: {image: "web:1"}}
SITE
got=$(kubectl create -f "$work/web.yaml" 2>&1)
[[ $got == *"Warning: nobody finds a site without hosts"* ]] || fail "no warning: $got"
is 2/two site "{.spec.replicas}/{.metadata.annotations['sites\.skiff\.example/defaulted-by']}"
echo "defaulted, and warned of"
refused 'The Site "web" is invalid: spec.replicas: Invalid value: 9: more than anybody visits' \
  kubectl patch site web --type=merge -p '{"spec": {"replicas": 9}}'
refused "hosts end with .example" kubectl patch site web --type=merge -p '{"spec": {"hosts": ["a.test"]}}'
wait_for 2/True site '{.status.ready}/{.status.conditions[?(@.type=="Ready")].status}'
is one who web
wait_for "made deployment web" kubectl get events --field-selector=reason=Deployed -o jsonpath='{.items[*].message}'
echo "refused what is wrong, deployed what is right"

is "2 web:1" site '{.spec.size} {.spec.image}' sites.v1.sites.skiff.example
cat >"$work/old.yaml" <<'SITE'
apiVersion: sites.skiff.example/v1
kind: Site
metadata: {name: old, namespace: default}
spec: {size: 1, image: "old:1", host: old.example}
SITE
got=$(kubectl create -f "$work/old.yaml" 2>&1)
[[ $got == *"Warning: sites v1 is old, use v2"* ]] || fail "no warning: $got"
is '1 old:1 ["old.example"]' kubectl get sites.v2.sites.skiff.example old \
  -o jsonpath='{.spec.replicas} {.spec.server.image} {.spec.hosts}'
# The webhook wants v2: what comes as v1 is converted for it.
refused "more than anybody visits" kubectl patch sites.v1.sites.skiff.example old --type=merge -p '{"spec": {"size": 7}}'
# What v1 cannot say stays as it was stored, or is lost by whoever writes v1: as the conversion has it.
kubectl patch site old --type=merge -p '{"spec": {"hosts": ["old.example", "new.example"]}}' >/dev/null
is old.example kubectl get sites.v1.sites.skiff.example old -o jsonpath='{.spec.host}'
wait_for 1 kubectl get site old -o jsonpath='{.status.ready}'
echo "two versions of one kind"

kubectl scale site web --replicas=3 >/dev/null
wait_for 3 kubectl get deployment web -o jsonpath='{.status.readyReplicas}'
wait_for 3 site '{.status.ready}'
kill -9 "${operators[one]}"
wait_for yes sh -c "[ \"\$('$skiff' --kubeconfig='$KUBECONFIG' get lease sites -o jsonpath='{.spec.holderIdentity}')\" != '$first' ] && echo yes"
kubectl patch site web --type=merge -p '{"spec": {"replicas": 1, "server": {"image": "web:2"}}}' >/dev/null
wait_for two who web
wait_for 1/web:2 kubectl get deployment web -o jsonpath='{.status.readyReplicas}/{.spec.template.spec.containers[0].image}'
echo "who leads was killed, and the other one goes on"

kubectl annotate site web sites.skiff.example/keep=yes >/dev/null
refused "is to be kept" kubectl delete site web
kubectl annotate site web sites.skiff.example/keep- >/dev/null
kubectl delete site web >/dev/null
is two kubectl get configmap closed-sites -o jsonpath='{.data.web}'
wait_for "" kubectl get deployments,pods -l site=web -o name
kubectl delete -f "$work/site.yaml" >/dev/null 2>&1 || true
wait_for "" kubectl get crd sites.sites.skiff.example --ignore-not-found -o name
wait_for "" kubectl get deployments -o name
echo "what is deleted goes, by way of its finalizer, with what it owns"

# It works on what it has heard of, and is told so when that is old. Its watch ended with the definition: where it is quick
# enough, it asks for another one.
grep -h '"level":"error"' "$work/one.log" "$work/two.log" | grep -v 'the object has been modified' |
  grep -v 'could not find the requested resource (get sites.sites.skiff.example)' >"$work/errors" || true
[ ! -s "$work/errors" ] || { cut -c1-300 "$work/errors"; fail "errors of the operator"; }
echo "both logs are clean"
