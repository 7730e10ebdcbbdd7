#!/usr/bin/env bash
# Queries a second from cache: skiff dns beside Debian's unbound, both asked by dnsperf, in turns, in
# one run. All three share this machine's cores, so that it is the ratio that tells.
#
#   e2e/bench/dns.sh             ROUNDS=3 SECONDS_EACH=5 NAMES=1000 NEEDED=200000
#   NEEDED=0 e2e/bench/dns.sh    only measures
set -euo pipefail
cd "$(dirname "$0")/../.."
. e2e/packages.sh
install_packages "${DNS_PACKAGES[@]}"
# In a network of its own, where no rules of a cluster or firewall weigh on every packet.
if [ "$(id -u)" = 0 ] && [ -z "${OWN_NETWORK:-}" ]; then
  exec env OWN_NETWORK=yes unshare --net sh -c 'ip link set lo up && exec "$0"' "$PWD/e2e/bench/dns.sh"
fi
. e2e/dns_servers.sh
trap stop_servers EXIT

ROUNDS=${ROUNDS:-3}
SECONDS_EACH=${SECONDS_EACH:-5}
DNSPERF_THREADS=${DNSPERF_THREADS:-2}
CLIENTS=${CLIENTS:-8}
OUTSTANDING=${OUTSTANDING:-1000}
NEEDED=${NEEDED:-200000}

# CPU time of a process so far, in hundredths of a second, its threads included.
cpu() { sed 's/.*) //' "/proc/$1/stat" | awk '{print $12 + $13}'; }

per_second() { # PORT QUERIES SECONDS
  local report=$work/report
  dnsperf -s 127.0.0.1 -p "$1" -d "$2" -l "$3" -c "$CLIENTS" -T "$DNSPERF_THREADS" \
    -q "$OUTSTANDING" >"$report" 2>&1 || { cat "$report" >&2; return 1; }
  local lost
  lost=$(sed -n 's/.*Queries lost: *\([0-9]*\).*/\1/p' "$report")
  [ "${lost:-0}" -le 100 ] || echo "   ($lost queries lost)" >&2
  grep -q 'Response codes: *NOERROR [0-9]* (100.00%)' "$report" ||
    { grep 'Response codes' "$report" >&2; return 1; }
  sed -n 's/.*Queries per second: *\([0-9]*\).*/\1/p' "$report"
}

start_api
"$SKIFF" apply -f e2e/testdata/dns.yaml >/dev/null
start_upstream
start_peer
peer_pid=${servers[-1]}
start_dns --threads=2
dns_pid=${servers[-1]}
until_true 10 knows "$DNS_PORT" web.default.svc.cluster.local

for i in $(seq "$NAMES"); do echo "name$i.example.test A"; done >"$work/others"
printf '%s\n' 'web.default.svc.cluster.local A' 'db.default.svc.cluster.local A' \
  'db-0.db.default.svc.cluster.local A' '_http._tcp.web.default.svc.cluster.local SRV' \
  'kubernetes.default.svc.cluster.local A' '20.0.96.10.in-addr.arpa PTR' >"$work/own"
for port in "$PEER_PORT" "$DNS_PORT"; do per_second "$port" "$work/others" 1 >/dev/null; done

# measure PID PORT QUERIES: sets `rate`, and `cost` in microseconds of the server's CPU a query.
measure() {
  local before
  before=$(cpu "$1")
  rate=$(per_second "$2" "$3" "$SECONDS_EACH")
  cost=$(awk "BEGIN { printf \"%.2f\", ($(cpu "$1") - $before) * 10000 / ($rate * $SECONDS_EACH) }")
}

best_ours=0 best_peer=0 best_own=0
printf '%-6s %22s %22s %22s\n' round unbound skiff "skiff, own names"
for round in $(seq "$ROUNDS"); do
  measure "$peer_pid" "$PEER_PORT" "$work/others"; peer=$rate; line="$rate/s, $cost us"
  measure "$dns_pid" "$DNS_PORT" "$work/others"; ours=$rate; line="$line|$rate/s, $cost us"
  measure "$dns_pid" "$DNS_PORT" "$work/own"; own=$rate; line="$line|$rate/s, $cost us"
  IFS='|' read -r one two three <<<"$line"
  printf '%-6s %22s %22s %22s\n' "$round" "$one" "$two" "$three"
  [ "$peer" -le "$best_peer" ] || best_peer=$peer
  [ "$ours" -le "$best_ours" ] || best_ours=$ours
  [ "$own" -le "$best_own" ] || best_own=$own
done
echo "from cache: skiff $best_ours/s, unbound $best_peer/s, ratio $((best_ours * 100 / best_peer)) %;" \
  "the cluster's names: $best_own/s ($(nproc) cores, shared with dnsperf)"
[ "$best_ours" -ge "$NEEDED" ] || { echo "fewer than $NEEDED/s from cache" >&2; exit 1; }
