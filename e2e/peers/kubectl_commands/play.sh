#!/usr/bin/env bash
# Plays Kubernetes' own tests of kubectl (test/cmd) with one kubectl against our API server and controllers.
#
#   play.sh SOURCES KUBECTL SKIFF OUT NAME...     a copy of Kubernetes' sources, which is written to
#
# Writes "pass NAME" or "fail NAME" of each to OUT/by-name.txt, and all that is said to OUT/log of kubectl_commands.sh.
set -o errexit -o nounset -o pipefail
sources=$1 program=$2 server=$(realpath "$3") results=$(realpath "$4")
shift 4
names=("$@")
cd "$sources"
export TERM=xterm LANG=C KUBE_JUNIT_REPORT_DIR=$results/junit ALLOW_SKEW=1
# Theirs; they set -u, -e and traps, and want to be read in this order.
. hack/lib/init.sh
. hack/lib/test.sh
KUBE_TEMP=$(mktemp -d)
export KUBE_TEMP TMPDIR=$KUBE_TEMP HOME=$KUBE_TEMP SED=sed
mkdir "$KUBE_TEMP/bin"
ln -s "$(realpath "$program")" "$KUBE_TEMP/bin/kubectl"
THIS_PLATFORM_BIN=$KUBE_TEMP/bin
. test/cmd/legacy-script.sh
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
SECURE_API_PORT=$(free_port)
export SECURE_API_PORT
cleanup() {
  stop-proxy
  kill "${manager:-}" "${apiserver:-}" 2>/dev/null || true
  wait
  rm -rf "$KUBE_TEMP"
}
trap cleanup EXIT
trap 'exit 143' INT TERM
openssl genrsa -out "$KUBE_TEMP/sa.key" 2048 2>/dev/null
# As hack/make-rules/test-cmd.sh starts kube-apiserver and kube-controller-manager.
"$server" apiserver --data-dir="$KUBE_TEMP/data" --bind-address=127.0.0.1 --secure-port="$SECURE_API_PORT" \
  --authorization-mode=RBAC,AlwaysAllow --feature-gates= --enable-admission-plugins=LimitRanger,ResourceQuota \
  --disable-admission-plugins=ServiceAccount,DefaultStorageClass,DefaultTolerationSeconds,MutatingAdmissionWebhook,ValidatingAdmissionWebhook,StorageObjectInUseProtection \
  --runtime-config=api/v1 --service-account-key-file="$KUBE_TEMP/sa.key" --service-account-lookup=true \
  --service-account-issuer=https://kubernetes.default.svc --service-account-signing-key-file="$KUBE_TEMP/sa.key" \
  --cert-dir="$KUBE_TEMP" --service-cluster-ip-range=10.0.0.0/24 --client-ca-file=hack/testdata/ca/ca.crt \
  --token-auth-file=hack/testdata/auth-tokens.csv >"$results/apiserver.log" 2>&1 &
apiserver=$!
CONTEXT=test
kubectl config set-credentials test-admin --token admin-token
kubectl config set-cluster local --insecure-skip-tls-verify --server "https://127.0.0.1:$SECURE_API_PORT"
kubectl config set-context $CONTEXT --user test-admin --cluster local
kubectl config use-context $CONTEXT
kube::util::wait_for_url_with_bearer_token "https://127.0.0.1:$SECURE_API_PORT/healthz" admin-token apiserver
cp "$HOME/.kube/config" "$KUBE_TEMP/manager.kubeconfig"
"$server" controller-manager --kubeconfig="$KUBE_TEMP/manager.kubeconfig" --secure-port="$(free_port)" \
  --cluster-signing-cert-file=hack/testdata/ca/ca.crt --cluster-signing-key-file=hack/testdata/ca/ca.key \
  >"$results/manager.log" 2>&1 &
manager=$!
kubectl create -f - <<'NODE'
{"kind": "Node", "apiVersion": "v1", "metadata": {"name": "127.0.0.1", "annotations": {"save-managers": "true"}},
 "status": {"capacity": {"memory": "1Gi"}}}
NODE
export SUPPORTED_RESOURCES=("*")
# runTests sets what all of them use, and has one that WHAT names recorded: ours records all in its place.
eval "record_theirs() $(declare -f record_command | sed 1d)"
record_command() {
  local function
  set +o nounset +o errexit
  for function in "${names[@]}"; do
    foundError=
    record_theirs "$function"
    echo "$([ -z "$foundError" ] && echo pass || echo fail) $function" >>"$results/by-name.txt"
    set +o nounset +o errexit
  done
  foundError=
  set -o nounset -o errexit
}
export WHAT=all
runTests
