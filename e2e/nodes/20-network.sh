say "2. Pods of all machines reach each other"
apply() { cat >"$shared/manifest.yaml"; kubectl apply -f /var/lib/shared/manifest.yaml; }
apply <<'YAML'
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: peer}
spec:
  selector: {matchLabels: {app: peer}}
  template:
    metadata: {labels: {app: peer}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
        - name: peer
          image: busybox:1.35
          imagePullPolicy: IfNotPresent
          command: [sh, -c, "mkdir /www; hostname >/www/hostname; head -c 8388608 /dev/urandom >/www/data; md5sum </www/data >/www/sum; exec httpd -f -h /www -p 80"]
          readinessProbe: {httpGet: {path: /sum, port: 80}, periodSeconds: 1}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 0
      topologySpreadConstraints:
        - {maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: ScheduleAnyway, labelSelector: {matchLabels: {app: web}}}
      containers:
        - name: web
          image: skiff.local/nautilus:1.0
          imagePullPolicy: IfNotPresent
          readinessProbe: {httpGet: {path: /healthz, port: 80}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80}]
YAML
check "a peer runs on each machine" running app=peer 3
check "and a web server" running app=web 3
hosts_of() { pods "$1" | awk '{print $3}' | sort -u | wc -l; }
check "on three machines" is 3 hosts_of app=web
declare -A peer=() peer_ip=()
learn_peers() {
  local node
  for node in server near far; do
    peer[$node]=$(pod_on app=peer $node) peer_ip[$node]=$(ip_on app=peer $node)
    [ -n "${peer_ip[$node]}" ] || return 1
  done
}
learn_peers

cidr_of() { field node "$1" .spec.podCIDR; }
check "server reaches near's pods by near itself" has "via 10.77.1.11 dev eth0" on server ip route show "$(cidr_of near)"
check "and far's through a tunnel" has "dev skiff.vxlan" on server ip route show "$(cidr_of far)"
check "which ends at far" has "dst 10.77.2.10" on server bridge fdb show dev skiff.vxlan
check "far reaches near's pods through the tunnel" has "dev skiff.vxlan" on far ip route show "$(cidr_of near)"

ping_large() { # FROM TO: as large as fits, in one piece
  in_pod "${peer[$1]}" ping -c 3 -i 0.2 -W 1 -s $((POD_MTU - 28)) "${peer_ip[$2]}"
}
# The sum of 8 MB as fetched is the sum as served.
fetch() { # FROM TO
  in_pod "${peer[$1]}" sh -c "[ \"\$(client http://${peer_ip[$2]}/data --timeout 10 | md5sum)\" = \"\$(client http://${peer_ip[$2]}/sum)\" ]"
}
fragments() { in_pod "${peer[$1]}" awk '$1 == "Ip:" && n++ {print $17 + $19}' /proc/net/snmp; }
for from in server near far; do
  check "a pod on $from sends $POD_MTU bytes at once" is $POD_MTU in_pod "${peer[$from]}" cat /sys/class/net/eth0/mtu
  for to in server near far; do
    [ $from = $to ] && continue
    check "$from -> $to: packets of $POD_MTU bytes" ping_large $from $to
    check "$from -> $to: 8 MB" fetch $from $to
  done
  check "no packet was cut in pieces on $from" is 0 fragments $from
done

service_ip=$(field service web .spec.clusterIP)
hosts_behind() { # NODE: who answers it at the service's address
  for _ in $(seq 24); do on "$1" curl -fsS -m 2 "http://$service_ip/hostname"; echo; done | sort -u | grep -c .
}
for node in server near far; do
  check "the service's address leads to all three from $node" is 3 hosts_behind $node
  check "and by its name from a pod on $node" in_pod "${peer[$node]}" client http://web.default.svc.cluster.local/hostname
done

# Its rules come before whoever listens there; who had the port on another machine than the server is told.
on near python3 -c 'import socket, time; s = socket.socket(); s.bind(("", 8089)); s.listen(); time.sleep(600)' 2>/dev/null &
listener=$!
listens() { on near ss -Hltn 'sport = :8089' | grep -q .; }
check "a program on near listens at 8089" listens
check "a Service is given that port of all machines" kubectl expose deployment web --name=shadow --type=LoadBalancer --port=8089 --target-port=80
check "and an Event says whose program is reached no more" has "a program listens at TCP/8089 of node near" \
  kubectl get events --field-selector reason=PortShadowed -o 'jsonpath={.items[*].message}'
check "  of that machine alone" lacks "of node far" kubectl get events --field-selector reason=PortShadowed -o 'jsonpath={.items[*].message}'
check "the Service goes" kubectl delete service shadow
kill $listener 2>/dev/null || true
