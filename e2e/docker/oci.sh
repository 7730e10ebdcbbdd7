#!/usr/bin/env bash
# Makes the container image as an OCI archive, without a container engine: what the Dockerfile says, from what is built
# (build/release) and the package mirror.
#
#   e2e/docker/oci.sh [FILE]     build/skiff-oci.tar by default
#
# `docker load`, `podman load`, `ctr images import`, `skopeo copy oci-archive:FILE ...` and `skiff image load` take it. The
# same files give the same bytes. Root.
set -euo pipefail
file=$(realpath -m "${1:-$(dirname "$0")/../../build/skiff-oci.tar}")
[ "$(id -u)" = 0 ] || exec sudo -E "$0" "$file"
cd "$(dirname "$0")/../.."
. e2e/docker/env.sh
[ $# = 0 ] || [ -d "${file%/*}" ] || { echo "there is no folder ${file%/*}" >&2; exit 1; }
[ -x build/release/skiff ] || { echo "build/release/skiff is not built" >&2; exit 1; }
base=$(e2e/docker/base.sh --archive)
e2e/docker/stage.sh
work=$(mktemp -d build/oci.XXXXXX)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
root=$work/root
mkdir "$root"
# Devices are the runtime's to make.
tar -xf "$base" -C "$root" --exclude='./dev/*'
# The stage `root` of the Dockerfile.
install -D e2e/docker/strip.sh "$root/run/install/strip.sh"
chroot "$root" sh /run/install/strip.sh
rm -r "$root/run/install"
install -D build/image/skiff "$root/usr/local/bin/skiff"
install -D -m 644 -t "$root/usr/share/skiff/images" build/image/*.tar
mkdir -p "$root/etc/kubernetes"
cp -r manifests/master "$root/etc/kubernetes/manifests"
cp -r manifests/kubelet "$root/etc/kubernetes/kubelet"
ln -s skiff "$root/usr/local/bin/kubectl"
tar -C "$root" --sort=name --mtime=@0 --numeric-owner --format=gnu -cf "$work/layer.tar" .
rm -rf "$root"
python3 e2e/docker/oci_archive.py "$work/layer.tar" "$SKIFF_IMAGE:$SKIFF_VERSION" Dockerfile "$file"
echo "$file: $(($(stat -c %s "$file") / 1000000)) MB"
