# Sourced by e2e/docker_up.sh: the containers of a cluster of three servers over three members of etcd are cut off by
# their network namespaces; what each side reads and writes meanwhile, as docs/partitions.md promises it.
#   cuts CLUSTER          one member and one server
#   all_cuts CLUSTER      each of them, the ways of e2e/partitions/ways.sh, where a side is a server and a member, and what
#                         only clusters like this one have: servers that know all members, a balancer, agents
. e2e/nodes/said.sh
. e2e/partitions/pods.sh
. e2e/partitions/ways.sh

# It sends nothing and hears nothing but itself, and nobody is told.
cut_container() { # CONTAINER
  printf '\n$ nsenter --net=/proc/%s/ns/net nft -f -    # drops all of %s but its loopback\n' \
    "$(docker inspect -f '{{.State.Pid}}' "$1")" "$1"
  in_network_of "$1" nft -f - <<'RULES'
table inet cut {
  chain hears { type filter hook input priority -300; policy accept; iif != "lo" drop; }
  chain sends { type filter hook output priority -300; policy accept; oif != "lo" drop; }
}
RULES
}
mend_container() { in_network_of "$1" nft delete table inet cut; } # CONTAINER
# Nothing goes between a container, with the pods in it, and these addresses; out: nothing that it sends.
cut_links() { # CONTAINER both|out ADDRESS...
  local addresses rules='add table inet cut'
  addresses=$(IFS=,; echo "${*:3}")
  rules+=$'\nadd chain inet cut from_others { type filter hook prerouting priority -450; }'
  rules+=$'\nadd chain inet cut to_others { type filter hook postrouting priority 500; }'
  rules+=$'\nadd rule inet cut to_others ip daddr { '"$addresses"' } drop'
  [ "$2" = out ] || rules+=$'\nadd rule inet cut from_others ip saddr { '"$addresses"' } drop'
  in_network_of "$1" nft -f - <<<"$rules"
}
address_of_container() { # CONTAINER
  docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$1"
}
in_network_of() { # CONTAINER COMMAND...
  nsenter --net="/proc/$(docker inspect -f '{{.State.Pid}}' "$1")/ns/net" "${@:2}"
}

# Asks that member of etcd alone.
in_member() { # MEMBER ARGUMENT...
  local keys=/var/etcd/data/pki
  docker exec "$1" etcdctl --endpoints=https://127.0.0.1:2379 --cacert=$keys/ca.crt --cert=$keys/member.crt \
    --key=$keys/member.key --command-timeout=5s "${@:2}"
}
member_knows() { # MEMBER CONFIGMAP FLAG...
  in_member "$1" get "/registry/configmaps/default/$2" --keys-only "${@:3}" | grep -q "/$2\$"
}
# Asks that server alone: the kubeconfig that it has may lead to the balancer.
skiff_in() { # SERVER ARGUMENT...
  local port
  port=$(docker inspect -f '{{index .Config.Labels "skiff.io/port"}}' "$1")
  docker exec "$1" skiff --kubeconfig=/var/lib/skiff/admin.kubeconfig --server="https://127.0.0.1:$port" "${@:2}"
}
at_server() { skiff_in "$1" --request-timeout=15s "${@:2}"; } # SERVER ARGUMENT...
server_knows() { at_server "$1" get configmap "$2"; } # SERVER CONFIGMAP
# A write whose answer was lost may have happened.
server_writes() { at_server "$1" create configmap "$2" || server_knows "$1" "$2"; } # SERVER CONFIGMAP
knows_of_old() { # SERVER CONFIGMAP
  at_server "$1" get --raw "/api/v1/namespaces/default/configmaps/$2?resourceVersion=0"
}

# Two commands, run at once, both of which fail: each may wait until its time is over.
neither() { # COMMAND COMMAND
  local first succeeded=0
  eval "$1" &
  first=$!
  if eval "$2"; then succeeded=1; fi
  if wait $first; then succeeded=1; fi
  return $succeeded
}

cut_member_off() { # CLUSTER MEMBER
  local member=$2 server without=without-$2
  check "$member answers" member_knows "$member" before-cuts
  cut_container "$member"
  check "$member is cut from both others: those two write" writes "$1" "$without"
  for server in "$1-server" "$1-server-2" "$1-server-3"; do
    check "  $server reads it: it knows all members" server_knows "$server" "$without"
  done
  check "the member alone neither reads nor writes" neither "member_knows $member before-cuts" \
    "in_member $member put skiff-show/cut nothing"
  check "  who is content with what is old is given it" member_knows "$member" before-cuts --consistency=s
  check "  and not what was written meanwhile" not member_knows "$member" "$without" --consistency=s
  run mend_container "$member"
  check "the cut is over: it has what was written meanwhile" member_knows "$member" "$without"
}

