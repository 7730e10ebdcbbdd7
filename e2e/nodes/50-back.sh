say "5. It comes back, elsewhere: behind the router, with another address"
start_machine near back 10.77.2.31/24 10.77.2.254
typed near "$SKIFF" join
check "near is Ready" is Ready status_of near
check "and known by its new address" is 10.77.2.31 node_ip near
check "far reaches its pods by itself now" has "via 10.77.2.31 dev eth0" on far ip route show "$(cidr_of near)"
check "and server through the tunnel" has "dev skiff.vxlan" on server ip route show "$(cidr_of near)"
check "which ends at the new address" has "dst 10.77.2.31" on server bridge fdb show dev skiff.vxlan
check "the pod whose volume is there runs again" is near where notes
check "with its data" has "written by notes-writer" in_pod "$(pod_on app=notes near)" cat /data/log
gone() { lacks "$2" kubectl get "$1" -o name; }
check "the volume whose claim was deleted meanwhile is gone" gone pv "$scratch_volume"
check "and its directory too" on near test ! -e "$scratch"
check "nothing of before runs twice" running app=album 1
check "nor waits for its end" lacks Terminating kubectl get pods

printf '\nfar: the power is cut\n'
cut_power far
start_machine far back 10.77.2.40/24 10.77.2.254
# Attached, as its unit starts it, and by the whole line: who looks at its process sees no token.
typed far setsid -f "$SKIFF" join --foreground "$host" --token "$token" --discovery-token-ca-cert-hash "$hash" \
  >/dev/null 2>&1 </dev/null
shows_no_token() { lacks "$token" on "$1" sh -c 'cat /proc/[0-9]*/cmdline | tr "\0" " "'; }
check "far is known by its new address" is 10.77.2.40 node_ip far
check "and no process of it was started with the token" shows_no_token far
check "and the tunnel to it ends there" has "dst 10.77.2.40" on server bridge fdb show dev skiff.vxlan
check "near follows" has "via 10.77.2.40 dev eth0" on near ip route show "$(cidr_of far)"
check "a peer runs on each machine" running app=peer 3
check "and a web server" running app=web 3
# Who runs where may be said of the time before still, until its kubelet has looked.
fetch_anew() { learn_peers && fetch "$@"; }
ask_by_name() { learn_peers && in_pod "${peer[$1]}" client http://web/hostname; }
for from in server near far; do
  for to in server near far; do
    [ $from = $to ] || check "$from -> $to: 8 MB" fetch_anew $from $to
  done
  check "by name from a pod on $from" ask_by_name $from
done
run kubectl delete pvc/notes deployment/notes --wait=false
notes_gone() { on near test ! -e "$notes"; }
check "a claim that is deleted takes its directory on near along" notes_gone
