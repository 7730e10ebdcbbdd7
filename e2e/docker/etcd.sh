#!/usr/bin/env bash
# Makes an image of Debian's etcd, for those who cannot pull one:
#   e2e/docker/etcd.sh NAME BASE      BASE: debian:12-slim, or what base.sh has made
#   e2e/docker/etcd.sh                only gets what that takes from the package mirror
# The programs are /usr/local/bin/etcd and etcdctl, where etcd's own images have them.
set -euo pipefail
cd "$(dirname "$0")/../.."
. e2e/packages.sh
directory=build/docker/etcd
if [ ! -x $directory/etcdctl ]; then
  rm -rf $directory
  mkdir -p $directory
  (
    cd $directory
    # Unpacked, not installed: the machine is not to run an etcd.
    apt-get download -qq etcd-server etcd-client >/dev/null 2>&1 ||
      { as_root apt-get update -qq && apt-get download -qq etcd-server etcd-client; } >/dev/null
    for package in etcd-*.deb; do dpkg-deb -x "$package" unpacked; done
    mv unpacked/usr/bin/etcd unpacked/usr/bin/etcdctl .
    rm -rf unpacked etcd-*.deb
  )
fi
[ $# = 2 ] || exit 0
docker build -q -t "$1" -f - $directory <<DOCKERFILE
FROM $2
COPY etcd etcdctl /usr/local/bin/
VOLUME /var/etcd/data
EXPOSE 2379
DOCKERFILE
