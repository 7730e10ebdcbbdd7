#!/bin/sh
# Writes what shells and man are given, from what the program says of itself:
#   packaging/manuals.sh SKIFF DIRECTORY
#   -> DIRECTORY/share/man/man1/skiff.1.gz, skiff-WORD.1.gz; completions of bash, zsh and fish
# The same program gives the same bytes.
set -eu
skiff=$(realpath "$1")
out=$2
man=$out/share/man/man1
rm -rf "$out/share"
mkdir -p "$man" "$out/share/bash-completion/completions" "$out/share/zsh/vendor-completions" \
  "$out/share/fish/vendor_completions.d"
"$skiff" completion bash > "$out/share/bash-completion/completions/skiff"
"$skiff" completion zsh > "$out/share/zsh/vendor-completions/_skiff"
"$skiff" completion fish > "$out/share/fish/vendor_completions.d/skiff.fish"

# Nobody's cluster, files, aliases and plugins are asked: skiff sees no PATH.
HOME='~' KUBECONFIG=/nonexistent KUBERC=off KUBECTL_KUBERC=false
export HOME KUBECONFIG KUBERC KUBECTL_KUBERC
program=$skiff
skiff() { PATH=/nonexistent "$program" "$@"; }
skiff=skiff
version=$("$skiff" --version)
general=$("$skiff" --help)
words=$("$skiff" __complete '' | sed 's/\t.*//; /^:/d; /^-/d; /^_/d' | sort -u)

# What roff would read as its own.
escaped() { sed -e 's/\\/\\e/g' -e "s/^\\([.']\\)/\\\\\\&\\1/" -e 's/-/\\-/g'; }

page() { # NAME TITLE SYNOPSIS; the text on standard input
  {
    printf '.TH "%s" 1 "" "%s" "skiff"\n' "$(printf %s "$1" | tr 'a-z' 'A-Z')" "$version"
    printf '.SH NAME\n%s \\- %s\n' "$(printf %s "$1" | escaped)" "$(printf '%s\n' "$2" | escaped)"
    printf '.SH SYNOPSIS\n.B %s\n.SH DESCRIPTION\n.nf\n' "$(printf '%s\n' "$3" | escaped)"
    escaped
    printf '.fi\n.SH "SEE ALSO"\n'
    if [ "$1" = skiff ]; then
      printf '%s\n' "$words" | sed 's/.*/.BR skiff-& (1),/; s/-/\\-/g; $s/,$//'
    else
      printf '.BR skiff (1)\n'
    fi
  } | gzip -9n > "$man/$1.1.gz"
}

# What WORDS say of themselves; then each verb that they list, where it says something else.
helps() { # DEPTH WORDS...
  local depth=$1 own verb
  shift
  own=$("$skiff" "$@" --help 2>&1)
  printf '%s\n' "$own"
  [ "$depth" -gt 0 ] || return 0
  for verb in $(printf '%s\n' "$own" | sed -n 's/^  \([a-z][a-z-]*\)\( .*\)\{0,1\}$/\1/p' | sort -u); do
    if "$skiff" "$@" "$verb" --help >"$out/verb" 2>/dev/null && [ "$(cat "$out/verb")" != "$own" ]; then
      printf '\n\n%s\n\n' "skiff $* $verb"
      helps $((depth - 1)) "$@" "$verb"
    fi
  done
}

printf '%s\n' "$general" |
  page skiff 'a Kubernetes control plane, node agent and service proxy in one program' \
    'skiff WORD [arguments]'
for word in $words; do
  # What the general help says of it, where it does.
  title=$(printf '%s\n' "$general" | sed -n "s/^  *$word   *\\([^ ].*[^.]\\)\\.*$/\\1/p" | head -n 1)
  # The verbs of kubectl have pages of their own, as those of skiff.
  depth=2
  [ "$word" != kubectl ] || depth=0
  helps "$depth" "$word" | page "skiff-$word" "${title:-$word, of skiff}" "skiff $word [arguments]"
done
rm -f "$out/verb"
