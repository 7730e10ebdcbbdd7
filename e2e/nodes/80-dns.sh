# Sourced by nodes.sh, after what needs the same server throughout: its power is cut.
say "7. Names, asked for by pods of every machine"
# A pod of the namespace: what its spec has beside its container.
pod() { # NAME SPEC-LINES [COMMAND]
  printf -- '---\napiVersion: v1\nkind: Pod\nmetadata: {name: %s, namespace: names, labels: {app: %s}}\nspec:\n' "$1" "${1%-[0-9]}"
  printf '  terminationGracePeriodSeconds: 0\n'
  sed 's/^/  /' <<<"$2"
  printf '  containers: [{name: main, image: "busybox:1.35", imagePullPolicy: IfNotPresent, command: [sh, -c, %s]}]\n' "${3:-sleep infinity}"
}
# Named as those of a StatefulSet; asks five times a second, for ever, whether a name is known.
sister() { # NUMBER NODE
  pod "db-$1" $'hostname: db-'"$1"$'\nsubdomain: db\nnodeName: '"$2" \
    '"while :; do nslookup front.names.svc.cluster.local >/dev/null 2>&1 && echo known || echo unknown; sleep 0.2; done"'
}
# The names of the world outside, which each machine asks the router for.
for node in server near far; do on $node sh -c 'echo "nameserver 10.77.1.254" >/etc/resolv.conf'; done
{
  cat <<'YAML'
apiVersion: v1
kind: Namespace
metadata: {name: names}
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: names}
spec: {clusterIP: None, selector: {app: db}, ports: [{name: sql, port: 5432}]}
---
apiVersion: v1
kind: Service
metadata: {name: front, namespace: names}
spec: {clusterIP: 10.96.77.7, selector: {app: db}, ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: alias, namespace: names}
spec: {type: ExternalName, externalName: front.names.svc.cluster.local}
---
apiVersion: v1
kind: Service
metadata: {name: chosen, namespace: names}
spec: {clusterIP: None, selector: {app: named}, ports: [{port: 80}]}
YAML
  sister 0 server
  sister 1 near
  sister 2 far
  pod named $'hostname: first\nsubdomain: chosen'
  pod hosted $'hostNetwork: true\ndnsPolicy: ClusterFirstWithHostNet'
  pod host-first 'hostNetwork: true'
  pod like-node 'dnsPolicy: Default'
  pod own $'dnsPolicy: None\ndnsConfig: {nameservers: [10.96.0.10], searches: [names.svc.cluster.local], options: [{name: ndots, value: "1"}, {name: edns0}]}'
  pod merged 'dnsConfig: {nameservers: [10.77.2.254], searches: [corp.test, svc.cluster.local], options: [{name: ndots, value: "2"}]}'
} >"$shared/names.yaml"
kubectl apply -f /var/lib/shared/names.yaml >/dev/null
all_run() { [ "$(kubectl get pods -n names --no-headers | awk '$3 == "Running"' | wc -l)" = 9 ]; }
check "nine pods run" all_run
in_names() { kubectl exec -n names "$1" -- "${@:2}"; }

resolv_conf() { in_names "$1" cat /etc/resolv.conf; }
cluster_first=$'search names.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5'
check "ClusterFirst is what pods have" is "$cluster_first" resolv_conf named
check "on the host's network by ClusterFirstWithHostNet" is "$cluster_first" resolv_conf hosted
check "where ClusterFirst means Default" is "nameserver 10.77.1.254" resolv_conf host-first
check "Default is what the node has" is "nameserver 10.77.1.254" resolv_conf like-node
check "None is what the pod itself says" \
  is $'search names.svc.cluster.local\nnameserver 10.96.0.10\noptions ndots:1 edns0' resolv_conf own
check "which else is added" is \
  $'search names.svc.cluster.local svc.cluster.local cluster.local corp.test\nnameserver 10.96.0.10\nnameserver 10.77.2.254\noptions ndots:2' \
  resolv_conf merged

