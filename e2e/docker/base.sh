#!/usr/bin/env bash
# Makes the base image for the Dockerfile where debian:12-slim cannot be pulled:
#   e2e/docker/base.sh NAME      then: docker build --build-arg BASE=NAME .
#   e2e/docker/base.sh --archive      no engine is told: prints where its archive lies
# It comes from the package mirror alone and has the packages of the image in it, so that a build with
# BINARY=prebuilt needs no network.
set -euo pipefail
cd "$(dirname "$0")/../.."
. e2e/packages.sh
name=$1
install_packages mmdebstrap >&2
packages=$(IFS=,; echo "${IMAGE_PACKAGES[*]}"),ca-certificates
# Kept for the next engine that has no image yet.
archive=build/docker/base-$(echo "$packages" | sha256sum | head -c 12).tar
mkdir -p build/docker
if [ ! -s "$archive" ]; then
  mmdebstrap --quiet --format=tar --variant=minbase --include="$packages" bookworm "$archive.new"
  mv "$archive.new" "$archive"
fi
if [ "$name" = --archive ]; then
  echo "$archive"
else
  docker import "$archive" "$name"
fi
