# Sourced: runs NAME.py of this folder (see two_apiservers.py) with a real kube-apiserver, SKIFF and Debian's etcd for both.
#
#   compare_apiservers NAME SKIFF
compare_apiservers() {
  local programs etcd peers
  # Not local: programs.sh uses `skiff` at the end.
  skiff=$(realpath "$2")
  cd "$(dirname "${BASH_SOURCE[0]}")"
  programs=${KUBE_PROGRAMS:-../../build/peers}
  . ./kube_program.sh
  kube_program "$programs" kube-apiserver
  . ./programs.sh
  etcd=$(free_port) peers=$(free_port)
  start etcd etcd --data-dir="$work/etcd" --listen-client-urls="http://127.0.0.1:$etcd" \
    --advertise-client-urls="http://127.0.0.1:$etcd" --listen-peer-urls="http://127.0.0.1:$peers" \
    --initial-advertise-peer-urls="http://127.0.0.1:$peers" --initial-cluster="default=http://127.0.0.1:$peers"
  python3 "$1.py" --kube "$(realpath "$programs")/kube-apiserver" --ours "$skiff" --etcd "$etcd" \
    --work "$work" --only "${ONLY:-}" || fail "they differ"
}
