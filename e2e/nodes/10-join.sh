say "1. A server, and two machines that join it"
began=$SECONDS
# No machine has an IPv6 address of its own.
ranges=(--service-cluster-ip-range=10.96.0.0/16,fd00:10:96::/112 --cluster-cidr=10.244.0.0/16,fd00:10:244::/56)
archives=()
for image in busybox nautilus; do archives+=("--load-image=$IMAGES/$image.tar"); done
typed server "$SKIFF" up "${archives[@]}" --node-monitor-grace-period=${GRACE}s \
  "${ranges[@]}" \
  --default-not-ready-toleration-seconds=$TOLERATION \
  --default-unreachable-toleration-seconds=$TOLERATION --cluster-signing-duration=$SIGNING
join=$(on server "$SKIFF" token create --print-join-command --ttl=2h)
short_token=$(on server "$SKIFF" token create --ttl=5s)
echo "   $join"
read -r -a words <<<"$join"
host=${words[2]} token=${words[4]} hash=${words[6]}
join_as() { # NAME FLAGS...
  typed "$1" "$SKIFF" join "$host" --token "$token" --discovery-token-ca-cert-hash "$hash" \
    --node-name "$1" "${archives[@]}" "${@:2}"
}
join_as near &
near_joins=$!
join_as far
wait $near_joins
joined_at=$SECONDS
# Before one of them is due.
declare -A first_serial=()
for node in near far; do first_serial[$node]=$(openssl x509 -noout -serial -in "$disks/$node/skiff/pki/kubelet-client-current.pem"); done
check "three nodes are Ready" nodes_ready 3
run kubectl get nodes -o wide
echo "   after $(seconds_since $began) s"

names_of() { # NODE: whom its client certificate names
  openssl x509 -noout -subject -nameopt RFC2253 -in "$disks/$1/skiff/pki/kubelet-client-current.pem"
}
as_node() { on "$1" env KUBECONFIG=/var/lib/skiff/kubelet.conf "$SKIFF" "${@:2}"; }
for node in near far; do
  check "$node is itself: system:node:$node" is "subject=CN=system:node:$node,O=system:nodes" names_of $node
  check "and the server knows it by that" has "system:node:$node" \
    as_node $node auth whoami
  check "and sees no other node" has "cannot read 'server', only its own Node object" \
    as_node $node label node server role=mine
  check "and makes no other node" has "is not allowed to modify node \"else\"" \
    as_node $node create -f - <<<'{"apiVersion": "v1", "kind": "Node", "metadata": {"name": "else"}}'
  check "and shows a certificate for its address that the cluster signed" \
    has "IP Address:$(node_ip $node)" openssl x509 -noout -ext subjectAltName -in "$disks/$node/skiff/pki/kubelet.crt"
done
pod_cidrs() { kubectl get nodes -o jsonpath='{range .items[*]}{.spec.podCIDR}{"\n"}{end}' | sort -u | grep -c '^10\.244\.[0-9]*\.0/24$'; }
check "each node has a pod CIDR of its own" is 3 pod_cidrs
