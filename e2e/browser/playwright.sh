#!/usr/bin/env bash
# Playwright, which drives the browser of the tests here; Debian has no package of it.
#
#   e2e/browser/playwright.sh COMMAND...     runs it with a python3 that has Playwright; ends with 77 where
#                                            there is no Chromium, or Playwright cannot be had
#
# Sourced: use_browser does that for what follows, and fails where it cannot, saying why. The browser is
# Debian's: Playwright brings none.

# make_playwright: puts the folder of a virtual environment of Debian's Python with the very files that
# requirements.txt names, from PyPI, into $playwright. It is made once, in build/peers.
make_playwright() {
  local here root python=/usr/bin/python3 log
  here=$(realpath "$(dirname "${BASH_SOURCE[0]}")")
  root=$(realpath "$here/../..")
  playwright=$root/build/peers/playwright-$({ $python --version; cat "$here/requirements.txt"; } | sha256sum | head -c 12)
  log=$root/build/peers/playwright.log
  mkdir -p "$root/build/peers"
  # Of two scripts at once one makes it.
  (
    flock 9
    [ ! -x "$playwright/bin/python3" ] || exit 0
    rm -rf "$playwright.new"
    if ! { $python -m venv "$playwright.new" && "$playwright.new/bin/python3" -m pip install --quiet --no-input \
      --disable-pip-version-check --only-binary=:all: --require-hashes -r "$here/requirements.txt"; } \
      >"$log" 2>&1; then
      rm -rf "$playwright.new"
      echo "skipped: Playwright cannot be had: $(tail -n 1 "$log")"
      exit 1
    fi
    rm -f "$log"
    mv "$playwright.new" "$playwright"
  ) 9>"$root/build/peers/playwright.lock"
}

use_browser() {
  local playwright
  command -v chromium >/dev/null || { echo "skipped: no chromium"; return 1; }
  make_playwright || return 1
  PATH=$playwright/bin:$PATH
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  set -euo pipefail
  use_browser || exit 77
  exec "$@"
fi
