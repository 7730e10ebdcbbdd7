#!/usr/bin/env bash
# Makes the Debian package of a build, and plays its life on a machine that is thrown away: files of this one
# under an overlay, with a network of its own. Installed, started as systemd starts it, upgraded, removed, purged.
#
#   e2e/package.sh [BUILD]      build/release by default
#
# Root. Ends with 77 where such a machine cannot be had. lintian is asked where it is there.
set -euo pipefail
here=$(realpath "$(dirname "$0")")
. "$here/show.sh"

# What follows runs on that machine, as `package.sh --inside DEB CHECKOUT`. Below the overlay other tests go on,
# which write into the checkout.

has_flag() { zcat "/usr/share/man/man1/$1.1.gz" | tr -d '\\' | grep -q -- "$2"; }
verbs_in_manuals() { has_flag skiff-certs --cert-dir && has_flag skiff-token --print-join-command; }
manuals() { for word in '' -up -get -snapshot -kubelet; do man -w "skiff$word" >/dev/null || return 1; done; }
reads() { [ -n "$(man -P cat "$1" 2>/dev/null | head -n 5)" ]; }

# As a service of Type=notify is started: usable is what it says, not that it runs.
started() {
  local line args port=6543
  line=$(sed -n 's/^ExecStart=//p' /usr/lib/systemd/system/skiff.service)
  . /etc/default/skiff
  read -ra args <<<"${line/\$SKIFF_UP/$SKIFF_UP}"
  python3 - "$port" "${args[@]}" --nodes=2 --secure-port=$port <<'EOF'
import os, socket, subprocess, sys
path = "/run/notify-test"
if os.path.exists(path):
    os.unlink(path)
heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
heard.bind(path)
heard.settimeout(60)
journal, errors = socket.socketpair()  # As the journal is.
server = subprocess.Popen(sys.argv[2:], env={**os.environ, "NOTIFY_SOCKET": path}, stdout=subprocess.DEVNULL, stderr=errors)
assert heard.recv(4096).startswith(b"READY=1"), "not told"
environment = open(f"/proc/{server.pid}/environ", "rb").read()
kubeconfig = "/var/lib/skiff/admin.kubeconfig"
ask = lambda *words: subprocess.run(["skiff", *words, "--kubeconfig", kubeconfig], check=True, capture_output=True, text=True).stdout
assert ask("get", "nodes", "-o", "name").count("node/") == 2, "two nodes at once"
version = subprocess.run(["skiff", "--version"], check=True, capture_output=True, text=True).stdout.split()
served = ask("get", "--raw", "/version")
assert version[1].rstrip(",") in served and version[-1] in served, served
status = subprocess.run(["skiff", "status"], check=True, capture_output=True, text=True).stdout
assert f"process {server.pid}" in status and "journalctl" in status, status
server.terminate()
assert server.wait(30) == 0, "ends in order"
EOF
}

inside() { # DEB CHECKOUT
  local deb=$1 checkout=$2 version
  say "Installed"
  run dpkg --force-depends -i "$deb"
  version=$(dpkg-deb -f "$deb" Version)
  check "the program says the package's version" grep -q "^skiff $version," <(skiff --version)
  check "a flag that was nearly right is told" grep -q -- "is --version meant?" <(skiff --verison 2>&1)
  check "man pages are there, of the program and its words" manuals
  check "and have the flags of verbs below a word" verbs_in_manuals
  check "a page can be read" reads skiff-up
  check "bash takes its completions" bash -n /usr/share/bash-completion/completions/skiff
  check "zsh and fish have theirs" test -s /usr/share/zsh/vendor-completions/_skiff \
    -a -s /usr/share/fish/vendor_completions.d/skiff.fish
  check "nothing was started" test ! -e /var/lib/skiff
  if command -v systemd-analyze >/dev/null; then
    check "systemd takes the units" systemd-analyze verify /usr/lib/systemd/system/skiff.service \
      /usr/lib/systemd/system/skiff-node.service
  fi
  say "Started as its service is"
  CHECK_SECONDS=0 check "systemd is told when the cluster is usable, and it has nodes" started
  say "Upgraded"
  echo 'SKIFF_UP="--v=1"' > /etc/default/skiff
  run dpkg --force-depends --force-confold -i "$deb"
  check "settings stay" grep -q 'v=1' /etc/default/skiff
  check "data stays" test -d /var/lib/skiff/store
  say "Removed, and purged"
  run dpkg -r skiff
  check "the program is gone" test ! -e /usr/bin/skiff
  check "settings and data are kept" test -e /etc/default/skiff -a -d /var/lib/skiff/store
  mkdir -p /root/others /var/lib/skiff/kubelet/volume
  touch /root/others/file
  mount --bind /root/others /var/lib/skiff/kubelet/volume
  run sh /var/lib/dpkg/info/skiff.postrm purge
  umount /var/lib/skiff/kubelet/volume
  check "what was mounted there was not removed" test -e /root/others/file
  run dpkg -P skiff
  check "nothing is left" test -z "$(find / -xdev \( -path /proc -o -path /sys -o -path /root -o -path "$checkout" \) -prune -o \
    -newer /root/begun -name '*skiff*' ! -name "$(basename "$deb")" -print | tee /dev/stderr)"
  exit 0
}

