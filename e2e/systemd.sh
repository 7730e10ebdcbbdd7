#!/usr/bin/env bash
# The Debian package under systemd itself: a machine of packages from the mirror, booted by systemd-nspawn with
# a network of its own. Started, asked, ended by force, stopped, upgraded, removed and purged: with simulated
# nodes, then with containers, which go on through all of that but the last two.
#
#   e2e/systemd.sh [BUILD]      build/release by default
#
# Root, systemd-nspawn (package systemd-container) and mmdebstrap; ends with 77 where they are missing, or no
# machine can be booted. Containers are left out where that machine can run none, and says so. The machine's
# files are kept for the next time (build/systemd).
set -euo pipefail
here=$(realpath "$(dirname "$0")")
. "$here/show.sh"
. "$here/packages.sh"

# What follows runs on that machine, as `systemd.sh --inside DEB`.

export KUBECONFIG= CHECK_SECONDS=${CHECK_SECONDS:-120}
active() { [ "$(systemctl is-active skiff)" = "$1" ]; }
# As who has just started the service asks: no kubeconfig is named.
has_nodes() { [ "$(skiff get nodes -o name | wc -l)" = "$1" ]; }
ready() { [ "$(skiff get deployment "$1" -o jsonpath='{.status.readyReplicas}')" = "$2" ]; }
main_process() { systemctl show -P MainPID skiff; }
is_another_process_than() { active active && [ "$(main_process)" != "$1" ] && [ "$(main_process)" != 0 ]; }
nothing_left() {
  local left
  left=$(find / -xdev \( -path /proc -o -path /sys -o -path /root \) -prune -o -name '*skiff*' -print)
  [ -z "$left" ] || { echo "$left"; return 1; }
}
# What it had before is its loopback, and what leads out of it.
no_links() { ! ip -br link | grep -qvE '^(lo|uplink) '; }
no_rules() { ! iptables-save | grep -qi kube; }
no_mounts() { ! grep -q /var/lib/skiff /proc/self/mountinfo; }
answers() { # ADDRESS
  timeout 3 bash -c 'exec 3<>"/dev/tcp/$0/80" && printf "GET /hostname HTTP/1.0\r\n\r\n" >&3 && grep -q " 200 " <&3' "$1"
}
# Whose parents are the containers' processes: what goes on is these, whatever the API says of it.
shims() { pgrep -f containerd-shim-runc | sort | tr '\n' ' '; }
no_shims() { [ -z "$(shims)" ]; }
none_failed() { [ -z "$(systemctl list-units --failed --no-legend)" ]; }
same_containers() { # SHIMS STATUSES
  [ "$(shims)" = "$1" ] && [ "$(statuses)" = "$2" ] && ready web 3
}
statuses() {
  skiff get pods -l app=web -o jsonpath='{range .items[*]}{.status.containerStatuses[0].containerID} {.status.containerStatuses[0].restartCount}{"\n"}{end}' | sort
}
simulated() {
  local before
  say "Simulated nodes"
  echo 'SKIFF_UP="--nodes=3"' >/etc/default/skiff
  run systemctl start skiff
  CHECK_SECONDS=0 check "started means usable" has_nodes 3
  run skiff create deployment web --image=registry.example/web:1 --replicas=3
  check "three pods are ready" ready web 3
  check "the journal has its words" sh -c 'journalctl -u skiff --no-pager | grep -q usable'
  before=$(main_process)
  run systemctl kill --signal=KILL skiff
  check "systemd starts it anew" is_another_process_than "$before"
  check "with all that it had" ready web 3
  before=$(main_process)
  run dpkg -i --force-confold "$1"
  check "an upgrade starts it anew" is_another_process_than "$before"
  check "with its settings" has_nodes 3
  run systemctl stop skiff
  check "stopped is stopped" active inactive
  run skiff down
}

