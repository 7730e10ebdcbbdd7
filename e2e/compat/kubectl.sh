#!/usr/bin/env bash
# Runs the lines of kubectl/*.commands by a stock kubectl and by skiff's verbs, each against a
# server of its own, and prints where standard output, standard error or exit codes differ. Times,
# ages, uids and the like are masked. Every line must agree but those that kubectl/differing-RELEASE.txt
# names below the reason why (as "FILE: LINE"), and those must differ (VERBOSE=1 shows how); of a release without such a
# file nothing is held to.
#
#   e2e/compat/kubectl.sh SKIFF [FILE-PREFIX...]     KUBECTL=path chooses the kubectl (default:
#                                    v1.35 where there is Go, else Debian's); UPDATE=1 takes out of that file what agrees by
#                                    now, and adds what does not any more, for somebody to say why; ONLY=text runs just the
#                                    lines with that text, NAMED=1 just those that the file names (and those marked as
#                                    needed: "!")
set -euo pipefail
skiff=$(realpath "$1"); shift
here=$(realpath "$(dirname "$0")")
root=$(realpath "$here/../..")
. "$root/e2e/packages.sh"
. "$root/e2e/peers/kubectl.sh"
kubectl=${KUBECTL:-$(go_kubectl "$root/build/peers")}
kubectl=${kubectl:-$(debian_kubectl "$root/build/peers")}
minor=$("$kubectl" version --client -o json | sed -n 's/.*"gitVersion": "v\(1\.[0-9]*\).*/\1/p' | head -1)
work=$(mktemp -d "${TMPDIR:-/tmp}/skiff-kubectl-XXXXXX")
cleanup() {
  for name in theirs ours; do
    [ ! -d "$work/$name/data" ] || "$skiff" down --data-dir="$work/$name/data" >/dev/null 2>&1 || true
  done
  rm -rf "$work"
}
trap cleanup EXIT
mkdir -p "$work/ours-bin" "$work/theirs-bin"
ln -s "$skiff" "$work/ours-bin/kubectl"
ln -s "$(realpath "$kubectl")" "$work/theirs-bin/kubectl"

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# start NAME: a new cluster of three simulated nodes below $work/NAME, in place of the one that was there; its
# port goes to $port.
start() {
  [ ! -d "$work/$1/data" ] || "$skiff" down --data-dir="$work/$1/data" >/dev/null 2>&1 || true
  rm -rf "${work:?}/$1"
  port=${PORT:-$(free_port)}
  [ -z "${PORT:-}" ] || PORT=$((PORT + 1))
  mkdir -p "$work/$1/home"
  "$skiff" up --nodes=3 --data-dir="$work/$1/data" --bind-address=127.0.0.1 \
    --secure-port="$port" >"$work/$1/log" 2>&1 || { echo "no cluster came up:"; cat "$work/$1/log"; exit 1; }
}

# mask NAME PORT: what may differ between two clusters at two moments. Columns that are as wide as an
# address or an age are told apart by one space.
mask() {
  sed -E \
    -e 's/kube-api-access-[a-z0-9]{5}/kube-api-access-RAND/g' \
    -e 's#(-data": ")[A-Za-z0-9+/=]{40,}#\1DATA#' \
    -e "s#127\.0\.0\.1:$2#SERVER#g; s#$work/$1#WORK#g; s/\b$2\b/PORT/g" \
    -e 's/[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z/TIME/g' \
    -e 's/(Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} [+-][0-9]{4}/TIME/g' \
    -e 's/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/UID/g' \
    -e 's/resourceVersion(\\?"?: ?\\?"?)[0-9]+/resourceVersion\1N/g; s/10\.(0|96)\.[0-9]+\.[0-9]+/CLUSTERIP/g' \
    -e 's/10\.[0-9]+\.[0-9]+\.[0-9]+/PODIP/g' \
    -e 's/-[0-9a-f]{8,10}-[a-z0-9]{5}\b/-HASH-RAND/g; s/-[0-9a-f]{8,10}\b/-HASH/g' \
    -e 's/(pod-template-hash[=:"]+ ?"?)[0-9a-f]{8,10}/\1HASH/g' \
    -e 's/(controller-revision-hash[=:"]+ ?"?)[0-9a-z]{8,10}/\1HASH/g' \
    -e 's/\b([0-9]+[smhd])+( ago)?\b( +)?/AGE /g; s/ +$//; s/^[EWI][0-9]{4} .*//' \
    -e 's/\bnode-[0-9]\b/NODE/g; s/\b1736[0-9]\b|\b[3-6][0-9]{4}\b/PORT /g' \
    -e 's#fake://[0-9a-f]{32}#CONTAINER#g; s/X509SHA256=[0-9a-f]+/X509SHA256=HASH/g; s#^[A-Za-z0-9+/=]{40,64}$#PEM#' \
    -e 's/Resource Version:( +)[0-9]+/Resource Version:\1N/; s#/(LIVE|MERGED)-[A-Za-z0-9]+#/\1#g; s/\bg-[a-z0-9]{5}\b/g-RAND/g' \
    -e 's#[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:.]+ \+0000( UTC)?#TIME#g; s#kubectl-[0-9.]*-?edit-[A-Za-z0-9]+#EDITED#g; s/:1[0-9]{4}\b/:PORT/g; s/\b173[0-9]{2}\b/PORT/g' \
    -e 's/\(x[0-9]+ over /(xN over /' \
    -e 's/\b(debugger|node-1|NODE)-[bcdfghjklmnpqrstvwxz2456789]{5}\b/\1-RAND/g' \
    -e 's/\beyJ[A-Za-z0-9_.-]+/TOKEN/g; s/\b(node|web|rc|rs|ds|job|sts|headless|ports)-[bcdfghjklmnpqrstvwxz2456789]{5}\b/\1-RAND/g' \
    -e '/AGE|CLUSTER-?IP|PODIP|RAND/ s/ {2,}/  /g'
}

