# Sourced: what pods find, asked from the machine that each is on, whatever becomes of the API meanwhile. Whoever sources
# this has
#   on NODE COMMAND...     a command on that machine
#   field KIND NAME JSONPATH, and pods LABEL: a line "NAME IP NODE" each

# A command in a pod, by who sits at its machine: no API server is asked. $container has its container.
inside() { # NODE POD COMMAND...
  on "$1" sh -c '
    process=$(grep -l "$1" /proc/[0-9]*/cgroup 2>/dev/null | cut -d/ -f3 | sort -n | head -n 1)
    shift
    exec nsenter --target "$process" --mount --uts --ipc --net --pid --root --wd=/ -- "$@"' \
    inside "${container[$2]}" "${@:3}"
}
# Its container has processes there.
lives() { on "$1" sh -c 'grep -q "$1" /proc/[0-9]*/cgroup' lives "${container[$2]}"; } # NODE POD
learn() { # APP: names, addresses and containers of its pods, by node
  local name ip node
  while read -r name ip node; do
    pod[$1.$node]=$name address[$1.$node]=$ip
    container[$name]=$(field pod "$name" '.status.containerStatuses[0].containerID' | sed 's|.*//||')
  done < <(pods "$1")
}
declare -A pod=() address=() container=()
# What a pod on a machine finds, asked from that machine itself.
from() { inside "$1" "${pod[app=peer.$1]}" "${@:2}"; }
gets() { from "$1" client "http://$2/hostname" --timeout 2; }
knows() { from "$1" nslookup "$2.default.svc.cluster.local"; }
runs() { # NODE POD: it writes a line each fifth of a second
  local before after
  before=$(inside "$1" "$2" wc -l /tmp/ticks) && read -rt 1 <> <(:) || after=$(inside "$1" "$2" wc -l /tmp/ticks)
  [ "${after%% *}" -gt "${before%% *}" ]
}
