# Sourced: a Docker engine to test with.
#   start_engine DIRECTORY    uses the engine that answers; where none does, starts one of our own with
#                             everything in DIRECTORY, and exports DOCKER_HOST
#   stop_engine               ends what start_engine started, and removes its chains, bridge and files
# Needs root to start one, and Debian's docker.io (DOCKER_PACKAGES in packages.sh).

engine_pid=

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

start_engine() {
  engine_dir=$1
  docker info >/dev/null 2>&1 && return 0
  mkdir -p "$engine_dir"
  engine_rules=$engine_dir/rules.before
  iptables-save >"$engine_rules"
  local flags=(--data-root="$engine_dir/data" --exec-root="$engine_dir/exec"
    --pidfile="$engine_dir/pid" -H "unix:///$engine_dir/docker.sock" --storage-driver overlay2
    --exec-opt native.cgroupdriver=cgroupfs)
  if ! has_sys_resource; then
    write_runc_wrapper "$engine_dir/runc"
    flags+=(--add-runtime "restricted=$engine_dir/runc" --default-runtime restricted)
  fi
  /usr/sbin/dockerd "${flags[@]}" >"$engine_dir/log" 2>&1 &
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
  [ -n "$engine_pid" ] || return 0
  kill "$engine_pid" 2>/dev/null && wait "$engine_pid" 2>/dev/null
  engine_pid=
  iptables-restore <"$engine_rules"
  ip link delete docker0 2>/dev/null || true
  # It leaves mounted what it named after its own network namespace.
  awk -v dir="$engine_dir/" 'index($2, dir) == 1 {print $2}' /proc/mounts | sort -r |
    while read -r mount; do umount "$mount" 2>/dev/null || true; done
  rm -rf "$engine_dir"
}
