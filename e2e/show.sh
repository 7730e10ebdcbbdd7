# Sourced by the scripts that show something: what is typed, what is checked, and the last line.
steps=0
failure= # What failed first.
# Where nothing says so in words: the line of the script that the command is in.
set -E
# Whoever is ended has not shown all; without this, how the last command ended would count.
trap 'failure="a signal ended it"; exit 143' TERM HUP
trap 'failure="a signal ended it"; exit 130' INT
trap 'failure=${failure:-$(line_that_failed "${BASH_LINENO[@]}" "$LINENO")}' ERR
line_that_failed() { # LINE...: from the innermost function to the script, and where the trap was
  local line=$1
  [ $# -lt 3 ] || line=${*: -3:1}
  [ $# -gt 2 ] || line=${*: -1}
  printf 'line %s: %s' "$line" "$(sed -n "${line}{s/^ *//;p}" "$0")"
}

say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
# Shows a command as it is typed, and runs it.
run() { printf '\n$ %s\n' "$*"; "$@"; }
fail() { failure=$*; echo "FAILED: $*" >&2; exit 1; }
# check TEXT COMMAND...: the command must succeed within CHECK_SECONDS (60).
check() {
  local text=$1; shift
  local until=$((SECONDS + ${CHECK_SECONDS:-60}))
  while ! "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $until ] || { "$@" || true; fail "$text"; }
    read -rt 0.2 <> <(:) || true
  done
  steps=$((steps + 1))
  echo "   ok: $text"
}
# summary CODE: the truth, and the exit code.
summary() {
  if [ "$1" = 0 ]; then
    printf '\nAll is shown: %d checks passed, nothing is left behind.\n' "$steps"
  else
    printf '\nFAILED after %d checks. %s\n' "$steps" "$failure"
  fi
  exit "$1"
}
