# Sourced: the Composes that things are shown with.
#
# go_compose DIRECTORY builds Docker Compose v2 from its Go module into DIRECTORY and prints its path.
# Prints nothing where there is no Go; where Go is too old or the modules cannot be had, it
# says so on stderr and prints nothing either. A binary that is there is not built again.
GO_COMPOSE_VERSION=v2.40.3
go_compose() {
  local directory=$1
  local binary=$directory/compose-2.40
  local source=${BASH_SOURCE[0]%/*}/compose2
  local module=github.com/docker/compose/v2
  if [ ! -x "$binary" ]; then
    command -v go >/dev/null || return 0
    mkdir -p "$directory"
    # One package at a time and with low priority: a build of skiff may run beside it.
    if ! GOFLAGS=-p=1 GOTOOLCHAIN=local CGO_ENABLED=0 nice go build -C "$source" -trimpath \
      -buildvcs=false -ldflags "-s -w -X $module/internal.Version=$GO_COMPOSE_VERSION" \
      -o "$(realpath "$directory")/compose-2.40" $module/cmd >"$directory/compose-2.40.log" 2>&1; then
      echo "Compose $GO_COMPOSE_VERSION was not built: $(tail -n 1 "$directory/compose-2.40.log")" >&2
      return 0
    fi
    rm -f "$directory/compose-2.40.log"
  fi
  echo "$binary"
}

# choose_composes makes `composes` the commands there are, the newest first: $COMPOSE alone where that
# is set. Needs packages.sh.
choose_composes() {
  if [ -n "${COMPOSE:-}" ]; then composes=("$COMPOSE"); return; fi
  composes=()
  if docker compose version >/dev/null 2>&1; then
    composes=('docker compose')
  elif [ -x build/peers/compose-2.40 ]; then
    composes=("$PWD/build/peers/compose-2.40")
  fi
  [ ${#composes[@]} -gt 0 ] || install_packages docker-compose
  if command -v docker-compose >/dev/null; then composes+=(docker-compose); fi
}
