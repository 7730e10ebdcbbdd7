#!/usr/bin/env bash
# The Debian package under systemd itself: a machine of packages from the mirror, booted by systemd-nspawn with
# a network of its own. Started, asked, ended by force, stopped, upgraded, removed and purged, with simulated
# nodes.
#
#   e2e/systemd.sh [BUILD]      build/release by default
#
# Root, systemd-nspawn (package systemd-container) and mmdebstrap; ends with 77 where they are missing. The
# machine's files are kept for the next time (build/systemd).
set -euo pipefail
here=$(realpath "$(dirname "$0")")
. "$here/show.sh"
. "$here/packages.sh"

# What follows runs on that machine, as `systemd.sh --inside DEB`.

export KUBECONFIG=
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
no_links() { ! ip -br link | grep -qvE '^lo '; }
no_rules() { ! iptables-save | grep -qi kube; }
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

inside() { # DEB
  ip link set lo up
  say "Installed"
  run dpkg -i "$1"
  check "what it depends on is there, and nothing was started" active inactive
  simulated "$1"
  say "Removed, and purged"
  run dpkg -r skiff
  check "no link" no_links
  check "no rule" no_rules
  run dpkg -P skiff
  check "no file" nothing_left
  check "systemd knows of no such service" sh -c '! systemctl cat skiff >/dev/null 2>&1'
  check "and nothing has failed" test -z "$(systemctl list-units --failed --no-legend)"
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
nspawn=
cleanup() {
  local code=$?
  [ -z "$nspawn" ] || { kill "$nspawn" 2>/dev/null && wait "$nspawn" 2>/dev/null; } || true
  rm -rf "$work"
  exit $code
}
trap cleanup EXIT
trap 'exit 130' INT TERM
say "The package"
(cd "$work" && run cpack --config "$build/CPackConfig.cmake" -B "$work/package" >"$work/cpack.log" 2>&1) ||
  { cat "$work/cpack.log"; fail "no package was made"; }
machine=$work/machine
mkdir "$machine"
tar -xf "$base" -C "$machine" --exclude='./dev/*'
mkdir -p "$machine/root/e2e"
cp "$work"/package/*.deb "$machine/root/skiff.deb"
cp "$here/systemd.sh" "$here/show.sh" "$here/packages.sh" "$machine/root/e2e/"

# It says on a socket which process is its first, and when it is up.
say "Booted"
python3 - "$work/notify" >"$work/leader" <<'EOS' &
import socket, sys
heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
heard.bind(sys.argv[1])
heard.settimeout(120)
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
NOTIFY_SOCKET=$work/notify systemd-nspawn -D "$machine" --boot --notify-ready=yes --register=no --keep-unit \
  --private-network --machine="skiff-$$" --capability=all </dev/null >"$work/console.log" 2>&1 &
nspawn=$!
wait "$listener" || { tail -n 20 "$work/console.log"; echo "skipped: no machine can be booted here"; exit 77; }
nsenter --target "$(cat "$work/leader")" --mount --uts --ipc --net --pid --root --wd \
  env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
  /root/e2e/systemd.sh --inside /root/skiff.deb