cut_server_off() { # CLUSTER SERVER
  local server=$2 without=without-$2
  run skiff chaos partition "node/$server" --for=10m --kubeconfig="$ours/$1.kubeconfig"
  check "$server is cut from everybody: by the others it is written" writes "$1" "$without"
  check "  and read" of "$1" get configmap "$without"
  check "  and its node is NotReady" node_is "$1" "$server" NotReady
  check "the server alone neither reads nor writes" neither "server_knows $server before-cuts" \
    "at_server $server create configmap alone-$without"
  check "  who is content with what is old is given it" knows_of_old "$server" before-cuts
  check "  and not what was written meanwhile" not knows_of_old "$server" "$without"
  run skiff chaos stop
  check "the cut is over: it reads what was written meanwhile" server_knows "$server" "$without"
  check "  and writes" server_writes "$server" "after-$without"
  check "  and its node is Ready" node_is "$1" "$server" Ready
}

# Sides: three-server and three-etcd-1, three-server-2 and three-etcd-2, ...
declare -A member_of=()
learn_sides() { # CLUSTER
  servers=("$1-server" "$1-server-2" "$1-server-3")
  local number
  for number in 1 2 3; do member_of[${servers[$((number - 1))]}]=$1-etcd-$number; done
}
# What e2e/partitions/ways.sh wants to be told.
at() { skiff_in "$1" --request-timeout="${ANSWER:-4s}" "${@:2}"; }
at_for_ever() { skiff_in "$@"; }
is_leader() {
  in_member "${member_of[$1]}" endpoint status -w fields 2>/dev/null |
    awk -F' : ' '/^"MemberID"/ {own = $2} /^"Leader"/ {leader = $2} END {exit !(own != "" && own == leader)}'
}
break_link() { # ON FROM FLAG...
  local end direction=both from="$2 ${member_of[$2]}"
  [ "${3:-}" != --direction=out ] || direction=out
  printf '\n$ cut_links %s %s, and %s, from %s\n' "$direction" "$1" "${member_of[$1]}" "$from"
  for end in "$1" "${member_of[$1]}"; do
    cut_links "$end" "$direction" "$(address_of_container "$2")" "$(address_of_container "${member_of[$2]}")"
  done
}
mend() { # NAME...: what is not cut there is passed over
  local name end
  for name in "$@"; do
    for end in "$name" "${member_of[$name]}"; do mend_container "$end" 2>/dev/null || true; done
  done
  printf '\n$ mend_container %s\n' "$*"
}
lose_power() { run docker kill "$1" "${member_of[$1]}" >/dev/null; }
give_power() { run docker start "${member_of[$1]}" "$1" >/dev/null; }

# Clients of each server, and of the balancer, who are never cut off from these.
record_containers() { # CLUSTER
  local port server
  port=$(docker inspect -f '{{index .Config.Labels "skiff.io/port"}}' "$1-server")
  python3 e2e/registers.py --make "$ours/$1.kubeconfig"
  clients=()
  for server in "${servers[@]}"; do
    python3 e2e/registers.py "$server" "$ours/$1.kubeconfig" "$shared/history.$server" \
      "https://$(address_of_container "$server"):$port" </dev/null &
    clients+=($!)
  done
  python3 e2e/registers.py balancer "$ours/$1.kubeconfig" "$shared/history.balancer" </dev/null &
  clients+=($!)
}
check_containers_history() { # AT-LEAST
  kill -TERM "${clients[@]}"
  wait "${clients[@]}" || true
  clients=()
  check_linearizable history "$1" "$shared"/history.*
}

# Each server knows all members: none needs its own, and none needs another server.
cut_from_own_member() {
  local name
  for name in "${servers[@]}"; do cut_links "$name" both "$(address_of_container "${member_of[$name]}")"; done
  check "each server is cut from one member, all read and write" go_on "${servers[@]}"
  mend "${servers[@]}"
}
cut_from_each_other() { # CLUSTER
  local name
  local -a rest
  for name in "${servers[@]}"; do
    mapfile -t rest < <(others "$name")
    cut_links "$name" both "$(address_of_container "${rest[0]}")" "$(address_of_container "${rest[1]}")"
  done
  check "servers are cut from each other, not from members: all read and write" go_on "${servers[@]}"
  check "  and what one writes the others read" each_reads_the_others
  check "  and all nodes are Ready" nodes_ready "$1" 5
  mend "${servers[@]}"
}
each_reads_the_others() {
  local writer reader
  for writer in "${servers[@]}"; do
    writes_at "$writer" "by-$writer" || return 1
    for reader in "${servers[@]}"; do is "by-$writer" reads_at "$reader" || return 1; done
  done
}
cut_from_all_members() { # CLUSTER
  local name=${servers[1]} each
  local -a addresses=() rest
  mapfile -t rest < <(others "$name")
  for each in "${servers[@]}"; do addresses+=("$(address_of_container "${member_of[$each]}")"); done
  cut_links "$name" both "${addresses[@]}"
  check "$name is cut from all members: the other servers read and write" go_on "${rest[@]}"
  check "  it does neither" refuses "$name"
  check "  is not ready" not ready_at "$name"
  check "  gives what is old to who is content with that" reads_old_at "$name"
  check "  and the balancer asks the others" writes "$1" without-members
  mend "$name"
  check "it is over: all go on" go_on "${servers[@]}"
}