# Of version 1 nspawn shows them, but for systemd's own. They are this machine's alone: see the end.
writable_cgroups() {
  local path
  for path in $(awk '$3 == "cgroup" { print $2 }' /proc/self/mounts); do
    mount -o remount,bind,rw "$path" 2>/dev/null || mount -o remount,rw "$path" 2>/dev/null || true
  done
}
with_containers() { # DEB
  local before shims statuses address
  say "Containers"
  : >/etc/default/skiff
  writable_cgroups
  if ! ls /root/images/*.tar >/dev/null 2>&1 || ! run skiff doctor; then
    echo "left out: this machine can run no containers"
    return 0
  fi
  run systemctl start skiff
  CHECK_SECONDS=0 check "started means usable" has_nodes 1
  for image in /root/images/*.tar; do run skiff image load "$image"; done
  run skiff apply -f /root/web.yaml
  CHECK_SECONDS=240 check "three pods run" ready web 3
  address=$(skiff get service web -o jsonpath='{.spec.clusterIP}')
  check "and answer behind one address" answers "$address"
  shims=$(shims) statuses=$(statuses)
  before=$(main_process)
  run systemctl kill --signal=KILL skiff
  check "systemd starts it anew" is_another_process_than "$before"
  check "and no container has ended" same_containers "$shims" "$statuses"
  before=$(main_process)
  run dpkg -i --force-confold "$1"
  check "an upgrade starts it anew" is_another_process_than "$before"
  check "and ends no container" same_containers "$shims" "$statuses"
  run systemctl stop skiff
  check "stopped is stopped" active inactive
  CHECK_SECONDS=0 check "and they still answer" answers "$address"
  run systemctl start skiff
  check "and are found again" same_containers "$shims" "$statuses"
}

inside() { # DEB
  ip link set lo up
  ip link add uplink type bridge
  ip address add 192.0.2.1/24 dev uplink
  ip link set uplink up
  ip route add default via 192.0.2.254
  say "Installed"
  run dpkg -i "$1"
  check "what it depends on is there, and nothing was started" active inactive
  simulated "$1"
  with_containers "$1"
  say "Removed, and purged"
  run dpkg -r skiff
  check "no link" no_links
  check "no rule" no_rules
  check "no container" no_shims
  check "nothing mounted" no_mounts
  run dpkg -P skiff
  check "no file" nothing_left
  check "systemd knows of no such service" sh -c '! systemctl cat skiff >/dev/null 2>&1'
  check "and nothing has failed" none_failed
  exit 0
}

if [ "${1:-}" = --inside ]; then
  tell() {
    [ "$1" = 0 ] || { skiff get pods -o wide; skiff get events; journalctl -u skiff --no-pager -n 20; } || true
    summary "$1"
  }
  trap 'tell $?' EXIT
  inside "$2"
fi

# Boots $1/machine, and runs the above on it.
boot() { # WORK
  local work=$1 listener
  nspawn=
  trap '[ -z "$nspawn" ] || { kill "$nspawn" 2>/dev/null && wait "$nspawn" 2>/dev/null; } || true' EXIT
  trap 'exit 130' INT TERM
  say "Booted"
  # It says on a socket which process is its first, and when it is up.
  python3 - "$work/notify" >"$work/leader" <<'EOS' &
import socket, sys
heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
heard.bind(sys.argv[1])
heard.settimeout(60)
while True:
    for line in heard.recv(4096).decode().splitlines():
        if line.startswith("X_NSPAWN_LEADER_PID="):
            leader = line.partition("=")[2]
        if line == "READY=1":
            print(leader)
            sys.exit()
EOS
  listener=$!
  check "somebody listens" test -S "$work/notify"
  # Containers want keyrings, which nspawn lets nobody have, and programs that guard devices.
  NOTIFY_SOCKET=$work/notify systemd-nspawn -D "$work/machine" --boot --notify-ready=yes --register=no --keep-unit \
    --private-network --machine="skiff-$$" --capability=all --system-call-filter="@keyring bpf" \
    </dev/null >"$work/console.log" 2>&1 &
  nspawn=$!
  wait "$listener" || { tail -n 20 "$work/console.log"; echo "skipped: no machine can be booted here"; exit 77; }
  nsenter --target "$(cat "$work/leader")" --mount --uts --ipc --net --pid --root --wd \
    env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
    /root/e2e/systemd.sh --inside /root/skiff.deb
}
if [ "${1:-}" = --boot ]; then
  boot "$2"
  exit 0
fi

build=$(realpath "${1:-$here/../build/release}")
[ "$(id -u)" = 0 ] || exec sudo -E "$0" "$build"
for tool in systemd-nspawn mmdebstrap dpkg-shlibdeps; do
  command -v $tool >/dev/null || { echo "skipped: no $tool"; exit 77; }
done
packages=$(IFS=,; echo "${IMAGE_PACKAGES[*]}"),systemd,systemd-sysv,dbus
kept=$here/../build/systemd
base=$kept/base-$(echo "$packages" | sha256sum | head -c 12).tar
mkdir -p "$kept"
if [ ! -s "$base" ]; then
  say "A machine of packages"
  mmdebstrap --quiet --format=tar --variant=minbase --include="$packages" bookworm "$base.new"
  mv "$base.new" "$base"
fi
work=$(mktemp -d)
trap 'rm -rf --one-file-system "$work"' EXIT
trap 'exit 130' INT TERM
say "The package"
(cd "$work" && run cpack --config "$build/CPackConfig.cmake" -B "$work/package" >"$work/cpack.log" 2>&1) ||
  { cat "$work/cpack.log"; fail "no package was made"; }
machine=$work/machine
mkdir "$machine"
tar -xf "$base" -C "$machine" --exclude='./dev/*'
mkdir -p "$machine"/root/{e2e,images}
cp "$work"/package/*.deb "$machine/root/skiff.deb"
cp "$here/systemd.sh" "$here/show.sh" "$here/packages.sh" "$machine/root/e2e/"
cp "$here/../manifests/web/web.yaml" "$machine/root/"
cp "$build"/images/*.tar "$machine/root/images/" 2>/dev/null || echo "no images: \`ninja images\` packs them"

# Cgroups of version 1 nspawn would share with this machine: one in between has its own.
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
  "$here/systemd.sh" --boot "$work"
else
  "$here/machine.sh" systemd "$here/systemd.sh" --boot "$work"
fi
