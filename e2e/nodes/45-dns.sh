say "4. Names, asked by pods of every machine"
kubectl apply -f - < <(sed 's/^    //' <<'YAML'
    apiVersion: v1
    kind: Namespace
    metadata: {name: names}
    ---
    apiVersion: v1
    kind: Service
    metadata: {name: db, namespace: names}
    spec: {clusterIP: None, selector: {app: db}, ports: [{name: sql, port: 5432}]}
    ---
    apiVersion: apps/v1
    kind: StatefulSet
    metadata: {name: db, namespace: names}
    spec:
      serviceName: db
      replicas: 3
      podManagementPolicy: Parallel
      selector: {matchLabels: {app: db}}
      template:
        metadata: {labels: {app: db}}
        spec:
          terminationGracePeriodSeconds: 0
          topologySpreadConstraints:
            - {maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {app: db}}}
          containers: [{name: main, image: "busybox:1.35", imagePullPolicy: IfNotPresent, command: [sleep, infinity]}]
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
    kind: Pod
    metadata: {name: named, namespace: names, labels: {app: db}}
    spec: &pod
      hostname: chosen
      subdomain: db
      terminationGracePeriodSeconds: 0
      containers: &containers
        - {name: main, image: "busybox:1.35", imagePullPolicy: IfNotPresent, command: [sleep, infinity]}
    ---
    apiVersion: v1
    kind: Pod
    metadata: {name: hosted, namespace: names}
    spec:
      hostNetwork: true
      dnsPolicy: ClusterFirstWithHostNet
      terminationGracePeriodSeconds: 0
      containers:
        - {name: main, image: "busybox:1.35", imagePullPolicy: IfNotPresent, command: [sleep, infinity]}
    ---
    apiVersion: v1
    kind: Pod
    metadata: {name: like-node, namespace: names}
    spec:
      dnsPolicy: Default
      terminationGracePeriodSeconds: 0
      containers:
        - {name: main, image: "busybox:1.35", imagePullPolicy: IfNotPresent, command: [sleep, infinity]}
    ---
    apiVersion: v1
    kind: Pod
    metadata: {name: own, namespace: names}
    spec:
      dnsPolicy: None
      dnsConfig:
        nameservers: [10.96.0.10]
        searches: [names.svc.cluster.local]
        options: [{name: ndots, value: "1"}, {name: edns0}]
      terminationGracePeriodSeconds: 0
      containers:
        - {name: main, image: "busybox:1.35", imagePullPolicy: IfNotPresent, command: [sleep, infinity]}
    ---
    apiVersion: v1
    kind: Pod
    metadata: {name: merged, namespace: names}
    spec:
      dnsConfig:
        nameservers: [10.77.1.254]
        searches: [corp.test, svc.cluster.local]
        options: [{name: ndots, value: "2"}]
      terminationGracePeriodSeconds: 0
      containers:
        - {name: main, image: "busybox:1.35", imagePullPolicy: IfNotPresent, command: [sleep, infinity]}
YAML
)
in_names() { kubectl exec -n names "$1" -- "${@:2}"; }
all_running() { [ "$(kubectl get pods -n names --no-headers | awk '$3 == "Running"' | wc -l)" = 8 ]; }
check "the pods run" all_running
resolv_conf() { in_names "$1" cat /etc/resolv.conf; }
# What nslookup finds: addresses, or what stands behind "=", in one line.
found() { # POD NAME [TYPE]
  in_names "$1" nslookup ${3:+-type=$3} "$2" 2>&1 |
    awk 'NR > 2 && sub(/^.*(Address: |= )/, "") {print}' | sort -u | paste -sd ' '
}
ip_of() { kubectl get pod -n names "$1" -o 'jsonpath={.status.podIP}'; }

cluster_lines=$'search names.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5'
check "ClusterFirst is the default" is "$cluster_lines" resolv_conf db-0
check "ClusterFirstWithHostNet is the same" is "$cluster_lines" resolv_conf hosted
check "Default is what the node has" is "nameserver 10.77.1.254" resolv_conf like-node
check "None is what the pod says" \
  is $'search names.svc.cluster.local\nnameserver 10.96.0.10\noptions ndots:1 edns0' resolv_conf own
check "and else it is added" is \
  $'search names.svc.cluster.local svc.cluster.local cluster.local corp.test\nnameserver 10.96.0.10\nnameserver 10.77.1.254\noptions ndots:2' \
  resolv_conf merged

ips_of_db() { for pod in db-0 db-1 db-2 named; do ip_of $pod; echo; done | sort | paste -sd ' '; }
for pod in db-0 db-1 db-2; do
  check "$pod finds a service by its name alone" is 10.96.77.7 found $pod front
  check "and by name and namespace" is 10.96.77.7 found $pod front.names
  check "and a service of another namespace" is "$service_ip" found $pod web.default
  check "and the API server" is 10.96.0.1 found $pod kubernetes.default.svc
  check "and its sisters" is "$(ip_of db-1)" found $pod db-1.db
  check "and all of them" is "$(ips_of_db)" found $pod db
  check "and a pod by the host name it chose" is "$(ip_of named)" found $pod chosen.db
done
check "an alias leads to its service" has 10.96.77.7 found db-0 alias
check "an address has the name of its service" \
  is front.names.svc.cluster.local found db-0 10.96.77.7 ptr
check "and that of its pod" has db-1.db.names.svc.cluster.local found db-0 "$(ip_of db-1)" ptr
check "a port has its place" has "0 100 80 front.names.svc.cluster.local" \
  found db-0 _http._tcp.front.names.svc.cluster.local srv
check "what is not there is not found" has NXDOMAIN in_names db-0 nslookup nothing.names.svc.cluster.local
check "a pod knows its own full name" is chosen.db.names.svc.cluster.local in_names named hostname -f

slices() { kubectl get endpointslices -n kube-system --no-headers | awk '{print $1, $4}' | sort | paste -sd ' '; }
check "each machine has a server" is \
  "kube-dns-far $(node_ip far) kube-dns-near $(node_ip near) kube-dns-server $(node_ip server)" slices
for node in server near far; do
  check "which the rules of $node lead to" has "to-destination $(node_ip $node):10053" \
    on $node iptables-save -t nat
  for other in server near far; do
    [ $node = $other ] || check "and not to $other's" no_rule_for $node "$(node_ip $other):10053"
  done
done

# While the server is away, its API and its DNS are, names go on.
pod_of() { kubectl get pods -n names --no-headers -o wide | awk -v node="$1" '$1 ~ /^db/ && $7 == node {print $1}'; }
declare -A asks=()
for node in near far; do
  asks[$node]=$(on $node ctr_of "$(pod_of $node)" 2>/dev/null || true)
done
