#!/usr/bin/env bash
# Builds the image $SKIFF_IMAGE:$SKIFF_VERSION on the engine that answers: from build/release where that is there, else
# from source. Where $SKIFF_BASE cannot be pulled, a base is made from the package mirror. An engine of ours begins with
# nothing: what was built for the one before is kept in build/docker, as the base is.
set -euo pipefail
cd "$(dirname "$0")/../.."
. e2e/show.sh
. e2e/docker/env.sh
image=$SKIFF_IMAGE:$SKIFF_VERSION

say "The image"
if ! docker image inspect "$SKIFF_BASE" >/dev/null 2>&1 && ! docker pull -q "$SKIFF_BASE" 2>/dev/null; then
  SKIFF_BASE=skiff-base:12
  docker image inspect "$SKIFF_BASE" >/dev/null 2>&1 || run e2e/docker/base.sh "$SKIFF_BASE"
fi
docker buildx version >/dev/null 2>&1 || export DOCKER_BUILDKIT=0
binary=compiled
quiet=()
if [ -x build/release/skiff ]; then
  # What is built already is not built again in a container.
  e2e/docker/stage.sh
  binary=prebuilt
  quiet=(-q)
fi
# What the image is made of, as far as it lies here.
ingredients() {
  echo "$image $SKIFF_BASE"
  sha256sum Dockerfile e2e/packages.sh e2e/docker/strip.sh
  find build/image manifests/master manifests/kubelet -type f -print0 | sort -z | xargs -0 sha256sum
}
kept=
if [ "${SKIFF_ENGINE:-}" = ours ] && [ $binary = prebuilt ]; then
  kept=build/docker/image-$(ingredients | sha256sum | head -c 12).tar
fi
if [ -n "$kept" ] && [ -s "$kept" ]; then
  run docker load -q -i "$kept"
else
  # From source it takes a while: then what it does is shown.
  run docker build "${quiet[@]}" -t "$image" --network host --build-arg BASE="$SKIFF_BASE" \
    --build-arg BINARY=$binary .
  if [ -n "$kept" ]; then
    mkdir -p build/docker
    rm -f build/docker/image-*.tar*
    docker save -o "$kept.new" "$image"
    mv "$kept.new" "$kept"
  fi
fi
size=$(docker image inspect -f '{{.Size}}' "$image")
check "the image has $((size / 1000000)) MB, at most 200" test "$size" -le 200000000
