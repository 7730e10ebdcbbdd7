# Sourced: go_compose DIRECTORY builds Docker Compose v2 from its Go module into DIRECTORY and prints
# its path. Prints nothing where there is no Go; where Go is too old or the modules cannot be had, it
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
