# Sourced by nodes.sh and partitions.sh, after machines.sh: a place for the machines' disks, and the end.
#
# $work goes with the script; $disks has a directory a machine, $shared is /var/lib/shared of all of them.
# KEEP_LOGS=DIR copies the machines' logs there, and what was recorded in $shared.
work=$WORLD_DIRECTORY
mount -t tmpfs tmpfs "$work"
disks=$work/disks shared=$work/shared
mkdir "$disks" "$shared"

cleanup() {
  local code=$? name
  trap - EXIT
  [ $code = 0 ] || for name in "$disks"/*; do
    echo "-- the end of $(basename "$name")'s log" >&2
    tail -n 25 "$name"/{console,skiff/skiff.log} >&2 || true
  done
  if [ -n "${KEEP_LOGS:-}" ]; then
    mkdir -p "$KEEP_LOGS"
    for name in "$disks"/*; do cp "$name/skiff/skiff.log" "$KEEP_LOGS/$(basename "$name").log" 2>/dev/null || true; done
    find "$shared" -maxdepth 1 -type f -exec cp -t "$KEEP_LOGS" {} +
  fi
  for name in "${!machine_process[@]}"; do cut_power "$name" || true; done
  umount -l "$work"
  summary $code
}
trap cleanup EXIT