if [ "${1:-}" = --inside ]; then
  trap 'summary $?' EXIT
  inside "$2" "$3"
fi

build=$(realpath "${1:-$here/../build/release}")
[ "$(id -u)" = 0 ] || exec sudo -E "$0" "$build"
command -v dpkg-shlibdeps >/dev/null || { echo "skipped: no dpkg-dev"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
say "The package"
(cd "$work" && run cpack --config "$build/CPackConfig.cmake" -B "$work/package" >"$work/cpack.log" 2>&1) ||
  { cat "$work/cpack.log"; fail "no package was made"; }
deb=$(echo "$work"/package/*.deb)
run dpkg-deb --info "$deb"
contents=$(dpkg-deb --contents "$deb")
for file in usr/bin/skiff usr/lib/systemd/system/skiff.service usr/lib/systemd/system/skiff-node.service \
    etc/default/skiff usr/share/man/man1/skiff.1.gz usr/share/man/man1/skiff-up.1.gz \
    usr/share/doc/skiff/copyright usr/share/doc/skiff/changelog.gz \
    $(cd "$here/.." && find docs -name '*.md' -o -name '*.png' -o -name '*.svg' | sed 's|^|usr/share/doc/skiff/|'); do
  grep -q " \./$file$" <<<"$contents" || fail "$file is not in the package"
done
grep -q '^-rw------- .* \./etc/default/skiff$' <<<"$contents" || fail "who may look reads tokens of nodes"
# The rest is checked inside, of files that are there.
awk '$2 != "root/root" { exit 1 }' <<<"$contents" || fail "files are not root's"
say "Installed without it, twice"
run cmake --install "$build" --prefix "$work/twice" >/dev/null
echo 'SKIFF_UP="--v=1"' >"$work/twice/etc/default/skiff"
run cmake --install "$build" --prefix "$work/twice" >/dev/null
grep -q 'v=1' "$work/twice/etc/default/skiff" || fail "the second install took the settings away"
grep -q '/etc/default/skiff$' "$build/install_manifest.txt" || fail "and nobody would remove them"
if command -v lintian >/dev/null; then
  run lintian --fail-on error --suppress-tags no-copyright-file,extended-description-is-empty "$deb"
fi

export deb work here
unshare --mount --net --pid --fork bash -euo pipefail -c '
  ip link set lo up
  mount --make-rprivate /
  mount -t tmpfs tmpfs "$work"/machine 2>/dev/null || { mkdir "$work/machine"; mount -t tmpfs tmpfs "$work/machine"; }
  mkdir "$work"/machine/{upper,work,root}
  mount -t overlay overlay -o "lowerdir=/,upperdir=$work/machine/upper,workdir=$work/machine/work" \
    "$work/machine/root" || exit 77
  root=$work/machine/root
  mount -t proc proc "$root/proc"
  mount --rbind /dev "$root/dev"
  mount -t tmpfs tmpfs "$root/run"
  mount -t tmpfs tmpfs "$root/tmp"
  mkdir -p "$root/root/e2e"
  cp "$deb" "$root/root/"
  cp "$here/package.sh" "$here/show.sh" "$root/root/e2e/"
  touch "$root/root/begun"
  rm -rf "$root/var/lib/skiff"
  chroot "$root" env -u KUBECONFIG HOME=/root PATH="$PATH" LC_ALL=C.UTF-8 \
    /root/e2e/package.sh --inside "/root/$(basename "$deb")" "${here%/*}"'
