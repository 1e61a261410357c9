#!/usr/bin/env bash
# Gets tsc, the compiler of TypeScript, with which the types of the language are tested.
#
#   tests/services/typescript.sh [--print-path]
#
# Takes, in this order: the program that TROUPE_TEST_TSC names, the one in the cache folder, the pinned version
# from npm, one on the PATH that is new enough. All need Node.js.

. "$(dirname "$0")/lib.sh"
read_options "$@"

package=typescript@5.9.3
cached="$cache_dir/bin/tsc"

# Whether a program runs and is 5.5 or newer, which finds type guards by itself.
is_fit() {
  local version
  version=$("$1" --version 2>/dev/null) || return 1
  [[ $version =~ ([0-9]+)\.([0-9]+)\. ]] || return 1
  ((BASH_REMATCH[1] > 5 || (BASH_REMATCH[1] == 5 && BASH_REMATCH[2] >= 5)))
}

from_npm() {
  local folder="$cache_dir/typescript"
  have npm || return 1
  mkdir -p "$folder" "$cache_dir/bin"
  run_logged "installing $package with npm" \
    npm install --prefix "$folder" --no-save --no-audit --no-fund --ignore-scripts "$package" || return 1
  ln -sf ../typescript/node_modules/typescript/bin/tsc "$cached"
  is_fit "$cached"
}

given=${TROUPE_TEST_TSC:-}
if [ -n "$given" ]; then
  is_fit "$given" || unavailable "TROUPE_TEST_TSC=$given is no tsc 5.5 or newer"
  usable "$given"
fi
have node || unavailable "Node.js is not installed"
take_lock
if is_fit "$cached"; then usable "$cached"; fi
if from_npm; then usable "$cached"; fi
found=$(command -v tsc || true)
if [ -n "$found" ] && is_fit "$found"; then usable "$found"; fi
unavailable "npm could not install $package"
