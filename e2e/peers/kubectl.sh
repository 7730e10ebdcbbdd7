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

# go_kubectl DIRECTORY builds kubectl v1.35 from its Go module into DIRECTORY and prints its path.
# Prints nothing where there is no Go; where Go is too old or the modules cannot be had, it says so
# on stderr and prints nothing either. A binary that is there is not built again.
GO_KUBECTL_VERSION=v1.35.6
go_kubectl() {
  local directory=$1
  local binary=$directory/kubectl-1.35
  local source=${BASH_SOURCE[0]%/*}/kubectl135
  local version=k8s.io/component-base/version
  if [ ! -x "$binary" ]; then
    command -v go >/dev/null || return 0
    mkdir -p "$directory"
    # One package at a time and with low priority: a build of skiff may run beside it.
    if ! GOFLAGS=-p=1 GOTOOLCHAIN=local CGO_ENABLED=0 nice go build -C "$source" -trimpath \
      -buildvcs=false -ldflags "-s -w -X $version.gitVersion=$GO_KUBECTL_VERSION \
        -X $version.gitMajor=1 -X $version.gitMinor=35" -o "$(realpath "$directory")/kubectl-1.35" . \
      >"$directory/kubectl-1.35.log" 2>&1; then
      echo "kubectl $GO_KUBECTL_VERSION was not built: $(tail -n 1 "$directory/kubectl-1.35.log")" >&2
      return 0
    fi
    rm -f "$directory/kubectl-1.35.log"
  fi
  echo "$binary"
}
