say "Each pod and service has an IPv6 address too, though no machine has one"
is_dual() { grep -qE "^10\.244\.[0-9]+\.0/24 fd00:10:244:([0-9a-f]+:)?:/64$" <<<"$(kubectl get node "$1" -o jsonpath='{.spec.podCIDRs[0]} {.spec.podCIDRs[1]}')"; }
for node in server near far; do check "$node has a range of each family" is_dual $node; done
declare -A peer_ip6=()
for node in server near far; do peer_ip6[$node]=$(field pod "${peer[$node]}" '.status.podIPs[1].ip'); done
check "far's pods are reached by IPv6 through the tunnel too" has "dev skiff.vxlan" on server ip -6 route show "$(field node far '.spec.podCIDRs[1]')"
fetch6() { # FROM TO
  in_pod "${peer[$1]}" sh -c "[ \"\$(client 'http://[${peer_ip6[$2]}]/data' --timeout 10 | md5sum)\" = \"\$(client 'http://[${peer_ip6[$2]}]/sum')\" ]"
}
for from in server near far; do
  for to in server near far; do
    check "$from -> $to: 8 MB by IPv6" fetch6 $from $to
  done
done
kubectl patch service web -p '{"spec": {"ipFamilyPolicy": "RequireDualStack"}}'
service_ip6=$(field service web '.spec.clusterIPs[1]')
check "the service has a second address" has "fd00:10:96::" echo "$service_ip6"
hosts_behind6() { # NODE
  for _ in $(seq 24); do on "$1" curl -fsS -g -m 2 "http://[$service_ip6]/hostname"; echo; done | sort -u | grep -c .
}
pods_behind6() { # NODE
  in_pod "${peer[$1]}" sh -c "for i in \$(seq 24); do client 'http://[$service_ip6]/hostname'; echo; done" | sort -u | grep -c .
}
for node in server near far; do
  until_true 10 is 3 hosts_behind6 $node
  check "which leads to all three from $node" is 3 hosts_behind6 $node
  check "and from a pod on $node" is 3 pods_behind6 $node
done
check "its name has both" has "$service_ip6" in_pod "${peer[near]}" nslookup web.default.svc.cluster.local
kubectl create service clusterip silent --tcp=80
kubectl patch service silent -p '{"spec": {"ipFamilyPolicy": "RequireDualStack"}}'
silent_ip6=$(field service silent '.spec.clusterIPs[1]')
refuses6() { has "refused" in_pod "${peer[near]}" client "http://[$silent_ip6]/"; }
check "one without endpoints refuses at once" until_true 5 refuses6
kubectl delete service silent
