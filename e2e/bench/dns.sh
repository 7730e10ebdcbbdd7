#!/usr/bin/env bash
# Queries a second from cache: skiff dns beside Debian's unbound, both asked by dnsperf, in turns, in
# one run. All three share this machine's cores, dnsperf needing most of them: what a query costs
# the server tells more than how many there were, and on a busy machine it is all that tells.
#
#   e2e/bench/dns.sh             ROUNDS=5 SECONDS_EACH=3 NAMES=1000 NEEDED=200000
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

ROUNDS=${ROUNDS:-5}
SECONDS_EACH=${SECONDS_EACH:-3}
DNSPERF_THREADS=${DNSPERF_THREADS:-2}
CLIENTS=${CLIENTS:-8}
OUTSTANDING=${OUTSTANDING:-1000}
NEEDED=${NEEDED:-200000}

# CPU time of a process so far, in hundredths of a second, its threads included.
cpu() { sed 's/.*) //' "/proc/$1/stat" | awk '{print $12 + $13}'; }

per_second() { # PORT QUERIES SECONDS
  local report=$work/report
  dnsperf -s 127.0.0.1 -p "$1" -d "$2" -l "$3" -c "$CLIENTS" -T "$DNSPERF_THREADS" \
    -q "$OUTSTANDING" -b 1024 >"$report" 2>&1 || { cat "$report" >&2; return 1; }
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

# measure NAME PID PORT QUERIES: appends what was found to files of that name.
measure() {
  local before rate cost
  before=$(cpu "$2")
  rate=$(per_second "$3" "$4" "$SECONDS_EACH")
  cost=$(awk "BEGIN { printf \"%.2f\", ($(cpu "$2") - $before) * 10000 / ($rate * $SECONDS_EACH) }")
  echo "$rate" >>"$work/$1.rate"
  echo "$cost" >>"$work/$1.cost"
}
last() { echo "$(tail -n 1 "$work/$1.rate")/s, $(tail -n 1 "$work/$1.cost") us"; }
median() { sort -n "$work/$1" | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'; }
# What one core answers when it does nothing else.
core() { awk "BEGIN { printf \"%d\", 1000000 / $(median "$1.cost") }"; }

format='%-8s %22s %22s %22s\n'
printf "$format" round unbound skiff "skiff, own names"
for round in $(seq "$ROUNDS"); do
  measure unbound "$peer_pid" "$PEER_PORT" "$work/others"
  measure skiff "$dns_pid" "$DNS_PORT" "$work/others"
  measure own "$dns_pid" "$DNS_PORT" "$work/own"
  printf "$format" "$round" "$(last unbound)" "$(last skiff)" "$(last own)"
done
ours=$(median skiff.rate) peer=$(median unbound.rate)
printf "$format" median "$peer/s" "$ours/s" "$(median own.rate)/s"
printf "$format" 'a core' "$(core unbound)/s" "$(core skiff)/s" "$(core own)/s"
echo "from cache: $((ours * 100 / peer)) % of unbound's queries, at" \
  "$((100 * $(core unbound) / $(core skiff))) % of its CPU time each ($(nproc) cores, shared with" \
  "dnsperf)"
[ "$ours" -ge "$NEEDED" ] || { echo "fewer than $NEEDED/s from cache" >&2; exit 1; }
