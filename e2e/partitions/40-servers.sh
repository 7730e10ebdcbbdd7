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
reads() { at "$1" get configmap written -o 'jsonpath={.data.by}'; }
# As informers begin: kube-apiserver answers that from its cache.
reads_any() { at "$1" get --raw '/api/v1/namespaces/default/configmaps/written?resourceVersion=0'; }
writes() { at "$1" patch configmap written --type=merge -p "{\"data\": {\"by\": \"$2\"}}"; } # NAME VALUE
ready() { at "$1" get --raw /readyz; }
go_on() { for name in "$@"; do reads "$name" >/dev/null && writes "$name" "$name" || return 1; done; }
refuses() { # NAME
  local read write
  reads "$1" &
  read=$!
  writes "$1" nobody &
  write=$!
  not wait $read && not wait $write
}
is_leader() { on "$1" curl -s -m 10 http://127.0.0.1:2379/metrics | grep '^etcd_server_is_leader 1' >/dev/null; }
leader_among() { for name in "$@"; do if is_leader "$name"; then echo "$name"; return 0; fi; done; return 1; }
# In $leader: who leads may be being chosen.
led() { leader=$(leader_among "${servers[@]}"); }
find_leader() { check "etcd has a leader" led; }
others() { for name in "${servers[@]}"; do [ "$name" = "$1" ] || echo "$name"; done; }
break_link() { # ON FROM FLAG...
  typed "$1" env KUBECONFIG=$conf "$SKIFF" chaos partition "node/$1" "node/$2" --for=30m "${@:3}"
}
mend() { for name in "$@"; do typed "$name" env KUBECONFIG=$conf "$SKIFF" chaos stop; done; }

for name in "${servers[@]}"; do start_machine "$name" front "${address_of[$name]}/24" 10.77.1.254; done
typed one "$SKIFF" certs all --cert-dir=$files --kubeconfig-dir=$files --apiserver-advertise-address=10.77.1.21 \
  --apiserver-cert-extra-sans=10.77.1.22,10.77.1.23
for name in "${servers[@]}"; do start_server "$name"; done
for name in "${servers[@]}"; do check "the server of $name is ready" ready "$name"; done
at one create configmap written --from-literal=by=nobody >/dev/null
# Faults look up where nodes are.
for name in "${servers[@]}"; do
  at one create -f - >/dev/null <<<"{\"apiVersion\": \"v1\", \"kind\": \"Node\", \"metadata\": {\"name\": \"$name\"},
    \"status\": {\"addresses\": [{\"type\": \"InternalIP\", \"address\": \"${address_of[$name]}\"}]}}"
done
check "what one of them writes, all of them read" go_on "${servers[@]}"
record servers $conf "${servers[@]}"

say "7. One of three is cut off: the one whose etcd leads, and then another"
cut_off_and_back() { # NAME
  local -a rest
  mapfile -t rest < <(others "$1")
  # On the side that is cut off somebody watches, as long as that machine has power.
  on "$1" env KUBECONFIG=$conf "$SKIFF" get configmap written -w -o 'jsonpath={.data.by}{"\n"}' \
    </dev/null >"$shared/watched-$1" 2>/dev/null &
  check "somebody watches on $1" grep -q . "$shared/watched-$1"
  # Made by those who still hear each other.
  for name in "${rest[@]}"; do break_link "$name" "$1"; done
  local began=$SECONDS
  check "${rest[*]}: two members of three; both servers read and write" go_on "${rest[@]}"
  echo "   $((SECONDS - began)) s after the cut"
  check "${rest[0]} writes something new" writes "${rest[0]}" "meanwhile-$1"
  check "$1: its server neither reads nor writes" refuses "$1"
  check "  is not ready" not ready "$1"
  check "  and says why" has 'etcdserver: request timed out' eval "ANSWER=30s reads $1"
  check "  who is content with what is old (resourceVersion=0) is given it" reads_any "$1"
  check "  and not what was written meanwhile" lacks "meanwhile-$1" reads_any "$1"
  check "  a list as well" has written at "$1" get --raw '/api/v1/namespaces/default/configmaps?resourceVersion=0'
  check "who watches there hears nothing of what is written meanwhile" not grep -q "meanwhile-$1" "$shared/watched-$1"
  mend "${rest[@]}"
  began=$SECONDS
  check "the cut is over: $1 reads what was written meanwhile" is "meanwhile-$1" reads "$1"
  check "  and writes" go_on "$1"
  echo "   $((SECONDS - began)) s later"
  check "  and who watched there hears of it, and has missed nothing" grep -q "meanwhile-$1" "$shared/watched-$1"
}
find_leader
echo "the leader of etcd is on $leader"
cut_off_and_back "$leader"
find_leader
echo "the leader of etcd is on $leader"
cut_off_and_back "$(others "$leader" | head -n 1)"

say "8. All three are cut from each other"
find_leader
mapfile -t rest < <(others "$leader")
break_link "${rest[0]}" "${rest[1]}"
for name in "${rest[@]}"; do break_link "$leader" "$name"; done
for name in "${servers[@]}"; do check "$name has no majority: it neither reads nor writes" refuses "$name"; done
mend "${servers[@]}"
for name in "${servers[@]}"; do check "it is over: $name reads and writes" go_on "$name"; done

say "9. One link of three is cut"
# check for what is so while $leader leads. Members of a busy machine may choose another at any time: then it
# says that instead, in $led_anew.
check_led() { # TEXT COMMAND...
  [ -z "$led_anew" ] || return 0
  until_true 60 holds_or_led_anew "${@:2}" || fail "$1"
  [ -z "$led_anew" ] || { echo "   another than $leader leads by now"; return 0; }
  steps=$((steps + 1))
  echo "   ok: $1"
}
holds_or_led_anew() { # COMMAND...
  local holds=yes
  "$@" || holds=
  is_leader "$leader" || led_anew=yes
  [ -n "$holds$led_anew" ]
}
# Shows something of a leader and the two that follow it, $rest; anew where another led before all was seen.
show_led() { # FUNCTION
  for _ in 1 2 3 4 5; do
    led_anew=
    find_leader
    mapfile -t rest < <(others "$leader")
    "$1"
    [ -n "$led_anew" ] || return 0
  done
  fail "none of five leaders led until all was seen"
}
followers_apart() {
  break_link "${rest[0]}" "${rest[1]}"
  check_led "between two that follow: nobody misses it" go_on "${servers[@]}"
  mend "${rest[0]}"
}
leader_apart_from_one() {
  break_link "${rest[0]}" "$leader"
  check_led "between the leader and one that follows: the other two go on" go_on "$leader" "${rest[1]}"
  check_led "  and the one that does not hear the leader refuses" refuses "${rest[0]}"
  mend "${rest[0]}"
}
show_led followers_apart
show_led leader_apart_from_one
check "it is over: all go on" go_on "${servers[@]}"

say "10. The leader hears all, and nobody hears it"
find_leader
mapfile -t rest < <(others "$leader")
for name in "${rest[@]}"; do break_link "$leader" "$name" --direction=out; done
check "the other two choose one of them, and go on" go_on "${rest[@]}"
check "it refuses" refuses "$leader"
mend "$leader"
check "it is over: all go on" go_on "${servers[@]}"

say "11. Two of three lose their power"
lost=(two three)
for name in "${lost[@]}"; do cut_power "$name"; done
check "one by itself neither reads nor writes" refuses one
for name in "${lost[@]}"; do start_machine "$name" front "${address_of[$name]}/24" 10.77.1.254; start_server "$name"; done
for name in "${servers[@]}"; do check "with their disks they are back: $name reads and writes" go_on "$name"; done

check_history servers 300
