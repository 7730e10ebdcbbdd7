# Sourced, after packages.sh and show.sh: the image that is shown.
#   build_image    makes $SKIFF_IMAGE of this folder, from the binary of build/release where there is
#                  one, else from source. Where $SKIFF_BASE is not there and cannot be pulled it is made
#                  from the package mirror, as skiff-base:12.

build_image() {
  if ! docker image inspect "$SKIFF_BASE" >/dev/null 2>&1 && ! docker pull -q "$SKIFF_BASE" 2>/dev/null; then
    SKIFF_BASE=skiff-base:12
    export SKIFF_BASE
    docker image inspect "$SKIFF_BASE" >/dev/null 2>&1 || run e2e/docker/base.sh "$SKIFF_BASE"
  fi
  docker buildx version >/dev/null 2>&1 || export DOCKER_BUILDKIT=0
  local build=(docker build -q -t "$SKIFF_IMAGE" --network host --build-arg BASE="$SKIFF_BASE")
  if [ -x build/release/skiff ]; then
    # The classic builder would run the stage that compiles all the same, so it does not get to see it.
    e2e/docker/stage.sh
    mkdir -p build/docker
    sed '/ AS compiled$/,/^$/d' Dockerfile >build/docker/Dockerfile
    run "${build[@]}" --build-arg BINARY=prebuilt -f build/docker/Dockerfile .
  else
    run "${build[@]}" .
  fi
}
