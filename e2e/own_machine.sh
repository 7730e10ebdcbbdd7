# Sourced, after show.sh and packages.sh, by scripts that take a whole machine for themselves.

# own_machine NAME DISK_SIZE SKIFF [ARGUMENT...]: the script goes on with these arguments on a machine
# of its own (e2e/machine.sh), where a cluster's directory $DATA (/run/skiff/data unless set) is a disk of that size. Ends with 77
# where such a machine cannot be had, and with show.sh's summary otherwise.
own_machine() {
  local name=$1 size=$2
  shift 2
  if [ "${SKIFF_MACHINE:-}" != "$name" ]; then
    install_packages "${RUN_PACKAGES[@]}" || exit 77
    SKIFF_MACHINE=$name exec e2e/machine.sh "$name" "$0" "$@"
  fi
  SKIFF=$1
  DATA=${DATA:-/run/skiff/data}
  export KUBECONFIG=$DATA/admin.kubeconfig
  mkdir -p "$DATA"
  mount -t tmpfs -o "size=$size" tmpfs "$DATA"
  trap 'tell_and_end $?' EXIT
  # What this machine lacks itself, no check can be made without.
  "$SKIFF" doctor --data-dir="$DATA" || exit 77
}

k() { "$SKIFF" "$@"; }
# What the command prints, whether or not it succeeds, matches.
says() { # PATTERN COMMAND...
  local pattern=$1 text
  shift
  text=$("$@" 2>&1) || true
  grep -qE -- "$pattern" <<<"$text" || { echo "$text"; return 1; }
}
not() { ! "$@"; }
event() { # OBJECT REASON MESSAGE-PATTERN
  says "$3" k get events --field-selector "involvedObject.name=$1,reason=$2" -o \
    jsonpath='{range .items[*]}{.message}{"\n"}{end}'
}

tell_and_end() { # CODE
  [ "$1" = 0 ] || tail -n 30 "$DATA/skiff.log" 2>/dev/null || true
  summary "$1"
}
