#!/usr/bin/env bash
# Types all commands of docs/course.md in one go, as a presenter would, and looks whether one sees what the page says:
# with stock kubectl, on a machine of its own (e2e/machine.sh) with real containers. The machine is as it was in the end.
#
#   e2e/tour.sh [SKIFF]     build/release/skiff, or the one that is named: all chapters but those for Docker
#   e2e/tour.sh docker      those, in an engine of their own where none runs (e2e/docker/engine.sh)
#   CHAPTERS='0 3 15' e2e/tour.sh    these alone; 0 makes the cluster of 1 to 12, 15 leaves nothing of it
#   KUBECTL=build/release/skiff e2e/tour.sh    another kubectl: here skiff's own verbs
set -euo pipefail
cd "$(dirname "$0")/.."
. e2e/packages.sh
. e2e/peers/kubectl.sh
. e2e/show.sh
. e2e/own_machine.sh
. e2e/machine_state.sh
. e2e/browser/playwright.sh

# $PATH has the kubectl that the page types.
with_kubectl() { # DIRECTORY
  mkdir -p "$1"
  ln -sf "$(realpath "${KUBECTL:-$(debian_kubectl build/peers)}")" "$1/kubectl"
  PATH=$1:$PATH
}

saw() { # PATTERN: all who have looked saw what there is, and one of them that.
  [ -z "$(find "$audience" -type f ! -name '*.saw')" ] || { head -n 20 "$audience"/*.failed; return 1; }
  grep -qE -- "$1" "$audience"/*.saw
}

# What a chapter that failed has made beside the cluster.
leave_far() {
  docker rm -f -v course-far course-router || true
  docker volume rm course-far || true
  docker network rm course-beyond || true
} >/dev/null 2>&1

docker_chapters() {
  . e2e/docker/engine.sh
  . e2e/docker/env.sh
  # Before there may be no network but the engine's.
  install_packages "${TOUR_PACKAGES[@]}" || exit 77
  debian_kubectl build/peers >/dev/null
  ! command -v chromium >/dev/null || make_playwright || true
  e2e/docker/etcd.sh
  need_engine docker
  work=$(mktemp -d)
  trap 'code=$?; [ $code = 0 ] || docker ps -a; leave_far; build/release/skiff down --docker --name=course >/dev/null 2>&1 || true; rm -rf "$work"; summary $code' EXIT
  export HOME=$work/home
  mkdir -p "$HOME/.local/share"
  with_kubectl "$work/bin"
  # Chapter 13 says so, which may be left out.
  PATH=$PWD/build/release:$PATH
  docker image inspect skiff >/dev/null 2>&1 || docker tag "$SKIFF_IMAGE:$SKIFF_VERSION" skiff
  # As the page makes it, but of the base that this engine has.
  docker image inspect etcd >/dev/null 2>&1 ||
    e2e/docker/etcd.sh etcd "$(docker image inspect "$SKIFF_BASE" >/dev/null 2>&1 && echo "$SKIFF_BASE" || echo skiff-base:12)" >/dev/null
  engine_state() { docker ps -aq --no-trunc; docker volume ls -q; docker network ls -q --no-trunc; }
  before=$(engine_state)
  audience=$work/audience
  mkdir "$audience"
  if use_browser; then export BROWSER=$PWD/e2e/browser/audience.py AUDIENCE=$audience; fi
  python3 -B e2e/tour.py docs/course.md docker
  [ -z "$(ls "$audience")" ] ||
    check "a browser shows what skiff console opens, by the published port" saw "3 of 3 ready"
  same_engine() { [ "$before" = "$(engine_state)" ]; }
  check "no container, volume or network is left" same_engine
}

if [ "${1:-}" = docker ]; then
  docker_chapters
  exit
fi

SKIFF=$(realpath "${1:-build/release/skiff}")
if [ "${SKIFF_MACHINE:-}" != tour ]; then
  install_packages "${TEST_PACKAGES[@]}" || exit 77
  debian_kubectl build/peers >/dev/null || { echo "SKIPPED: no stock kubectl can be had"; exit 77; }
  # There is no PyPI there.
  ! command -v chromium >/dev/null || make_playwright || true
else
  # The page says neither --data-dir nor another folder: what is this machine's there is covered.
  mount -t tmpfs tmpfs /var/lib
  mount -t tmpfs tmpfs /tmp
fi
DATA=/var/lib/skiff own_machine tour 2g "$SKIFF"
export HOME=/run/home
with_kubectl /run/bin
# The class: what `skiff console` opens. Without a browser it prints a link, as the page says.
audience=/run/audience
mkdir -p "$audience"
if use_browser; then export BROWSER=$PWD/e2e/browser/audience.py AUDIENCE=$audience; fi
# The page types build/release, wherever it is.
[ "${SKIFF%/skiff}" = "$PWD/build/release" ] || mount --bind "${SKIFF%/skiff}" build/release
before=$(machine_state)
python3 -B e2e/tour.py docs/course.md
if [ -n "$(ls "$audience")" ]; then
  check "a browser shows what skiff console opens" saw "1 of 1 ready"
  [[ " ${CHAPTERS:-9} " != *" 9 "* ]] ||
    # The last three are shown; who takes long to open a browser finds the next ones there.
    check "and the faults" saw "Chaos (netem|partition|pause|kill|clock|disk) of "
fi
same_machine() { diff <(echo "$before") <(machine_state); }
check "the machine is as it was before" same_machine
