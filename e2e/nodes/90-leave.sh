say "9. A machine leaves"
check "who would take an attached node's cluster away is told to end it first" \
  has "end it first" on far "$SKIFF" down
on far pkill -TERM -f '[s]kiff join --foreground' # As its unit does.
has_ended() { ! on "$1" pgrep -f '[s]kiff join --foreground' >/dev/null; }
check "an attached node ends when it is asked to" has_ended far
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
