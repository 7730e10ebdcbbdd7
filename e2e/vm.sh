#!/usr/bin/env bash
# Runs scripts of this folder in a virtual machine as a user's is: Debian 12's own kernel with the
# modules that it loads by itself, systemd, cgroup v2. What namespaces share with the machine they are
# made on, they cannot show the lack of.
#
#   e2e/vm.sh [SCRIPT...]     demo.sh by default; docker.sh, faults.sh, ...
#
#   VM_MEMORY=6144 VM_MINUTES=90 VM_PACKAGES="apparmor"     MiB; at most; what else is installed
#
# Root. Takes what is built (the preset release) and keeps the packages' archive in build/vm. The machine
# reaches nothing but itself. Where there is no KVM it is emulated, which takes ten times as long. Ends
# with the first script's exit code that is not 0.
set -euo pipefail
cd "$(dirname "$0")/.."
. e2e/packages.sh
. e2e/browser/playwright.sh
[ "$(id -u)" = 0 ] || exec sudo -E "$0" "$@"
[ -x build/release/skiff ] || { echo "build/release/skiff is not built" >&2; exit 1; }
[ $# -gt 0 ] || set -- demo.sh
install_packages mmdebstrap qemu-system-x86 qemu-utils e2fsprogs zstd

work=build/vm
mkdir -p $work
scratch=$(mktemp -d $work/machine.XXXXXX)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM

# The machine as Debian makes it, with all that the scripts install.
packages="linux-image-amd64 systemd-sysv udev dbus ca-certificates sudo git ${VM_PACKAGES:-}
  ${BUILD_PACKAGES[*]} ${RUN_PACKAGES[*]} ${TEST_PACKAGES[*]} ${NODES_PACKAGES[*]} ${DOCKER_PACKAGES[*]}
  ${BROWSER_PACKAGES[*]} ${DNS_PACKAGES[*]}"
packages=$(echo $packages | tr ' ' ,)
archive=$work/base-$(echo "$packages" | sha256sum | head -c 12).tar
if [ ! -s "$archive" ]; then
  echo "Making a machine of Debian's packages"
  rm -f $work/base-*.tar
  mmdebstrap --quiet --format=tar --variant=important --include="$packages" bookworm "$archive.new"
  mv "$archive.new" "$archive"
fi
root=$scratch/root
mkdir "$root"
tar -x -f "$archive" -C "$root"

# How it runs, and how long a check of a script waits.
accel=(-accel tcg,thread=multi -cpu max)
check_seconds=300
if grep -qE '^flags.* (vmx|svm)( |$)' /proc/cpuinfo && [ -w /dev/kvm ]; then
  accel=(-accel kvm -cpu host)
  check_seconds=60
fi

# That machine reaches no PyPI.
make_playwright || true

# The tree where it is here: the build knows its path.
tree=$root$PWD
mkdir -p "$tree/build"
git ls-files -z --cached --others --exclude-standard | xargs -0 cp -a --parents -t "$tree"
for built in release peers docker; do
  [ ! -e build/$built ] || cp -a build/$built "$tree/build/"
done
echo '/dev/vda / ext4 defaults 0 1' >"$root/etc/fstab"
echo scratch >"$root/etc/hostname"
echo '127.0.0.1 localhost scratch' >"$root/etc/hosts"
printf '[Match]\nName=e*\n[Network]\nDHCP=yes\n' >"$root/etc/systemd/network/uplink.network"
for service in docker.service docker.socket containerd etcd unbound; do
  rm -f "$root"/etc/systemd/system/*.wants/"$service"*
done
cat >"$root/usr/local/sbin/run-scripts" <<SCRIPT
#!/bin/bash
stty -F /dev/ttyS1 raw
exec >/dev/ttyS1 2>&1 </dev/null
export HOME=/root LANG=C.UTF-8 CHECK_SECONDS=$check_seconds
cd "$PWD"
code=0
for script in $*; do
  e2e/\$script || { code=\$?; break; }
done
echo "exit code \$code"
sync
systemctl poweroff
SCRIPT
chmod +x "$root/usr/local/sbin/run-scripts"
cat >"$root/etc/systemd/system/run-scripts.service" <<'UNIT'
[Unit]
After=network-online.target
Wants=network-online.target
[Service]
ExecStart=/usr/local/sbin/run-scripts
KillMode=process
UNIT
for unit in systemd-networkd systemd-networkd-wait-online; do
  chroot "$root" systemctl -q enable $unit
done
mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
ln -s ../run-scripts.service "$root/etc/systemd/system/multi-user.target.wants/"
cp "$root"/boot/vmlinuz-* "$scratch/kernel"
cp "$root"/boot/initrd.img-* "$scratch/initrd"
truncate -s 24G "$scratch/disk"
mkfs.ext4 -q -d "$root" "$scratch/disk"
rm -rf "$root"

touch "$scratch/output"
timeout "${VM_MINUTES:-90}m" qemu-system-x86_64 "${accel[@]}" -smp "$(nproc)" -m "${VM_MEMORY:-6144}" \
  -kernel "$scratch/kernel" -initrd "$scratch/initrd" \
  -append 'root=/dev/vda rw console=ttyS0 panic=-1 net.ifnames=0' -no-reboot -display none \
  -drive "file=$scratch/disk,format=raw,if=virtio,cache=unsafe" \
  -netdev user,id=uplink,restrict=on -device virtio-net-pci,netdev=uplink \
  -serial "file:$scratch/console" -serial "file:$scratch/output" &
machine=$!
tail -n +1 -f --pid=$machine "$scratch/output"
wait $machine || true
code=$(sed -n 's/^exit code \([0-9]*\)$/\1/p' "$scratch/output" | tail -n 1)
[ -n "$code" ] || { tail -n 20 "$scratch/console"; echo "the machine ended before its scripts" >&2; }
exit "${code:-1}"
