say "9. A machine leaves"
typed far "$SKIFF" down
leftovers() {
  on far ip route show proto 97
  on far ip -o link show | grep -E 'skiff|cni|veth'
  on far ip -6 route show proto 97
  on far ip -6 rule | grep 9797
  on far iptables-save | grep KUBE
  on far ip6tables-save | grep KUBE
  on far sh -c 'ls -A /var/lib/skiff; pgrep -a containerd'
}
check "nothing of the cluster is left on it" is "" leftovers
echo "   $(seconds_since $began) s in all"
