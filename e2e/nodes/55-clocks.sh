say "5b. A machine whose clock is wrong"
# `skiff chaos clock` on a machine that joined: by a kubeconfig that is named, or by the node's own.
sed 's|https://[^ ]*|https://10.77.1.10:6443|' "$disks/server/skiff/admin.kubeconfig" >"$shared/kubeconfig"
chaos_on() { typed "$1" env KUBECONFIG=/var/lib/shared/kubeconfig "$SKIFF" chaos "${@:2}"; } # NODE WORD...
# By how many seconds the Lease of a node is ahead of this machine's clock.
ahead() {
  local renewed
  renewed=$(kubectl get lease -n kube-node-lease "$1" -o 'jsonpath={.spec.renewTime}')
  echo $(($(date -d "$renewed" +%s) - $(date +%s)))
}
is_ahead() { local by; by=$(ahead "$1"); [ "$by" -gt "$2" ] && [ "$by" -lt "$3" ]; } # NODE MORE-THAN LESS-THAN
is_right() { is_ahead "$1" -30 2; }
# Its clock is between what this machine's was before it was asked and is afterwards.
same_second() {
  local before now
  before=$(date +%s)
  now=$(in_pod "$1" date +%s) && [ "$now" -ge $((before - 1)) ] && [ "$now" -le $(($(date +%s) + 1)) ]
}
peer_on_near=$(pod_on app=peer near)
serial_before=$(openssl x509 -noout -serial -in "$disks/near/skiff/pki/kubelet-client-current.pem")
has_other_certificate() {
  [ "$(openssl x509 -noout -serial -in "$disks/near/skiff/pki/kubelet-client-current.pem")" != "$serial_before" ]
}

chaos_on near clock node/near --offset=+5m --for=10m
check "near's Lease is of five minutes from now" is_ahead near 250 301
check "  far's and the server's are of now" eval 'is_right far && is_right server'
check "  and pods on near have the machine's time" same_second "$peer_on_near"
check "near is Ready: the controllers go by when they saw its Lease change" nodes_ready 3
check "by its clock its certificates are over: it has new ones" has_other_certificate
check "  and is heard with them" as_node near auth whoami
check "an Event of the node tells of it" has "ChaosStarted: clock of node/near: 5m0s ahead for 10m0s" events_of near
check "near knows what is on" has "5m0s ahead" on near "$SKIFF" chaos ls
check "  and far of nothing" has "No fault is on." on far "$SKIFF" chaos ls
check "it cannot be asked for elsewhere" \
  has "is node/far, not node/near; name another --data-dir, or run this on the machine of node/near" \
  chaos_on far clock node/near --offset=-5m --for=5s
chaos_on near stop
# At once: what near planned by one wrong clock, and then by another.
typed near env -u KUBECONFIG HOME=/nowhere "$SKIFF" chaos clock node/near --offset=-1h --for=45s
check "an hour behind" is_ahead near -3700 -3500
check "near is Ready all the same" nodes_ready 3
on near sh -c 'kill -KILL $(sed -n "/supervisor/,/}/s/.*\"pid\": \([0-9]*\).*/\1/p" /run/skiff-chaos/*.json)'
CHECK_SECONDS=120 check "it is over in time, though nobody is there to end it" is_right near
check "and swept" has "No fault is on." on near "$SKIFF" chaos ls
check "no pod was replaced meanwhile" is "$peer_on_near" pod_on app=peer near
