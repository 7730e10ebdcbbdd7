# Sourced by dns.sh and bench/dns.sh: an API server, our DNS and Debian's unbound, on loopback alone.
#
#   UPSTREAM_PORT  unbound that knows the zone example.test, as everybody's upstream
#   DNS_PORT       skiff dns, with some Services in its API server
#   PEER_PORT      unbound that forwards to the upstream and caches, as a measure
#
# start_* leave their servers running; stop_servers ends them and removes their files.

PRESET=${PRESET:-release}
SKIFF=${SKIFF:-$PWD/build/$PRESET/skiff}
API_PORT=${API_PORT:-17590}
DNS_PORT=${DNS_PORT:-17580}
UPSTREAM_PORT=${UPSTREAM_PORT:-17581}
PEER_PORT=${PEER_PORT:-17582}
NAMES=${NAMES:-1000}
# unbound gives up root where it can; here it stays what we are.
UNBOUND=$(command -v unbound || echo /usr/sbin/unbound)

work=$(mktemp -d)
servers=()

stop_servers() {
  local server
  for server in "${servers[@]}"; do kill "$server" 2>/dev/null || true; done
  for server in "${servers[@]}"; do wait "$server" 2>/dev/null || true; done
  servers=()
  rm -rf "$work"
}

# until_true SECONDS COMMAND...: tries until it succeeds.
until_true() {
  local until=$((SECONDS + $1)); shift
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $until ] || { echo "did not come true: $*" >&2; return 1; }
    read -rt 0.1 <> <(:) || true
  done
}

ask() { # PORT ARGUMENTS-OF-DIG...
  local port=$1; shift
  dig @127.0.0.1 -p "$port" +tries=1 +timeout=15 +nocookie "$@"
}
knows() { [ -n "$(ask "$1" +short "$2" "${3:-A}")" ]; } # PORT NAME [TYPE]

start_unbound() { # NAME PORT CONFIGURATION
  local directory=$work/$1
  mkdir -p "$directory"
  cat >"$directory/unbound.conf" <<CONF
server:
  directory: "$directory"
  username: ""
  chroot: ""
  pidfile: ""
  use-syslog: no
  logfile: "$directory/log"
  interface: 127.0.0.1@$2
  num-threads: 2
  so-reuseport: yes
  do-ip6: no
  do-not-query-localhost: no
  module-config: "iterator"
  max-udp-size: 1232
  # The most it takes, so that nothing but its work bounds it.
  outgoing-range: 512
  num-queries-per-thread: 1024
  so-rcvbuf: 4m
  so-sndbuf: 4m
$3
remote-control:
  control-enable: no
CONF
  "$UNBOUND" -d -c "$directory/unbound.conf" &
  servers+=($!)
}

# The server goes, and its port is free again.
stop_upstream() {
  kill "$upstream"
  wait "$upstream" || true
}

start_upstream() {
  local data="  local-zone: \"example.test.\" static
  local-data: 'example.test. 3600 IN SOA ns.example.test. root.example.test. 1 3600 900 86400 60'
  local-data: 'alias.example.test. 3600 IN CNAME name1.example.test.'
  local-data: 'text.example.test. 3600 IN TXT \"hello\"'"
  local i
  for i in $(seq "$NAMES"); do
    data+="
  local-data: 'name$i.example.test. 3600 IN A 192.0.2.$((i % 254 + 1))'"
  done
  for i in $(seq 120); do
    data+="
  local-data: 'many.example.test. 3600 IN A 198.51.100.$i'"
  done
  start_unbound upstream "$UPSTREAM_PORT" "$data"
  upstream=${servers[-1]}
  until_true 60 knows "$UPSTREAM_PORT" name1.example.test
}

start_peer() {
  start_unbound peer "$PEER_PORT" "  local-zone: \"test.\" nodefault
forward-zone:
  name: \".\"
  forward-addr: 127.0.0.1@$UPSTREAM_PORT"
  until_true 60 knows "$PEER_PORT" name1.example.test
}

start_api() {
  echo 'dns-test-token,admin,1,system:masters' >"$work/tokens"
  "$SKIFF" apiserver --data-dir="$work/api" --bind-address=127.0.0.1 --secure-port="$API_PORT" \
    --service-cluster-ip-range=10.96.0.0/16 --token-auth-file="$work/tokens" \
    --authorization-mode=RBAC --durability=memory 2>"$work/api.log" &
  servers+=($!)
  export KUBECONFIG=$work/kubeconfig
  cat >"$KUBECONFIG" <<CONF
apiVersion: v1
kind: Config
current-context: test
clusters: [{name: test, cluster: {server: "https://127.0.0.1:$API_PORT", insecure-skip-tls-verify: true}}]
users: [{name: test, user: {token: dns-test-token}}]
contexts: [{name: test, context: {cluster: test, user: test}}]
CONF
  until_true 60 "$SKIFF" get namespace default
}

start_dns() { # MORE-FLAGS...
  "$SKIFF" dns --kubeconfig="$KUBECONFIG" --bind-address=127.0.0.1 --port="$DNS_PORT" \
    --upstream=127.0.0.1:"$UPSTREAM_PORT" "$@" 2>"$work/dns.log" &
  servers+=($!)
  until_true 60 knows "$DNS_PORT" kubernetes.default.svc.cluster.local
}
