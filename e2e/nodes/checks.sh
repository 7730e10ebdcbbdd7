# Sourced by nodes.sh and partitions.sh: how a command is given to a machine, and what is asked of the cluster.
. e2e/nodes/said.sh

# As typed on a machine: shows the command and runs it.
typed() { # NAME COMMAND...
  printf '\n%s$ %s\n' "$1" "${*:2}"
  on "$@"
}
kubectl() { on server env KUBECONFIG=/var/lib/skiff/admin.kubeconfig "$SKIFF" "$@"; }

nodes_ready() { [ "$(kubectl get nodes --no-headers | awk '$2 == "Ready"' | wc -l)" = "$1" ]; }
field() { kubectl get "$1" "$2" -o "jsonpath={$3}"; } # KIND NAME JSONPATH
node_ip() { field node "$1" '.status.addresses[?(@.type=="InternalIP")].address'; }
# The pods of a label that are Ready and stay, a line each: "NAME IP NODE".
pods() {
  kubectl get pods -l "$1" -o 'jsonpath={range .items[*]}{.metadata.name} {.status.podIP} {.spec.nodeName} {.status.conditions[?(@.type=="Ready")].status} {.metadata.deletionTimestamp}{"\n"}{end}' |
    awk 'NF == 4 && $4 == "True" {print $1, $2, $3}'
}
pod_on() { pods "$1" | awk -v node="$2" '$3 == node {print $1}' | head -n 1; }
ip_on() { pods "$1" | awk -v node="$2" '$3 == node {print $2}' | head -n 1; }
running() { [ "$(pods "$1" | wc -l)" = "$2" ]; }
in_pod() { kubectl exec "$1" -- "${@:2}"; }
# What each machine's rules say of an address.
no_rule_for() { ! on "$1" iptables-save -t nat | grep -qF "$2"; }
seconds_since() { echo $((SECONDS - $1)); }
