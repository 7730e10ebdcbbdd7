say "6. What is answered to those who cannot join"
start_machine odd front 10.77.1.50/24 10.77.1.254
# TEXT MORE-TEXT NAME=VALUE... FLAGS...: `skiff join` on odd is refused with both texts.
refused() {
  local text=$1 remedy=$2 settings=() out; shift 2
  while [[ ${1:-} == *=* && $1 != --* ]]; do settings+=("$1"); shift; done
  out=$(on odd env "${settings[@]}" "$SKIFF" join "${join_host:-$host}" --node-name odd "$@" 2>&1) && { echo "it joined"; return 1; }
  last_refusal=$(grep -A2 '^error' <<<"$out")
  [[ $out == *"$text"* && $out == *"$remedy"* ]] || { echo "$out"; return 1; }
}
answered() { CHECK_SECONDS=0 check "$1" refused "${@:2}"; sed 's/^/      /' <<<"$last_refusal"; }
with_token=(--token "$token" --ca-hash "$hash")
answered "a token that the cluster does not know" "does not know the token abcdef" "skiff token create" \
  --token abcdef.0123456789abcdef --ca-hash "$hash"
answered "a token with a wrong second half" "second part of the token" "copy the whole token" \
  --token "${token%.*}.0000000000000000" --ca-hash "$hash"
answered "a token that has expired" "it has expired" "skiff token create" --token "$short_token" --ca-hash "$hash"
answered "the hash of another cluster" "is not the one that --ca-hash names" "$hash" \
  --token "$token" --ca-hash "sha256:$(printf '0%.0s' {1..64})"
answered "a name that is taken" 'a Node with name "far" and status "Ready" already exists' "--node-name" \
  "${with_token[@]}" --node-name far
on odd ip address add 10.244.9.1/24 dev eth0
answered "a network that overlaps with the pods'" \
  "10.244.0.0/16 overlaps with this machine's network 10.244.9.1/24 on eth0" "give this machine's network another range" \
  "${with_token[@]}"
on odd ip address del 10.244.9.1/24 dev eth0
on odd ip address add 10.96.3.1/24 dev eth0
answered "a network that overlaps with the services'" \
  "10.96.0.0/16 overlaps with this machine's network 10.96.3.1/24 on eth0" "skiff up --service-cluster-ip-range" \
  "${with_token[@]}"
on odd ip address del 10.96.3.1/24 dev eth0
on odd python3 -c 'import socket, time; s = socket.socket(); s.bind(("", 10250)); s.listen(); time.sleep(600)' 2>/dev/null &
disown $!  # Nobody tells of its end.
until_true 60 has :10250 on odd ss -Hlnt
answered "a port that is taken" "port 10250: is taken by python3" "--kubelet-port" "${with_token[@]}"
cc -shared -fPIC -O1 -Wall -o "$shared/other_clock.so" e2e/nodes/other_clock.c
for off in "7200 ahead of" "-7200 behind"; do
  answered "a clock that is two hours ${off#* }" "this machine's clock is 2 h 0 min ${off#* } the server's" "timedatectl set-ntp true" \
    LD_PRELOAD=/var/lib/shared/other_clock.so CLOCK_OFFSET="${off%% *}" "${with_token[@]}" --kubelet-port 10251
done
join_host=10.77.1.99:6443 answered "an address where no server is" "no API server answers" "check the address" \
  "${with_token[@]}" --kubelet-port 10251 --discovery-timeout 0s
check "the cluster knows nothing of it" lacks odd kubectl get nodes,csr
cut_power odd

echo '{apiVersion: v1, kind: Node, metadata: {name: clash}, spec: {podCIDR: 10.77.1.0/24, podCIDRs: [10.77.1.0/24]}}' | apply
check "a node whose pods would be on the machines' own link is an event of each of them" \
  has "FailedToCreateRoute: pod CIDR 10.77.1.0/24 of node clash is not in the cluster CIDR" events_of server
events_of server | grep FailedToCreateRoute | sed 's/^/   /'
run kubectl delete node clash
