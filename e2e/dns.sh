#!/usr/bin/env bash
# The DNS server asked by dig, over UDP and TCP: names of all forms from a real API server, and what
# a real other server (unbound) knows. Loopback only; no root, no containers.
#
#   e2e/dns.sh [SKIFF]     asks build/release/skiff, or the one that is named
set -euo pipefail
cd "$(dirname "$0")/.."
. e2e/packages.sh
install_packages "${DNS_PACKAGES[@]}"
[ $# = 0 ] || SKIFF=$1
. e2e/dns_servers.sh
trap stop_servers EXIT
checks=0

fail() { echo "FAILED: $*" >&2; exit 1; }
# same WHAT EXPECTED ACTUAL: lines in any order.
same() {
  [ "$(sort <<<"$2")" = "$(sort <<<"$3")" ] || fail "$1: expected
$2
but got
$3"
  checks=$((checks + 1))
}
# answers NAME TYPE EXPECTED: the same over UDP and TCP.
answers() {
  same "$1 $2" "$3" "$(ask "$DNS_PORT" +short "$1" "$2")"
  same "$1 $2 over TCP" "$3" "$(ask "$DNS_PORT" +short +tcp "$1" "$2")"
}
# status NAME TYPE CODE [DIG-FLAGS]
status() {
  local name=$1 type=$2 code=$3; shift 3
  same "status of $name $type" "$code" \
    "$(ask "$DNS_PORT" "$@" "$name" "$type" | sed -n 's/.*status: \([A-Z]*\),.*/\1/p' | head -n 1)"
}
# shows TEXT NAME TYPE DIG-FLAGS...: dig's whole output has the text.
shows() {
  local text=$1; shift
  ask "$DNS_PORT" "$@" | grep -Eq "$text" || fail "dig $* does not show $text"
  checks=$((checks + 1))
}

start_api
"$SKIFF" apply -f e2e/testdata/dns.yaml >/dev/null
{
  cat <<'YAML'
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: crowd-1, namespace: default, labels: {kubernetes.io/service-name: crowd}}
addressType: IPv4
ports: [{port: 80}]
endpoints:
YAML
  for i in $(seq 120); do echo "- {addresses: [10.244.9.$i]}"; done
} | "$SKIFF" apply -f - >/dev/null
start_upstream
start_dns

zone=svc.cluster.local
until_true 60 knows "$DNS_PORT" "web.default.$zone"
answers "web.default.$zone" A 10.96.0.20
answers "WEB.Default.$zone" A 10.96.0.20
answers "web.default.$zone" AAAA ""
answers "db.default.$zone" A $'10.244.1.5\n10.244.1.6'
answers "db-0.db.default.$zone" A 10.244.1.5
answers "10-244-1-6.db.default.$zone" A 10.244.1.6
answers "_http._tcp.web.default.$zone" SRV "0 100 80 web.default.$zone."
answers "_sql._tcp.db.default.$zone" SRV \
  $'0 50 5432 db-0.db.default.svc.cluster.local.\n0 50 5432 10-244-1-6.db.default.svc.cluster.local.'
answers "inside.default.$zone" A $'web.default.svc.cluster.local.\n10.96.0.20'
answers "outside.default.$zone" A $'name7.example.test.\n192.0.2.8'
answers 10-244-1-77.default.pod.cluster.local A 10.244.1.77
answers dns-version.cluster.local TXT '"1.1.0"'
same "PTR of a service" "web.default.$zone." "$(ask "$DNS_PORT" +short -x 10.96.0.20)"
same "PTR of an endpoint" "db-0.db.default.$zone." "$(ask "$DNS_PORT" +short -x 10.244.1.5)"

status "nope.default.$zone" A NXDOMAIN
status "web.nowhere.$zone" A NXDOMAIN
status "web.default.$zone" TXT NOERROR
status "default.$zone" A NOERROR
status "empty.default.$zone" A NXDOMAIN
shows '^cluster.local.\s+5\s+IN\s+SOA\s+ns.dns.cluster.local. hostmaster.cluster.local.' \
  "nope.default.$zone" A
shows 'flags: qr aa rd ra' "web.default.$zone" A

# Of others.
answers name5.example.test A 192.0.2.6
answers alias.example.test CNAME name1.example.test.
answers text.example.test TXT '"hello"'
status nope.example.test A NXDOMAIN
status nope.example.test A NXDOMAIN
shows 'flags: qr rd ra;' name5.example.test A
same "a long answer, fetched over TCP" 120 "$(ask "$DNS_PORT" +short many.example.test A | wc -l)"
shows 'flags: qr tc' many.example.test A +ignore +noedns

# Sizes: no datagram is longer than the client takes, nor than 1232 bytes; over TCP everything fits.
fits() { # BYTES NAME DIG-FLAGS...: cut to so many bytes, and says so
  local bytes=$1 name=$2 size; shift 2
  shows 'flags: qr[a-z ]* tc' "$name" A +ignore "$@"
  size=$(ask "$DNS_PORT" "$name" A +ignore "$@" | sed -n 's/.*MSG SIZE *rcvd: //p')
  [ "$size" -le "$bytes" ] || fail "$name with $*: $size bytes, more than $bytes"
}
for name in many.example.test "crowd.default.$zone"; do
  fits 512 "$name" +noedns
  fits 600 "$name" +bufsize=600
  fits 1232 "$name" +bufsize=4096
  same "all of $name" 120 "$(ask "$DNS_PORT" +short "$name" A | wc -l)"
done
shows 'EDNS: version: 0, flags: do;' "web.default.$zone" A +dnssec
status "web.default.$zone" A NOERROR +cookie

# What is kept of others: it grows older, and outlasts their server.
ttl() { ask "$DNS_PORT" +noall +answer "$1" A | awk 'NR == 1 {print $2}'; }
first=$(ttl name5.example.test)
older() { [ "$(ttl name5.example.test)" -lt "$first" ]; }
until_true 60 older
stop_upstream
status name5.example.test A NOERROR
status nope.example.test A NXDOMAIN
shows '^example.test.\s+[1-6]?[0-9]\s+IN\s+SOA' nope.example.test A
status name77.example.test A SERVFAIL
status "web.default.$zone" A NOERROR
start_upstream
back() { [ "$(ask "$DNS_PORT" +short name78.example.test A)" = 192.0.2.79 ]; }
until_true 60 back
checks=$((checks + 2))

# Noise, of which some is answered, and after which all goes on.
for size in 1 11 12 40 600; do head -c $size /dev/urandom >"/dev/udp/127.0.0.1/$DNS_PORT"; done
head -c 4000 /dev/urandom >"/dev/tcp/127.0.0.1/$DNS_PORT" || true

# The protocol.
shows 'status: BADVERS' "web.default.$zone" A +edns=1 +noednsnegotiation
shows 'EDNS: version: 0.*udp: 1232' "web.default.$zone" A +bufsize=4096
status cluster.local AXFR REFUSED +tcp +noall +comments
status version.bind TXT REFUSED -c CH
status "web.default.$zone" A NOTIMP +opcode=UPDATE
status "web.default.$zone" A FORMERR +header-only
same "many queries on one connection" 40 \
  "$(for i in $(seq 20); do echo "web.default.$zone A"; echo "name$i.example.test A"; done |
    ask "$DNS_PORT" +short +tcp +keepopen -f - | wc -l)"

# What changes in the API changes here.
"$SKIFF" delete service web >/dev/null
gone() { ask "$DNS_PORT" "web.default.$zone" A | grep -q NXDOMAIN; }
until_true 60 gone
checks=$((checks + 1))
echo "DNS: $checks checks passed."
