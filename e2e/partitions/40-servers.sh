say "6. Three servers, each over its own member of one etcd"
servers=(one two three)
declare -A address_of=([one]=10.77.1.21 [two]=10.77.1.22 [three]=10.77.1.23)
members=one=http://10.77.1.21:2380,two=http://10.77.1.22:2380,three=http://10.77.1.23:2380
files=/var/lib/shared/servers
conf=$files/admin.conf

# Its member of etcd and its API server; both end with the machine.
start_server() { # NAME
  local ip=${address_of[$1]}
  on "$1" etcd --name="$1" --data-dir=/var/lib/skiff/etcd --initial-cluster="$members" \
    --initial-advertise-peer-urls="http://$ip:2380" --listen-peer-urls="http://$ip:2380" \
    --advertise-client-urls="http://$ip:2379" --listen-client-urls=http://127.0.0.1:2379 \
    </dev/null >>"$disks/$1/skiff/etcd.log" 2>&1 &
  on "$1" "$SKIFF" kube-apiserver --etcd-servers=http://127.0.0.1:2379 --advertise-address="$ip" \
    --service-cluster-ip-range=10.96.0.0/16 --authorization-mode=Node,RBAC \
    --tls-cert-file=$files/apiserver.crt --tls-private-key-file=$files/apiserver.key \
    --client-ca-file=$files/ca.crt --service-account-issuer=https://kubernetes.default.svc.cluster.local \
    --service-account-key-file=$files/sa.pub --service-account-signing-key-file=$files/sa.key \
    </dev/null >>"$disks/$1/skiff/skiff.log" 2>&1 &
}
# Whoever asks the server of that machine, on that machine. etcd itself waits 7 s for a majority.
at() { on "$1" env KUBECONFIG=$conf "$SKIFF" --request-timeout="${ANSWER:-4s}" "${@:2}"; } # NAME COMMAND...
at_for_ever() { on "$1" env KUBECONFIG=$conf "$SKIFF" "${@:2}"; }
is_leader() { on "$1" curl -s -m 10 http://127.0.0.1:2379/metrics | grep '^etcd_server_is_leader 1' >/dev/null; }
break_link() { # ON FROM FLAG...
  typed "$1" env KUBECONFIG=$conf "$SKIFF" chaos partition "node/$1" "node/$2" --for=30m "${@:3}"
}
mend() { for name in "$@"; do typed "$name" env KUBECONFIG=$conf "$SKIFF" chaos stop; done; }

lose_power() { cut_power "$1"; }
give_power() {
  start_machine "$1" front "${address_of[$1]}/24" 10.77.1.254
  start_server "$1"
}

for name in "${servers[@]}"; do start_machine "$name" front "${address_of[$name]}/24" 10.77.1.254; done
typed one "$SKIFF" certs all --cert-dir=$files --kubeconfig-dir=$files --apiserver-advertise-address=10.77.1.21 \
  --apiserver-cert-extra-sans=10.77.1.22,10.77.1.23
for name in "${servers[@]}"; do start_server "$name"; done
for name in "${servers[@]}"; do check "the server of $name is ready" ready_at "$name"; done
at one create configmap written --from-literal=by=nobody >/dev/null
# Faults look up where nodes are.
for name in "${servers[@]}"; do
  at one create -f - >/dev/null <<<"{\"apiVersion\": \"v1\", \"kind\": \"Node\", \"metadata\": {\"name\": \"$name\"},
    \"status\": {\"addresses\": [{\"type\": \"InternalIP\", \"address\": \"${address_of[$name]}\"}]}}"
done
check "what one of them writes, all of them read" go_on "${servers[@]}"
record servers $conf "${servers[@]}"

say "7. One of three is cut off: the one whose etcd leads, and then another"
way_one_off
say "8. All three are cut from each other"
way_all_apart
say "9. One link of three is cut"
way_one_link
say "10. The leader hears all, and nobody hears it"
way_one_direction
say "11. Two of three lose their power"
way_power

check_history servers 300
