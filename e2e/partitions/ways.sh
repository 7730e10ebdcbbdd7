# Sourced: the ways in which three sides, each a server and a member of etcd, are cut apart, and what docs/partitions.md
# promises of each. The sides are three machines of namespaces (40-servers.sh) or pairs of containers (e2e/docker/cuts.sh);
# whoever sources this has
#   servers                     an array of their names
#   shared                      a directory for what is heard
#   at NAME ARGUMENT...         skiff's own kubectl, which asks the server of that side there, for ${ANSWER:-4s}
#   is_leader NAME              whether its member leads
#   break_link ON FROM FLAG...  cuts two sides apart, at the end of the first one; --direction=out: what it sends
#   mend NAME...                ends all that was cut at that end
#   lose_power, give_power NAME     all of that side ends without notice, and starts over its disk
# and has made the ConfigMap `written`.

reads_at() { at "$1" get configmap written -o 'jsonpath={.data.by}'; }
# As informers begin: kube-apiserver answers that from its cache.
reads_old_at() { at "$1" get --raw '/api/v1/namespaces/default/configmaps/written?resourceVersion=0'; }
writes_at() { at "$1" patch configmap written --type=merge -p "{\"data\": {\"by\": \"$2\"}}"; } # NAME VALUE
ready_at() { at "$1" get --raw /readyz; }
go_on() { local name; for name in "$@"; do reads_at "$name" >/dev/null && writes_at "$name" "$name" || return 1; done; }
refuses() { # NAME
  local read write
  reads_at "$1" &
  read=$!
  writes_at "$1" nobody &
  write=$!
  not wait $read && not wait $write
}
# Each of them, asked at once: every one takes the whole time that it is given.
all_refuse() { # NAME...
  local name job failed=0
  local -a jobs=()
  for name in "$@"; do
    refuses "$name" &
    jobs+=($!)
  done
  for job in "${jobs[@]}"; do wait "$job" || failed=1; done
  return $failed
}
leader_among() { local name; for name in "$@"; do if is_leader "$name"; then echo "$name"; return 0; fi; done; return 1; }
# In $leader: who leads may be being chosen.
led() { leader=$(leader_among "${servers[@]}"); }
# And in $rest the others.
find_leader() {
  check "etcd has a leader" led
  mapfile -t rest < <(others "$leader")
}
others() { local name; for name in "${servers[@]}"; do [ "$name" = "$1" ] || echo "$name"; done; }
# Of what clients wrote down: whether it could have happened one after the other.
check_linearizable() { # NAME AT-LEAST FILE...
  local verdict
  verdict=$(python3 -B e2e/linearizable.py "--at-least=$2" "${@:3}") || fail "$1: $verdict"
  steps=$((steps + 1))
  echo "   ok: what all clients saw is linearizable: $verdict"
}

cut_off_and_back() { # NAME
  local name
  local -a rest
  mapfile -t rest < <(others "$1")
  # On the side that is cut off somebody watches, as long as that machine has power.
  at_for_ever "$1" get configmap written -w -o 'jsonpath={.data.by}{"\n"}' </dev/null >"$shared/watched-$1" 2>/dev/null &
  check "somebody watches on $1" grep -q . "$shared/watched-$1"
  # Made by those who still hear each other.
  for name in "${rest[@]}"; do break_link "$name" "$1"; done
  local began=$SECONDS
  check "${rest[*]}: two members of three; both servers read and write" go_on "${rest[@]}"
  echo "   $((SECONDS - began)) s after the cut"
  check "${rest[0]} writes something new" writes_at "${rest[0]}" "meanwhile-$1"
  # Who has more patience is told why, in the end; that is waited for meanwhile.
  ANSWER=30s reads_at "$1" >"$shared/told-$1" 2>&1 &
  local patient=$!
  check "$1: its server neither reads nor writes" refuses "$1"
  check "  is not ready" not ready_at "$1"
  wait $patient || true
  check "  and says why" told_why "$1"
  check "  who is content with what is old (resourceVersion=0) is given it" reads_old_at "$1"
  check "  and not what was written meanwhile" lacks "meanwhile-$1" reads_old_at "$1"
  check "  a list as well" has written at "$1" get --raw '/api/v1/namespaces/default/configmaps?resourceVersion=0'
  check "who watches there hears nothing of what is written meanwhile" not grep -q "meanwhile-$1" "$shared/watched-$1"
  mend "${rest[@]}"
  began=$SECONDS
  check "the cut is over: $1 reads what was written meanwhile" is "meanwhile-$1" reads_at "$1"
  check "  and writes" go_on "$1"
  echo "   $((SECONDS - began)) s later"
  check "  and who watched there hears of it, and has missed nothing" grep -q "meanwhile-$1" "$shared/watched-$1"
}
told_why() { # NAME
  grep -q 'etcdserver: request timed out' "$shared/told-$1" ||
    has 'etcdserver: request timed out' eval "ANSWER=30s reads_at $1"
}
way_one_off() {
  find_leader
  echo "the leader of etcd is on $leader"
  cut_off_and_back "$leader"
  find_leader
  echo "the leader of etcd is on $leader"
  cut_off_and_back "${rest[0]}"
}

