#!/usr/bin/env bash
# Builds the conformance tests of Kubernetes v1.35 from their Go modules, and the images they run:
#
#   build.sh [e2e.test] [programs] [csi] [busybox] [kubectl] [images]     all of them when none is named
#
# CONFORMANCE  gets bin/, images/ and the unpacked Debian (${TMPDIR:-/tmp}/skiff-conformance)
# REPOSITORY   the checkout, for kubectl (the folder three above this one)
# CSI_SOURCES  clones (bare ones too) of kubernetes-csi's repositories, each under its name: the tests' CSI drivers and
#              sidecars are built from the tags that the tests name. Without it there are none
#
# Needs Go 1.25 or newer, gcc and mmdebstrap; all comes from the Go module proxy and from the package mirror.
# The first build takes half an hour of CPU and 4 GB; it runs with low priority.
set -euo pipefail
kit=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
REPOSITORY=${REPOSITORY:-$kit/../../..}
CONFORMANCE=${CONFORMANCE:-${TMPDIR:-/tmp}/skiff-conformance}
version=v1.35.6
coredns=v1.12.1
bin=$CONFORMANCE/bin
mkdir -p "$bin" "$CONFORMANCE/images"
export CGO_ENABLED=0 GOFLAGS=-mod=mod GOTOOLCHAIN=local
what=("$@")
[ $# -gt 0 ] || what=(e2e.test programs csi busybox kubectl images)

# Their version is what tests compare with the server's.
variables=k8s.io/component-base/version
flags="-s -w -X $variables.gitVersion=$version -X $variables.gitMajor=1 -X $variables.gitMinor=35 \
  -X $variables.gitTreeState=clean"
go_build() { nice -n 19 go build -C "$kit/e2e-test" -trimpath -ldflags "$flags" -o "$bin/$1" "$2"; }
sources() { go list -C "$kit/e2e-test" -m -f '{{.Dir}}' k8s.io/kubernetes; }


# Builds IMAGE (also the program's name) of kubernetes-csi's REPOSITORY into csi/IMAGE:TAG; TAG is the newest of images.list.
csi_program() { # REPOSITORY IMAGE [TAG]
  local tag=${3:-} tree
  [ -n "$tag" ] ||
    tag=$(sed -n "s|^registry.k8s.io/sig-storage/$2:||p" "$CONFORMANCE/images.list" | sort -V | tail -n 1)
  [ ! -x "$CONFORMANCE/csi/$2:$tag" ] || return 0
  if ! git -C "$CSI_SOURCES/$1" rev-parse --quiet --verify "$tag^{tree}" >/dev/null 2>&1; then
    echo "$2: left out, $CSI_SOURCES/$1 has no $tag" >&2
    return 0
  fi
  tree=$(mktemp -d)
  git -C "$CSI_SOURCES/$1" archive "$tag" | tar x -C "$tree"
  # Their vendor folders make them independent of any proxy.
  GOFLAGS=-mod=vendor nice -n 19 go build -C "$tree" -trimpath -ldflags "-s -w -X main.version=$tag" \
    -o "$CONFORMANCE/csi/$2:$tag" "./cmd/$2"
  rm -r "$tree"
}

for part in "${what[@]}"; do
  case $part in
    e2e.test)
      nice -n 19 go test -C "$kit/e2e-test" -vet=off -c -trimpath -ldflags "$flags" -o "$bin/e2e.test" \
        k8s.io/kubernetes/test/e2e
      "$bin/e2e.test" --list-images >"$CONFORMANCE/images.list"
      ;;
    programs)
      go_build agnhost k8s.io/kubernetes/test/images/agnhost
      go_build nonewprivs k8s.io/kubernetes/test/images/nonewprivs
      go_build sample-apiserver k8s.io/sample-apiserver
      go_build regression-issue-74839 k8s.io/kubernetes/test/images/regression-issue-74839
      go_build consumer k8s.io/kubernetes/test/images/resource-consumer
      go_build sample-device-plugin k8s.io/kubernetes/test/images/sample-device-plugin
      go_build consume-cpu k8s.io/kubernetes/test/images/resource-consumer/consume-cpu
      GOBIN=$bin nice -n 19 go install -trimpath -ldflags '-s -w' "github.com/coredns/coredns@$coredns"
      gcc -Os -static -DVERSION=3.10.1 -o "$bin/pause" "$(sources)/build/pause/linux/pause.c"
      ;;
    csi)
      [ -n "${CSI_SOURCES:-}" ] || { echo "no CSI_SOURCES: images of CSI drivers are left out" >&2; continue; }
      mkdir -p "$CONFORMANCE/csi"
      csi_program csi-driver-host-path hostpathplugin
      # Connects the tests of dynamic resource allocation with the node.
      csi_program csi-driver-host-path hostpathplugin v1.16.1
      csi_program external-provisioner csi-provisioner
      csi_program external-attacher csi-attacher
      csi_program external-resizer csi-resizer
      csi_program external-snapshotter csi-snapshotter
      csi_program external-health-monitor csi-external-health-monitor-controller
      csi_program node-driver-registrar csi-node-driver-registrar
      csi_program livenessprobe livenessprobe
      ;;
    busybox)
      # As upstream has it. Debian's shell prefers its own programs to those of the PATH and drops variables
      # whose names are no identifiers, and its wget crashes at --post-data.
      [ -x "$bin/busybox" ] && continue
      directory=$CONFORMANCE/busybox
      mkdir -p "$directory/lists"
      apt_source=(apt-get -qq -o "Dir::Etc::sourcelist=$directory/sources.list" -o Dir::Etc::sourceparts=-
        -o "Dir::State::lists=$directory/lists")
      apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Codename: bookworm' | sort -u | head -n 1 |
        sed 's|.*|deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] & bookworm main|' \
          >"$directory/sources.list"
      (
        cd "$directory"
        "${apt_source[@]}" update
        "${apt_source[@]}" source --download-only busybox 2>/dev/null
        mkdir -p source
        tar xjf busybox_*.orig.tar.bz2 -C source --strip-components 1
        cd source
        make defconfig
        # Its tc needs headers that newer kernels no longer have.
        sed -i 's/# CONFIG_STATIC is not set/CONFIG_STATIC=y/; s/CONFIG_TC=y/# CONFIG_TC is not set/' .config
        nice -n 19 make -j2 busybox
      ) >"$directory/log" 2>&1 || { tail "$directory/log" >&2; exit 1; }
      cp "$directory/source/busybox" "$bin/"
      ;;
    kubectl)
      . "$REPOSITORY/e2e/peers/kubectl.sh"
      (cd "$REPOSITORY" && go_kubectl "$bin")
      # A test copies it into a pod and looks for it under this name.
      ln -f "$bin/kubectl-1.35" "$bin/kubectl"
      ;;
    images)
      . "$REPOSITORY/e2e/packages.sh"
      install_packages mmdebstrap
      packages=bash,bind9-dnsutils,netcat-openbsd,curl,iproute2,libc-bin,iperf,etcd-server
      packages+=,coreutils,util-linux,mount,tar,socat,stress,perl-base
      [ "$(cat "$CONFORMANCE/debian.packages" 2>/dev/null)" = $packages ] || {
        nice mmdebstrap --quiet --format=tar --variant=extract --include=$packages bookworm "$CONFORMANCE/debian.tar.new"
        mv "$CONFORMANCE/debian.tar.new" "$CONFORMANCE/debian.tar"
        echo $packages >"$CONFORMANCE/debian.packages"
      }
      listed=()
      [ ! -s "$CONFORMANCE/images.list" ] || listed=(--listed "$CONFORMANCE/images.list")
      "$kit/images.py" --programs "$bin" --tools "$CONFORMANCE/debian.tar" --kubernetes "$(sources)" \
        --csi "$CONFORMANCE/csi" --out "$CONFORMANCE/images" "${listed[@]}"
      ;;
    *) echo "build.sh: what is $part?" >&2; exit 64 ;;
  esac
done
