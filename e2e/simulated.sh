# Sourced after show.sh, with the path of skiff, by the scripts that play on clusters of simulated nodes: their data
# directories, which are $data, $data-try and $work/other, are ended and removed at the script's end.
skiff=$(realpath "$1")
work=$(mktemp -d)
data=$work/data
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
end() {
  local code=$?
  for each in "$data" "$data-try" "$work/other"; do
    [ $code = 0 ] || tail -n 20 "$each/skiff.log" 2>/dev/null || true
    "$skiff" down --data-dir="$each" >/dev/null 2>&1 || true
  done
  umount -l "$work/other" 2>/dev/null || true
  rm -rf "$work"
  summary $code
}
trap end EXIT
trap 'exit 130' INT TERM
# of DATA COMMAND...: a command of skiff to the cluster of that data directory.
of() { local where=$1; shift; "$skiff" "$@" --kubeconfig="$where/admin.kubeconfig"; }
