# Sourced: debian_kubectl DIRECTORY puts Debian's kubectl (1.20) into DIRECTORY and prints its path.
# The package is unpacked, not installed: it may not displace a kubectl of the user's.
debian_kubectl() {
  local directory=$1
  local binary=$directory/kubectl-1.20
  if [ ! -x "$binary" ]; then
    mkdir -p "$directory"
    (
      cd "$directory"
      apt-get download -qq kubernetes-client >/dev/null 2>&1 ||
        { as_root apt-get update -qq && apt-get download -qq kubernetes-client; } >/dev/null
      dpkg-deb -x kubernetes-client_*.deb unpacked
      cp unpacked/usr/bin/kubectl kubectl-1.20
      rm -rf unpacked kubernetes-client_*.deb
    ) || return 1
  fi
  echo "$binary"
}