way_all_apart() { # [CHECKS...]: a command that looks at what holds meanwhile
  local name
  find_leader
  break_link "${rest[0]}" "${rest[1]}"
  for name in "${rest[@]}"; do break_link "$leader" "$name"; done
  check "none has a majority: ${servers[*]} neither read nor write" all_refuse "${servers[@]}"
  [ $# = 0 ] || "$@"
  mend "${servers[@]}"
  for name in "${servers[@]}"; do check "it is over: $name reads and writes" go_on "$name"; done
}

# check for what is so while $leader leads. Members of a busy machine may choose another at any time: then it
# says that instead, in $led_anew.
check_led() { # TEXT COMMAND...
  [ -z "$led_anew" ] || return 0
  until_true 60 holds_or_led_anew "${@:2}" || fail "$1"
  [ -z "$led_anew" ] || { echo "   another than $leader leads by now"; return 0; }
  steps=$((steps + 1))
  echo "   ok: $1"
}
holds_or_led_anew() { # COMMAND...
  local holds=yes
  "$@" || holds=
  is_leader "$leader" || led_anew=yes
  [ -n "$holds$led_anew" ]
}
# Shows something of a leader and the two that follow it, $rest; anew where another led before all was seen.
show_led() { # FUNCTION
  for _ in 1 2 3 4 5; do
    led_anew=
    find_leader
    "$1"
    [ -n "$led_anew" ] || return 0
  done
  fail "none of five leaders led until all was seen"
}
followers_apart() {
  break_link "${rest[0]}" "${rest[1]}"
  check_led "between two that follow: nobody misses it" go_on "${servers[@]}"
  mend "${rest[0]}"
}
leader_apart_from_one() {
  break_link "${rest[0]}" "$leader"
  check_led "between the leader and one that follows: the other two go on" go_on "$leader" "${rest[1]}"
  check_led "  and the one that does not hear the leader refuses" refuses "${rest[0]}"
  mend "${rest[0]}"
}
way_one_link() {
  show_led followers_apart
  show_led leader_apart_from_one
  check "it is over: all go on" go_on "${servers[@]}"
}

way_one_direction() {
  local name
  find_leader
  for name in "${rest[@]}"; do break_link "$leader" "$name" --direction=out; done
  check "the other two choose one of them, and go on" go_on "${rest[@]}"
  check "it refuses" refuses "$leader"
  mend "$leader"
  check "it is over: all go on" go_on "${servers[@]}"
}

way_power() {
  local name
  local -a lost=("${servers[@]:1}")
  for name in "${lost[@]}"; do lose_power "$name"; done
  check "one by itself neither reads nor writes" refuses "${servers[0]}"
  for name in "${lost[@]}"; do give_power "$name"; done
  for name in "${servers[@]}"; do check "with their disks they are back: $name reads and writes" go_on "$name"; done
}
