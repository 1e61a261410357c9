#!/usr/bin/env bash
# Gets jaeger, the trace store whose query API tests read.
#
#   tests/services/jaeger.sh [--print-path]
#
# Takes, in this order: the binary that TROUPE_TEST_JAEGER names, the one in the cache folder, one on the
# PATH, a build from the Go module in tests/services/jaeger (about four minutes on two cores, then seconds).
# Starts nothing: tests start their own on free ports.

. "$(dirname "$0")/lib.sh"
read_options "$@"

cached="$cache_dir/bin/jaeger"

# Whether a binary runs and is version 2, the one that takes its configuration as a collector does.
is_fit() { [[ $("$1" --help 2>/dev/null) == *--config* ]]; }

given=${TROUPE_TEST_JAEGER:-}
if [ -n "$given" ]; then
  is_fit "$given" || unavailable "TROUPE_TEST_JAEGER=$given is no jaeger 2"
  usable "$given"
fi
take_lock
if [ -x "$cached" ] && is_fit "$cached"; then usable "$cached"; fi
found=$(command -v jaeger || true)
if [ -n "$found" ] && is_fit "$found"; then usable "$found"; fi
go_build_tool "$services_dir/jaeger" jaeger "jaeger 2.13"
is_fit "$cached" || unavailable "what was built does not run"
usable "$cached"
