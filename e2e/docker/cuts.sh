# Sourced by e2e/docker_up.sh: the containers of a cluster of three servers over three members of etcd are cut off, one
# member and one server, by their network namespaces; what each side reads and writes meanwhile, as docs/partitions.md
# promises it.

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
# Asks that server alone, which has its own address in its kubeconfig.
at_server() { # SERVER ARGUMENT...
  docker exec "$1" skiff --kubeconfig=/var/lib/skiff/admin.kubeconfig --request-timeout=15s "${@:2}"
}
server_knows() { at_server "$1" get configmap "$2"; } # SERVER CONFIGMAP
# A write whose answer was lost may have happened.
server_writes() { at_server "$1" create configmap "$2" || server_knows "$1" "$2"; } # SERVER CONFIGMAP
knows_of_old() { # SERVER CONFIGMAP
  at_server "$1" get --raw "/api/v1/namespaces/default/configmaps/$2?resourceVersion=0"
}

cut_member_off() { # CLUSTER
  local member=$1-etcd-3 server
  check "$member answers" member_knows "$member" before-cuts
  cut_container "$member"
  check "$member is cut from both others: those two write" writes "$1" without-member
  for server in "$1-server" "$1-server-2" "$1-server-3"; do
    check "  $server reads it: it knows all members" server_knows "$server" without-member
  done
  check "the member alone does not read" not member_knows "$member" before-cuts
  check "  nor write" not in_member "$member" put skiff-show/cut nothing
  check "  who is content with what is old is given it" member_knows "$member" before-cuts --consistency=s
  check "  and not what was written meanwhile" not member_knows "$member" without-member --consistency=s
  run mend_container "$member"
  check "the cut is over: it has what was written meanwhile" member_knows "$member" without-member
}

cut_server_off() { # CLUSTER
  local server=$1-server-3
  run skiff chaos partition "node/$server" --for=10m --kubeconfig="$ours/$1.kubeconfig"
  check "$server is cut from everybody: by the others it is written" writes "$1" without-server
  check "  and read" of "$1" get configmap without-server
  check "  and its node is NotReady" node_is "$1" "$server" NotReady
  check "the server alone does not read" not server_knows "$server" before-cuts
  check "  nor write" not at_server "$server" create configmap written-alone
  check "  who is content with what is old is given it" knows_of_old "$server" before-cuts
  check "  and not what was written meanwhile" not knows_of_old "$server" without-server
  run skiff chaos stop
  check "the cut is over: it reads what was written meanwhile" server_knows "$server" without-server
  check "  and writes" server_writes "$server" after-cuts
  check "  and its node is Ready" node_is "$1" "$server" Ready
}

# CLUSTER: of three servers and three members, of which all run.
cuts() {
  local program
  for program in nft nsenter; do
    command -v $program >/dev/null || { printf '\nleft out: cuts (no %s here)\n' $program; return 0; }
  done
  [ "$(id -u)" = 0 ] || { printf '\nleft out: cuts (root alone enters the networks of containers)\n'; return 0; }
  check "before the cuts it is written" writes "$1" before-cuts
  cut_member_off "$1"
  cut_server_off "$1"
}
