say "2b. Network policies hold across machines, for who comes in and for who goes out"
# POLICY NAME, REST OF ITS SPEC: of the peers.
policy() {
  apply <<<"{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: $1}, spec: {podSelector: {matchLabels: {app: peer}}, $2}}"
}
reach() { in_pod "${peer[$1]}" client "http://${peer_ip[$2]}/hostname" --timeout 2; } # FROM TO
refused() { has "No route to host" reach "$@"; }
by_name() { in_pod "${peer[$1]}" client http://web.default.svc.cluster.local/hostname --timeout 2; }
no_table() { lacks skiff-policy on "$1" nft list tables; }

check "there is no policy, and no table of ours" no_table near
check "nobody is warned that policies do not hold" lacks Warning policy closed "policyTypes: [Ingress]"
check "near reaches far's peer no more" refused near far
check "nor does far near's" refused far near
check "another node does not reach it, either" hears_nothing_of far on server curl -sS -m 2 "http://${peer_ip[far]}/hostname"
check "its own node does" on far curl -fsS -m 2 "http://${peer_ip[far]}/sum"
check "so its probes go on" running app=peer 3
check "who is not meant is reached as before" by_name near
check "what comes over a pod's cable is held against its address" has 'fib saddr . iif' on near nft list table inet skiff-policy
check "near remembers what it closes when it boots" has 10.244. on near cat /var/lib/skiff/network-policies
policy peers "ingress: [{from: [{podSelector: {matchLabels: {app: peer}}}], ports: [{port: 80}]}]" >/dev/null
check "a second policy lets peers in" reach near far
check "from each machine" reach server near
check "and nobody else" hears_nothing_of far on server curl -sS -m 2 "http://${peer_ip[far]}/hostname"
policy quiet "policyTypes: [Egress], egress: [{to: [{podSelector: {matchLabels: {app: web}}}]}]" >/dev/null
check "peers may go to the web servers alone" refused near far
check "by their service's name and address" by_name near
check "not even to the machine next door" has "No route to host" in_pod "${peer[near]}" client http://10.77.1.10:6443/ --timeout 2
kubectl delete networkpolicy --all >/dev/null
check "without policies all is open" reach near far
for node in server near far; do
  check "and no table is left on $node" no_table $node
  check "nothing is remembered" lacks network-policies on $node ls /var/lib/skiff
done