# run NAME LINE: output, errors and exit code below $work/NAME.
run() {
  local name=$1 line=$2 program=$work/$1-bin/kubectl status=0
  ( cd "$here/kubectl"
    kubectl() { timeout --foreground 40 "$program" "$@"; }  # For what waits, and was not to.
    export PATH=$work/$name-bin:$PATH
    export KUBECONFIG=$work/$name/data/admin.kubeconfig HOME=$work/$name/home TZ=UTC SCRATCH=$work/$name/home
    export PAGER=cat KUBE_EDITOR=${KUBE_EDITOR:-false} program
    eval "$line" ) >"$work/$name/out" 2>"$work/$name/err" </dev/null || status=$?
  echo "$status" >"$work/$name/code"
}

prefixes=("$@")
[ ${#prefixes[@]} -gt 0 ] || prefixes=("")
list=$here/kubectl/differing-$minor.txt
declare -A named=()
if [ -e "$list" ]; then
  while IFS= read -r line; do
    case $line in ''|'#'*) ;; *) named[$line]=1 ;; esac
  done <"$list"
fi
new=() gone=()
lines=0 agreeing=0
for prefix in "${prefixes[@]}"; do
  for file in "$here"/kubectl/"$prefix"*.commands; do
    # Each file has clusters of its own: what another one has left is nothing that it may stand on.
    start theirs; their_port=$port
    start ours; our_port=$port
    declare -A times=()
    while IFS= read -r line; do
      case $line in ''|'#'*) continue ;; esac
      # A line that is there more than once is named by which time it is.
      times[$line]=$((${times[$line]:-0} + 1))
      name="$(basename "$file" .commands): $line"
      [ "${times[$line]}" = 1 ] || name="$name  # ${times[$line]}"
      needed=
      case $line in '! '*) needed=1; line=${line#! } ;; esac
      if [ -n "${ONLY:-}" ] && [ -z "$needed" ] && [[ $line != *"$ONLY"* ]]; then continue; fi
      if [ -n "${NAMED:-}" ] && [ -z "$needed" ] && [ -z "${named[$name]:-}" ]; then continue; fi
      run theirs "$line"; run ours "$line"
      [ -z "$needed" ] || continue
      lines=$((lines + 1))
      for part in out err code; do
        mask theirs "$their_port" <"$work/theirs/$part" >"$work/theirs/$part.masked"
        mask ours "$our_port" <"$work/ours/$part" >"$work/ours/$part.masked"
      done
      if cmp -s "$work/theirs/out.masked" "$work/ours/out.masked" &&
         cmp -s "$work/theirs/err.masked" "$work/ours/err.masked" &&
         cmp -s "$work/theirs/code.masked" "$work/ours/code.masked"; then
        agreeing=$((agreeing + 1))
        [ -z "${named[$name]:-}" ] || { gone+=("$name"); echo "== agrees by now: $name"; }
        continue
      fi
      if [ -n "${named[$name]:-}" ]; then
        [ -n "${VERBOSE:-}" ] || continue
      else
        new+=("$name")
      fi
      echo "== $name"
      for part in out err code; do
        diff -u --label "kubectl $part" --label "skiff $part" \
          "$work/theirs/$part.masked" "$work/ours/$part.masked" | sed 's/^/   /' || true
      done
    done <"$file"
    unset times
  done
done
echo "$agreeing of $lines lines agree with kubectl $minor"
[ -e "$list" ] || exit 0
if [ "${UPDATE:-}" = 1 ]; then
  printf '%s\n' "${gone[@]}" >"$work/gone"
  grep -vxFf <(grep . "$work/gone") "$list" >"$work/list" || true
  [ ${#new[@]} = 0 ] || { echo "# Nobody has said why yet."; printf '%s\n' "${new[@]}"; } >>"$work/list"
  cp "$work/list" "$list"
  exit 0
fi
echo "of those that do not, ${#new[@]} should; of those that do, ${#gone[@]} should not"
[ ${#new[@]} = 0 ] && [ ${#gone[@]} = 0 ]
