# A kube-apiserver with Debian's etcd and skiff's, that a script asks the same; sourced behind programs.sh, where
# $programs and $skiff are known. Both serve when it is over, the one at $kube and the other at $ours, and know one user:
# who has the bearer token "token" may do everything. Both have the flags in $more_flags, too.
echo 'token,admin,admin,system:masters' >"$work/tokens.csv"
openssl genrsa -out "$work/sa.key" 2048 2>/dev/null
mkdir "$work/kube"
etcd=$(free_port) peers=$(free_port) kube=$(free_port) ours=$(free_port)
flags=(--bind-address=127.0.0.1 --service-cluster-ip-range=10.96.0.0/16 --authorization-mode=Node,RBAC
  --token-auth-file="$work/tokens.csv" ${more_flags[@]+"${more_flags[@]}"})
start etcd etcd --data-dir="$work/etcd" --listen-client-urls="http://127.0.0.1:$etcd" \
  --advertise-client-urls="http://127.0.0.1:$etcd" --listen-peer-urls="http://127.0.0.1:$peers" \
  --initial-advertise-peer-urls="http://127.0.0.1:$peers" --initial-cluster="default=http://127.0.0.1:$peers"
# A kube-apiserver that does not find its etcd soon ends.
curl -s --retry 100 --retry-all-errors --retry-delay 1 --retry-max-time 120 --fail "http://127.0.0.1:$etcd/health" >/dev/null
start kube "$programs/kube-apiserver" "${flags[@]}" --secure-port="$kube" --cert-dir="$work/kube" \
  --allow-privileged --etcd-servers="http://127.0.0.1:$etcd" --service-account-key-file="$work/sa.key" \
  --service-account-signing-key-file="$work/sa.key" --service-account-issuer=https://kubernetes.default.svc
start ours "$skiff" apiserver "${flags[@]}" --secure-port="$ours" --data-dir="$work/data" --durability=memory
for port in "$kube" "$ours"; do
  curl -sk --retry 100 --retry-all-errors --retry-delay 1 --retry-max-time 120 --fail \
    "https://127.0.0.1:$port/readyz" >/dev/null
done
