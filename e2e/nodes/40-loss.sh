say "4. A machine fails"
lost_ips=$(pods app=web | awk '$3 == "near" {print $2}')
client=${peer[far]}
printf '\nnear: the power is cut\n'
cut_power near
cut_at=$SECONDS
status_of() { kubectl get node "$1" --no-headers | awk '{print $2}'; }
# It has spoken 10 s ago at most, and is looked at every 5 s: within 20 s on a machine that has nothing else to do.
check "near is NotReady" is NotReady status_of near
noticed_at=$SECONDS
echo "   after $((noticed_at - cut_at)) s (--node-monitor-grace-period=${GRACE}s)"
taints_of() { field node "$1" '.spec.taints[?(@.effect=="NoExecute")].key'; }
check "it is tainted" is node.kubernetes.io/unreachable taints_of near
for node in server far; do
  for ip in $lost_ips; do
    check "no service rule on $node leads to its pod $ip" no_rule_for $node "$ip"
  done
done
check "the service answers 20 times without a failure" in_pod "$client" client http://web/hostname --count 20
running_elsewhere() { [ "$(pods "$1" | awk '$3 != "near"' | wc -l)" = "$2" ]; }
check "its web server is replaced elsewhere" running_elsewhere app=web 3
echo "   $((SECONDS - noticed_at)) s after that (tolerated for ${TOLERATION}s)"
check "the pod whose volume may move too" running_elsewhere app=album 1
lines() { in_pod "$(pods app=album | awk '$3 != "near" {print $1}')" wc -l /data/log; }
check "and finds its claim as it was" has 2 lines
pending() { kubectl get pods -l app=notes --no-headers | awk '$3 == "Pending" {print $1}'; }
events_of_pending() { events_of "$(pending)"; }
check "the pod whose volume is on near waits, and says why" \
  has "FailedScheduling: 0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 node(s) didn't match PersistentVolume's node affinity" events_of_pending
events_of_pending | sed 's/^/   /'
run kubectl delete pvc scratch
check "a volume of a claim that is deleted now waits for near" is Released phase_of pv "$scratch_volume"
