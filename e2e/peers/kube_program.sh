# How scripts get programs of Kubernetes v1.35; sourced. Ends the script with 77 where there is no Go or its modules
# cannot be had.
kube_program() { # FOLDER PROGRAM...
  local folder=$1 program lock version=k8s.io/component-base/version
  shift
  mkdir -p "$folder"
  # Others that need the same program wait until it is whole.
  exec {lock}>"$folder/kube_program.lock"
  flock "$lock"
  for program in "$@"; do
    [ ! -x "$folder/$program" ] || continue
    command -v go >/dev/null || { echo "skipped: no Go"; exit 77; }
    # One package at a time and with low priority: a build of skiff may run beside it.
    GOFLAGS="-p=1 -mod=mod" GOTOOLCHAIN=local CGO_ENABLED=0 nice go build -C kube_controllers \
      -trimpath -buildvcs=false -o "$(realpath "$folder")/$program" \
      -ldflags "-s -w -X $version.gitVersion=v1.35.6 -X $version.gitMajor=1 -X $version.gitMinor=35" \
      "k8s.io/kubernetes/cmd/$program" || { echo "skipped: $program was not built"; exit 77; }
  done
  exec {lock}>&-
}
