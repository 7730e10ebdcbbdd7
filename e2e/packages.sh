# Sourced by demo.sh and test.sh: installs the Debian packages that are missing, and says which.
# install_packages NAME... needs root or sudo only when something is missing.

BUILD_PACKAGES=(build-essential cmake ninja-build ccache mold pkg-config ca-certificates
  libcpp-httplib-dev libssl-dev nlohmann-json3-dev libyaml-cpp-dev libyaml-dev librocksdb-dev
  libgrpc++-dev protobuf-compiler protobuf-compiler-grpc libprotobuf-dev libexpected-dev
  libspdlog-dev libfmt-dev libcli11-dev prometheus-cpp-dev libre2-dev libwslay-dev libnghttp2-dev
  libsodium-dev libldns-dev libnl-3-dev libnl-route-3-dev libjemalloc-dev zlib1g-dev libgtest-dev
  libgmock-dev libbenchmark-dev)
# What Debian has for this processor alone.
[ "$(dpkg --print-architecture)" != amd64 ] || BUILD_PACKAGES+=(libipsec-mb-dev)
RUN_PACKAGES=(containerd runc containernetworking-plugins iptables nftables conntrack ipset iproute2
  haproxy busybox-static curl procps python3 openssl)
# For tests alone: the etcd that the second store is tested on.
TEST_PACKAGES=(etcd-server)
# For e2e/nodes.sh, beside RUN_PACKAGES: to make a machine with another clock.
NODES_PACKAGES=(gcc libc6-dev)
# For e2e/docker.sh where no Docker engine is there.
DOCKER_PACKAGES=(docker.io docker-compose mmdebstrap)
# For e2e/tour.sh docker: to look at packets with.
TOUR_PACKAGES=(tcpdump iputils-ping)
# For e2e/fuzz.sh alone.
FUZZ_PACKAGES=(clang-16 libclang-rt-16-dev)
# For e2e/browser alone: a browser is large.
BROWSER_PACKAGES=(chromium fonts-dejavu-core python3 python3-venv)
# For e2e/completion.sh.
SHELL_PACKAGES=(zsh fish)
# What e2e/dns.sh and e2e/bench/dns.sh ask with, forward to and compare with.
DNS_PACKAGES=(bind9-dnsutils dnsperf unbound)

# What a container image needs to run skiff: the libraries that stay shared (cmake/toolchain.cmake), and what a
# node starts.
IMAGE_PACKAGES=(libspdlog1.10 libfmt9 libwslay1 libcpp-httplib0.11 libssl3 zlib1g
  containerd runc containernetworking-plugins iptables nftables iproute2 conntrack haproxy procps)

# Keeps the environment: scripts are steered by variables.
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo -E "$@"; fi
}

# Of what apt-get says: which package of how many is fetched or set up, every tenth of them.
show_installed() { # TOTAL
  local fetched=0 installed=0 line
  while IFS= read -r line; do
    case $line in
      Get:*) fetched=$((fetched + 1))
        [ $((fetched % 10)) != 0 ] || echo "[$fetched of $1 fetched]" ;;
      "Setting up "*) installed=$((installed + 1))
        [ $((installed % 10)) != 0 ] || echo "[$installed of $1 installed]" ;;
    esac
  done
}

install_packages() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' || missing+=("$package")
  done
  [ ${#missing[@]} = 0 ] && return 0
  echo "Installing missing Debian packages: ${missing[*]}"
  as_root apt-get update -qq || return 1
  # Packages of servers (containerd, etcd) must not start them: what runs here is started by us.
  local policy=/usr/sbin/policy-rc.d code=0
  [ -e $policy ] && policy= || printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null
  [ -z "$policy" ] || as_root chmod +x $policy
  local total
  total=$(apt-get install -s --no-install-recommends "${missing[@]}" | grep -c '^Inst ') || true
  (set -o pipefail; as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q \
    --no-install-recommends "${missing[@]}" | show_installed "$total") || code=1
  [ -z "$policy" ] || as_root rm -f $policy
  return $code
}