# What e2e/partitions/pods.sh wants to be told, of $cluster.
on() { docker exec -i "$1" "${@:2}"; }
field() { of "$cluster" get "$1" "$2" -o "jsonpath={$3}"; }
pods() {
  of "$cluster" get pods -l "$1" -o 'jsonpath={range .items[*]}{.metadata.name} {.status.podIP} {.spec.nodeName} {.status.conditions[?(@.type=="Ready")].status} {.metadata.deletionTimestamp}{"\n"}{end}' |
    awk 'NF == 4 && $4 == "True" {print $1, $2, $3}'
}
peers_run() { [ "$(pods app=peer | wc -l)" = 2 ]; }
answers_some() { for _ in 1 2 3 4 5 6 7 8; do if gets "$1" web; then return 0; fi; done; return 1; } # NODE

# An agent is cut from all servers and the balancer; the other agent sees all.
cut_agent_off() { # CLUSTER
  local cluster=$1 near=$1-agent-1 far=$1-agent-2 each
  local -a addresses=()
  run of "$1" apply -f e2e/testdata/chaos/partitions.yaml
  check "a peer runs on each agent" peers_run
  run of "$1" rollout status deployment web --timeout=90s
  learn app=peer
  learn app=web
  check "pods of both reach each other" gets "$near" "${address[app=peer.$far]}"
  check "  and services, by name" gets "$far" web
  for each in "${servers[@]}" "$1-api"; do addresses+=("$(address_of_container "$each")"); done
  cut_links "$near" both "${addresses[@]}"
  check "$near is cut from all servers: it is NotReady" node_is "$1" "$near" NotReady
  check "  the others are Ready" nodes_ready "$1" 4
  check "  its pods run on" lives "$near" "${pod[app=peer.$near]}"
  check "  they reach each other" gets "$near" "${address[app=peer.$near]}"
  check "  and those of $far, whose link is whole" gets "$near" "${address[app=peer.$far]}"
  check "  names that were known are known" knows "$near" web
  check "  services lead to the pods that it last knew of" answers_some "$near"
  check "its pod of a Deployment is replaced elsewhere" replaced_elsewhere "$near"
  of "$1" create service clusterip new --tcp=80 >/dev/null
  check "a Service made meanwhile is known to $far" knows "$far" new
  check "  and not to $near" not knows "$near" new
  check "services on $far lead to ready pods" gets "$far" web
  mend_container "$near"
  check "the cut is over: $near is Ready" node_is "$1" "$near" Ready
  check "  and knows the new Service" knows "$near" new
}
replaced_elsewhere() { [ "$(pods app=web | awk -v node="$1" '$3 != node' | wc -l)" = 3 ]; } # NODE
# While no server can write: what runs goes on by what was last known.
pods_go_on() { # CLUSTER
  local near=$1-agent-1 far=$1-agent-2
  check "pods run on" lives "$near" "${pod[app=peer.$near]}"
  check "  reach each other" gets "$near" "${address[app=peer.$far]}"
  check "  and services, by name" gets "$far" web
}

can_cut() {
  local program
  for program in nft nsenter; do
    command -v $program >/dev/null || { printf '\nleft out: cuts (no %s here)\n' $program; return 1; }
  done
  [ "$(id -u)" = 0 ] || { printf '\nleft out: cuts (root alone enters the networks of containers)\n'; return 1; }
}
# CLUSTER: of three servers and three members, of which all run.
cuts() {
  can_cut || return 0
  check "before the cuts it is written" writes "$1" before-cuts
  cut_member_off "$1" "$1-etcd-3"
  cut_server_off "$1" "$1-server-3"
}
# CLUSTER: the same, and two agents; all of them run.
all_cuts() {
  local each
  can_cut || return 0
  shared=$work/shared
  mkdir -p "$shared"
  learn_sides "$1"
  check "before the cuts it is written" writes "$1" before-cuts
  of "$1" create configmap written --from-literal=by=nobody >/dev/null
  check "what one server writes, all of them read" go_on "${servers[@]}"
  record_containers "$1"
  say "Each member alone"
  for each in 1 2 3; do cut_member_off "$1" "$1-etcd-$each"; done
  say "Each server alone"
  for each in "${servers[@]}"; do cut_server_off "$1" "$each"; done
  say "Servers from members, and from each other"
  cut_from_own_member
  cut_from_all_members "$1"
  cut_from_each_other "$1"
  say "A server and a member are cut from both others: those whose member leads, and then others"
  way_one_off
  say "One link of three is cut"
  way_one_link
  say "The leader hears all, and nobody hears it"
  way_one_direction
  say "An agent is cut from all servers"
  cut_agent_off "$1"
  say "All are cut from each other, and pods run"
  way_all_apart pods_go_on "$1"
  check "and all nodes are Ready" nodes_ready "$1" 5
  say "Two servers and their members lose their power"
  way_power
  check_containers_history 300
}
