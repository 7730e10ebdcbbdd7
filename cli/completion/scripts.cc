// Each script asks with the words up to the cursor, and reads candidates, a line each with an
// optional description behind a tab, and ":N" at the end: cobra's protocol, so that a script of
// kubectl's works with us, and these with kubectl.
#include "cli/completion/scripts.h"

#include <algorithm>

namespace skiff::cli {
namespace {

// The words are cut at blanks alone: bash also cuts at "=" and ":", and replaces what follows the
// last of those. Nothing that was typed is evaluated.
constexpr char kBash[] =
    R"sh(# bash completion for PROGRAM                           -*- shell-script -*-
__PROGRAM_complete() {
  local typed=${COMP_LINE:0:COMP_POINT} current directive=0 line words=() found=()
  read -r -a words <<<"$typed"
  case $typed in *[[:blank:]]) words+=('') ;; esac
  current=${words[${#words[@]}-1]}
  COMPREPLY=()
  # The word may be an alias; with a folder it is a file.
  local program=PROGRAM
  case ${words[0]} in */*) program=${words[0]} ;; esac
  while IFS= read -r line; do
    case $line in
      :[0-9]*) directive=${line#:} ;;
      *) found+=("${line%%$'\t'*}") ;;
    esac
  done < <("$program" __complete "${words[@]:1}" 2>/dev/null)
  ((directive & 1)) && return
  if type compopt >/dev/null 2>&1; then
    ((directive & 2)) && compopt -o nospace
    ((directive & 4)) && compopt +o default
    ((directive & 32)) && compopt -o nosort 2>/dev/null
  fi
  case $current in -*=*) current=${current#*=} ;; esac
  if ((directive & 16)); then
    compopt -o filenames 2>/dev/null
    while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -d -- "$current")
    return
  fi
  if ((directive & 8)); then
    compopt -o filenames 2>/dev/null
    while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -d -- "$current")
    local ending
    for ending in "${found[@]}"; do
      while IFS= read -r line; do COMPREPLY+=("$line"); done \
        < <(compgen -f -X "!*.$ending" -- "$current")
    done
    return
  fi
  local behind=
  if [[ $COMP_WORDBREAKS == *:* && $current == *:* ]]; then
    behind=${current%"${current##*:}"}
  fi
  # Whoever named an object may have meant the shell to run it.
  for line in "${found[@]}"; do
    case $line in "$current"*) line=${line#"$behind"} ;; *) continue ;; esac
    case $line in *[!A-Za-z0-9_./:=,@%+-]*) printf -v line %q "$line" ;; esac
    COMPREPLY+=("$line")
  done
}
complete -o default -F __PROGRAM_complete PROGRAM
)sh";

constexpr char kZsh[] = R"sh(#compdef PROGRAM
compdef _PROGRAM PROGRAM
# zsh completion for PROGRAM                              -*- shell-script -*-
_PROGRAM() {
  local -a lines found
  local line directive=0 program=PROGRAM
  [[ ${words[1]} == */* ]] && program=${words[1]}
  lines=("${(@f)$("$program" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  for line in "${lines[@]}"; do
    case $line in
      :<->) directive=${line#:} ;;
      ?*) found+=("${${line//:/\\:}/$'\t'/:}") ;;
    esac
  done
  (( directive & 1 )) && return 1
  [[ $PREFIX == -*=* ]] && compset -P '*='
  if (( directive & 16 )); then
    _files -/
    return
  fi
  if (( directive & 8 )); then
    _files -g "*.(${(j:|:)found})"
    return
  fi
  local -a options
  (( directive & 2 )) && options+=(-S '')
  (( directive & 32 )) && options+=(-V unsorted)
  if (( $#found )); then
    _describe 'completions' found "${options[@]}" && return 0
  fi
  (( directive & 4 )) || _files
}
# Where this file is loaded by its name, it is the function itself.
if [ "$funcstack[1]" = "_PROGRAM" ]; then
  _PROGRAM "$@"
fi
)sh";

constexpr char kFish[] =
    R"sh(# fish completion for PROGRAM                             -*- shell-script -*-
function __PROGRAM_complete
    set -l before (commandline -opc)
    set -l current (commandline -ct)
    set -l lines ($before[1] __complete $before[2..-1] "$current" 2>/dev/null)
    set -l directive 0
    set -l found
    for line in $lines
        if string match -qr '^:[0-9]+$' -- $line
            set directive (string sub -s 2 -- $line)
        else
            set found $found $line
        end
    end
    # A value behind "=" is the whole word here.
    set -l prefix (string match -r -- '^-[^=]*=' $current)
    if test (math "bitand($directive, 1)") -ne 0
        return
    end
    if test (math "bitand($directive, 16)") -ne 0
        __fish_complete_directories $current
        return
    end
    if test (math "bitand($directive, 8)") -ne 0
        for ending in $found
            __fish_complete_suffix ".$ending"
        end
        return
    end
    for line in $found
        echo "$prefix$line"
    end
    if test (count $found) -eq 0; and test (math "bitand($directive, 4)") -eq 0
        __fish_complete_path $current
    end
end
complete -c PROGRAM -e
complete -c PROGRAM -f -k -a '(__PROGRAM_complete)'
)sh";

}  // namespace

std::string CompletionScript(std::string_view shell, std::string_view program) {
  constexpr std::string_view kPlace = "PROGRAM";
  std::string text = shell == "bash" ? kBash : shell == "zsh" ? kZsh : shell == "fish" ? kFish : "";
  for (size_t at = text.find(kPlace); at != text.npos; at = text.find(kPlace, at)) {
    text.replace(at, kPlace.size(), program);
    at += program.size();
  }
  return text;
}

}  // namespace skiff::cli
