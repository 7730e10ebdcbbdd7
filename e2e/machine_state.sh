# Sourced by scripts that compare a machine with what it was. $DATA is the cluster's directory.

# What the machine has that a cluster could leave behind.
machine_state() {
  # Cables on a bridge are other engines'; pods' have none.
  ip -o link show | grep -v ': veth.* master ' | awk -F': ' '{print "link", $2}' | sed 's/@.*//' | sort
  ip route show table all | grep -v ' proto kernel' | grep -v '^local\|^broadcast\|^ff00\|^fe80' |
    sed 's/ expires [0-9]*sec//' | sort
  find /run/netns/ -mindepth 1 -printf 'netns %f\n' 2>/dev/null | sort || true
  awk '{print "mount", $2}' /proc/mounts | sort
  (cd /proc/sys/net/ipv4 && grep . ip_forward conf/all/route_localnet)
  iptables-save 2>/dev/null | grep -v '^#\|^:\|^\*\|COMMIT' | sort || true
  grep -slFf - /proc/[0-9]*/cmdline <<<"$DATA" | sed 's/^/process /' || true
  # Those of machines that other tests have beside this one (NAME-PID) come and go.
  find /sys/fs/cgroup -type d \( -name 'skiff-*-[0-9]*' -prune \
    -o \( -name '*kubepods*' -o -name 'skiff*' \) -printf 'cgroup %P\n' \) 2>/dev/null | sort
  [ -e "$DATA" ] && echo "files $DATA" || true
}
