# Sourced: what checks are made of (e2e/show.sh): whether something comes true, and what a command says.

until_true() { # SECONDS COMMAND...
  local until=$((SECONDS + $1)); shift
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $until ] || { echo "did not come true: $*" >&2; return 1; }
    read -rt 0.05 <> <(:) || true
  done
}
has() { # TEXT COMMAND...: it prints that, and may fail
  local text=$1 out; shift
  out=$("$@" 2>&1) || true
  grep -qF -- "$text" <<<"$out" || { echo "$out"; return 1; }
}
lacks() { # TEXT COMMAND...: it succeeds, and does not print that
  local text=$1 out; shift
  out=$("$@" 2>&1) || { echo "$out"; return 1; }
  ! grep -qF -- "$text" <<<"$out" || { echo "$out"; return 1; }
}
hears_nothing_of() { ! has "$@" >/dev/null; } # TEXT COMMAND...: which may fail
is() { # TEXT COMMAND...: it prints that and nothing else
  [ "$("${@:2}")" = "$1" ]
}
not() { ! "$@"; }