# What nslookup finds of a type: addresses, or what stands behind "=", in one line.
found() { # POD NAME [TYPE]
  in_names "$1" nslookup -type="${3:-a}" "$2" 2>&1 |
    awk 'NR > 2 && sub(/^.*(Address: |= )/, "") {print}' | sort -u | paste -sd ' '
}
ip_of() { kubectl get pod -n names "$1" -o 'jsonpath={.status.podIP}'; }
ips_of_db() { for pod in db-0 db-1 db-2; do ip_of $pod; echo; done | sort | paste -sd ' '; }
zone=svc.cluster.local
for pod in db-0 db-1 db-2; do
  check "$pod finds a service by its name alone" has "front (10.96.77.7)" in_names $pod ping -c 1 -W 1 front
  check "by all of its name" is 10.96.77.7 found $pod front.names.$zone
  check "a service of another namespace" is "$service_ip" found $pod web.default.$zone
  check "the pods of its set" is "$(ips_of_db)" found $pod db.names.$zone
  check "one of them by its name" is "$(ip_of db-1)" found $pod db-1.db.names.$zone
  check "and a pod by the host name that it chose" is "$(ip_of named)" found $pod first.chosen.names.$zone
done
check "an alias leads to its service" has 10.96.77.7 in_names db-0 nslookup alias.names.$zone
check "an address has the name of its service" has "name = front.names.$zone" in_names db-0 nslookup 10.96.77.7
check "and of its pod" has "name = db-1.db.names.$zone" in_names db-0 nslookup "$(ip_of db-1)"
check "a port is found by its name" is "0 100 80 front.names.$zone" found db-0 _http._tcp.front.names.$zone srv
check "and of every pod of a set" has "5432 db-2.db.names.$zone" in_names db-0 nslookup -type=srv _sql._tcp.db.names.$zone
check "an IPv4 service has no other address" is "" found db-0 front.names.$zone aaaa
check "what is not there is not found" has NXDOMAIN in_names db-0 nslookup nothing.names.$zone
check "a pod knows its own full name" is first.chosen.names.$zone in_names named hostname -f

slices() { kubectl get endpointslices -n kube-system --no-headers | awk '{print $1, $4}' | sort | paste -sd ' '; }
check "each machine has a server" is \
  "kube-dns-far $(node_ip far) kube-dns-near $(node_ip near) kube-dns-server $(node_ip server)" slices
for node in server near far; do
  check "to which its rules lead" has "$(node_ip $node):10053" on $node iptables-save -t nat
  for other in server near far; do
    [ $node = $other ] || check "and not to $other's" no_rule_for $node "$(node_ip $other):10053"
  done
done

printf '\nserver: the power is cut\n'
cut_power server
# What a pod that asks all the time has found so far, as its node has it written.
asked() { on "$1" sh -c "cat /var/lib/skiff/logs/pods/names_db-*/main/*.log" | grep -c " $2\$" || true; }
declare -A known_before=() unknown_before=()
for node in near far; do known_before[$node]=$(asked $node known) unknown_before[$node]=$(asked $node unknown); done
has_asked() { [ "$(asked "$1" known)" -ge $((known_before[$1] + 50)) ]; }
for node in near far; do
  CHECK_SECONDS=180 check "a pod on $node asks fifty times meanwhile" has_asked $node
  check "and always hears" is "${unknown_before[$node]}" asked $node unknown
done
start_machine server front 10.77.1.10/24 10.77.1.254
typed server "$SKIFF" up "${ranges[@]}" --node-monitor-grace-period=${GRACE}s \
  --default-not-ready-toleration-seconds=$TOLERATION --default-unreachable-toleration-seconds=$TOLERATION
check "the server is back" nodes_ready 3
for node in near far; do
  check "and no pod on $node has noticed" is "${unknown_before[$node]}" asked $node unknown
done
check "its own pods find names again" is 10.96.77.7 found db-0 front.names.$zone
kubectl delete namespace names --wait=false >/dev/null
