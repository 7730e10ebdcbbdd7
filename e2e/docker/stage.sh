#!/usr/bin/env bash
# Puts what the container image takes from a build of the release preset into build/image.
set -euo pipefail
cd "$(dirname "$0")/../.."
rm -rf build/image
mkdir -p build/image
cp build/release/skiff build/release/images/*.tar build/image/
