# Sourced: a Docker engine to show things with, which has the image.
#   need_engine "$@"    The script that calls this goes on with an engine that answers, ours or the
#                       user's, and with $SKIFF_IMAGE in it; or it ends with 77 where none can be had.
#
# Where no engine runs and this is root, one of our own is started, twice over one directory: first for
# the build, with the host's network but no bridge and no rules of its own; then for the script, which
# is started anew with it in namespaces of their own for network, mounts and processes. The host
# sees nothing of that engine, and whatever happens to the script, the kernel takes away what ran and
# what was mounted. What it needs is Debian's docker.io (DOCKER_PACKAGES in packages.sh).

# Where CAP_SYS_RESOURCE is out of reach `docker run --privileged` cannot grant it: it is left out.
write_runc_wrapper() {
  cat >"$1" <<'WRAPPER'
#!/bin/sh
bundle=. process=
previous=
for argument in "$@"; do
  case $previous in
    --bundle | -b) bundle=$argument ;;
    --process | -p) process=$argument ;;
  esac
  previous=$argument
done
for file in "$bundle/config.json" "$process"; do
  [ ! -f "$file" ] || sed -i 's/"CAP_SYS_RESOURCE",//g; s/,"CAP_SYS_RESOURCE"//g' "$file"
done
exec runc "$@"
WRAPPER
  chmod +x "$1"
}

has_sys_resource() {
  local bounding
  bounding=$(sed -n 's/^CapBnd:[[:space:]]*//p' /proc/self/status)
  [ $(((0x$bounding >> 24) & 1)) = 1 ]
}

# start_engine DIRECTORY [FLAG...]: everything of the engine lies in DIRECTORY; exports DOCKER_HOST.
start_engine() {
  engine_dir=$1; shift
  mkdir -p "$engine_dir"
  local flags=(--data-root="$engine_dir/data" --exec-root="$engine_dir/exec"
    --pidfile="$engine_dir/pid" -H "unix:///$engine_dir/docker.sock" --storage-driver overlay2
    --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent="/${engine_dir##*/}")
  if ! has_sys_resource; then
    write_runc_wrapper "$engine_dir/runc"
    flags+=(--add-runtime "restricted=$engine_dir/runc" --default-runtime restricted)
  fi
  dockerd "${flags[@]}" "$@" >"$engine_dir/log" 2>&1 &
  engine_pid=$!
  export DOCKER_HOST=unix://$engine_dir/docker.sock
  local until=$((SECONDS + 60))
  while ! docker info >/dev/null 2>&1; do
    if [ $SECONDS -ge $until ] || ! kill -0 "$engine_pid" 2>/dev/null; then
      echo "the Docker engine does not start:" >&2
      tail -n 20 "$engine_dir/log" >&2
      return 1
    fi
    read -rt 0.2 <> <(:) || true  # Nothing tells when its socket answers.
  done
}

stop_engine() {
  kill "$engine_pid" 2>/dev/null && wait "$engine_pid" 2>/dev/null || true
}

# with_engine PHASE DIRECTORY COMMAND...: COMMAND in namespaces with an engine. PHASE is build or show.
# 77 where namespaces or the engine cannot be had.
with_engine() {
  local phase=$1 directory=$2; shift 2
  local spaces=(--mount --pid --fork --kill-child --mount-proc)
  [ "$phase" = build ] || spaces+=(--net)
  unshare "${spaces[@]}" true 2>/dev/null || return 77
  unshare "${spaces[@]}" bash -c '
    set -euo pipefail
    . e2e/docker/engine.sh
    phase=$1 directory=$2; shift 2
    flags=(--bridge=none --iptables=false --ip-forward=false)
    if [ "$phase" = show ]; then
      flags=()
      ip link set lo up
    fi
    start_engine "$directory" "${flags[@]}" || exit 77
    code=0
    SKIFF_ENGINE=ours "$@" || code=$?
    stop_engine
    exit $code' engine "$phase" "$directory" "$@"
}

# The engine's containers had their cgroups below one of its own. Others' may go while they are looked
# through.
remove_engine() {
  local cgroup
  { find /sys/fs/cgroup -depth -type d -path "*/${1##*/}*" 2>/dev/null || true; } |
    while read -r cgroup; do rmdir "$cgroup" 2>/dev/null || true; done
  rm -rf "$1"
}

need_engine() {
  [ -z "${SKIFF_ENGINE:-}" ] || return 0
  if docker info >/dev/null 2>&1; then
    SKIFF_ENGINE=theirs e2e/docker/image.sh
    return
  fi
  if [ "$(id -u)" != 0 ]; then exec sudo -E "$0" "$@"; fi
  # Docker's own packages may be there instead of Debian's: then those stay.
  PATH=$PATH:/usr/sbin
  if command -v dockerd >/dev/null; then
    install_packages docker-compose mmdebstrap
  else
    install_packages "${DOCKER_PACKAGES[@]}"
  fi
  local code=0
  engine_home=$(mktemp -d "${TMPDIR:-/tmp}/skiff-engine.XXXXXX")
  trap 'remove_engine "$engine_home"' EXIT
  trap 'exit 130' INT TERM
  with_engine build "$engine_home" e2e/docker/image.sh || code=$?
  [ $code != 0 ] || with_engine show "$engine_home" "$0" "$@" || code=$?
  [ $code != 77 ] || echo "SKIPPED: no Docker engine runs here, and none can be started"
  exit $code
}
