#!/usr/bin/env bash
# Runs the same work on Troupe and on Restate, in turns on the same machine, and prints a Markdown table with the
# ratios of the medians.
#
#   tests/bench/side_by_side.sh DIR        one node: adds with 1, 64 and 256 clients, five steps, the ring
#   tests/bench/side_by_side.sh DIR 3      three nodes: adds with 1 and 64 clients
#
# DIR is a folder with a harness for Restate that is installed: lib.sh and lib-cluster.sh (start and stop
# servers), srv/ (the server), endpoint/ (its services) and load/ (its load generator, a closed loop as ours). As root:
# the harness runs in a network namespace of its own, and so do we. ROUNDS (3), SECS (4) for each
# measurement. TROUPE names the binary, TROUPE_TEST_NATS_SERVER that of NATS.
#
# What is the same: clients, keys (1000), tokens, length, the disk, and that everything is durable before it is
# acknowledged, and that the steps of a workflow stay in its partition. What is not: a step of theirs is recorded by the
# workflow's own service, a step of ours is a message to another worker and back; three nodes of theirs keep two copies (their default), ours three.

set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
peer=$(cd "${1:?names no folder of a harness; see the head of this file}" && pwd)
nodes=${2:-1}
troupe=${TROUPE:-${CARGO_TARGET_DIR:-$here/../../target}/release/troupe}
troupe=$(cd "$(dirname "$troupe")" && pwd)/$(basename "$troupe")
rounds=${ROUNDS:-3}
secs=${SECS:-4}
[ -x "$troupe" ] || {
  echo "side_by_side: there is no $troupe; build it with cargo build --release, or name it with TROUPE" >&2
  exit 1
}

# Runs this script again in a network namespace, then goes to the harness's folder. It is not written for
# strict options.
set +eu
set -- "$peer" "$nodes"
# shellcheck source=/dev/null
. "$peer/lib.sh"
# shellcheck source=/dev/null
[ "$nodes" = 1 ] || . "$peer/lib-cluster.sh"
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

# One measurement of theirs.
theirs() { # arguments of their load generator
  "$LOAD" "$@" >>"$out/theirs.jsonl"
}

their_single() {
  up_single >&2
  local processes
  processes="srv=$(pid n1) sdk=$(pid sdk)"
  # shellcheck disable=SC2086
  {
    "$LOAD" add keys=1000 conc=64 secs="$secs" warm=0 $processes >/dev/null
    for clients in 1 64 256; do theirs add keys=1000 conc=$clients secs="$secs" warm=1 $processes; done
    theirs flow m=0 conc=64 secs="$secs" warm=1 $processes
    theirs ring ring=1000 tokens=64 hops=100 $processes
  }
  stop n1 sdk
}

their_cluster() {
  up_cluster >&2
  local processes
  processes="at=$ALL srv=$(pid c1),$(pid c2),$(pid c3) sdk=$(pid sdk)"
  # shellcheck disable=SC2086
  for clients in 1 64; do theirs add keys=1000 conc=$clients secs="$secs" warm=2 $processes; done
  stop c1 c2 c3 sdk
}

for round in $(seq 1 "$rounds"); do
  echo "== round $round: Restate" >&2
  if [ "$nodes" = 1 ]; then their_single; else their_cluster; fi
  echo "== round $round: Troupe" >&2
  if [ "$nodes" = 1 ]; then
    work=(adds workflow ring --nodes 1)
  else
    work=(adds --nodes "$nodes" --clients 1,64)
  fi
  "$troupe" bench "${work[@]}" --seconds "$secs" --rounds 1 --save "$out/ours-$round.json" >&2 || exit 1
done
python3 "$here/side_by_side.py" "$nodes" "$out/theirs.jsonl" "$out"/ours-*.json
