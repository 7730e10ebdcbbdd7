#!/bin/sh
# Run while the image is built: removes what a node never starts. A build stage's file system is
# copied as a whole afterwards, so what goes here is gone.
set -e
cd /usr/bin && rm -f ctr containerd-stress containerd-shim containerd-shim-runc-v1
# What only the installation needed: nobody installs anything into the image, or asks there for certificates.
rm -rf /usr/bin/openssl /usr/bin/c_rehash /usr/bin/gpgv /usr/bin/localedef /var/lib/dpkg/info
cd /usr/lib/cni && for plugin in *; do
  case $plugin in host-local | loopback | portmap | ptp) ;; *) rm -f "$plugin" ;; esac
done
# Packages bring libraries that skiff does not link.
cd /usr/lib/*-linux-gnu && rm -f libperl.so* libdb-5*.so*
# Of apt's, which goes below: nothing else is linked with them.
rm -f libgnutls.so* libp11-kit.so* libunistring.so* libidn2.so* libnettle.so* libhogweed.so* libtasn1.so*
rm -rf /usr/share/doc /usr/share/man /usr/share/locale /usr/share/info /usr/share/lintian \
  /usr/share/perl* /usr/lib/*/perl* /usr/bin/perl* /usr/share/bash-completion \
  /var/lib/apt/lists /var/cache/apt /var/cache/debconf /var/log/* /usr/lib/*/libapt* /usr/bin/apt* \
  /usr/lib/apt /var/lib/apt /usr/lib/systemd /usr/lib/udev /usr/share/zoneinfo /usr/lib/*/gconv \
  /usr/share/terminfo /usr/lib/python3* /usr/share/python3
