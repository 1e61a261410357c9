#!/usr/bin/env bash
# Measures everything that docs/performance.md has figures of, and prints its tables in Markdown.
#
#   tests/bench/all.sh                    every section: about a quarter of an hour on two quiet cores
#   tests/bench/all.sh SECTION…           only these
#   TROUPE_BENCH_PEER=DIR tests/bench/all.sh   also side by side with the peer whose harness is in DIR
#
# Sections: one-node three-nodes start idle failover overload curves million machine peer (the last two are not part of
# "every section": `machine` is `cargo bench -p vm`, `peer` needs TROUPE_BENCH_PEER, as root). Tables go to
# standard output, what is going on to standard error. SECONDS_EACH (3), ROUNDS (3), KILLS (20).

set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."

case ${1:-} in
  --help | -h)
    sed -n '2,/^$/s/^# \{0,1\}//p' "$0"
    exit 0
    ;;
esac

seconds=${SECONDS_EACH:-3}
rounds=${ROUNDS:-3}
kills=${KILLS:-20}
sections=("$@")
if [ $# = 0 ]; then
  sections=(one-node three-nodes start idle failover overload curves million)
  [ -n "${TROUPE_BENCH_PEER:-}" ] && sections+=(peer)
fi

if [ -z "${TROUPE:-}" ]; then
  cargo build --release --locked -p node >&2
  TROUPE=${CARGO_TARGET_DIR:-target}/release/troupe
fi
export TROUPE
TROUPE_TEST_NATS_SERVER=$(tests/services/nats.sh | tail -n 1)
export TROUPE_TEST_NATS_SERVER

# Runs one bench and prints its command and its tables.
bench() { # arguments of troupe bench
  printf '\n`troupe bench %s`\n\n' "$*"
  "$TROUPE" bench "$@" --output markdown
}

load=(--seconds "$seconds" --rounds "$rounds")

one_node() {
  printf '\n### One node\n'
  bench adds ring workflow workflow-across fan-in timers mixed "${load[@]}"
  bench ring --shards 1 "${load[@]}"
  bench adds --clients 256 --rate 5000 "${load[@]}"
}

three_nodes() {
  printf '\n### Three nodes on NATS\n'
  bench adds ring workflow workflow-across --nodes 3 "${load[@]}"
  printf '\n### Three nodes with direct connections\n'
  bench adds ring workflow workflow-across --nodes 3 --direct "${load[@]}"
}

start() {
  printf '\n### Start and restart\n'
  bench start --nodes 1,3 --rounds 5
  bench restart --rounds 5
}

idle() {
  printf '\n### Idle\n'
  bench idle --nodes 1,3 --seconds 10
}

failover() {
  printf '\n### Failover\n'
  bench failover --nodes 3 --kills "$kills" --watch 2
  bench failover --nodes 3 --kills 6 --watch 2 --fault pause
  bench failover --nodes 3 --kills 6 --watch 2 --planned
  bench failover --nodes 1 --kills 3 --watch 2
}

overload() {
  printf '\n### Overload\n'
  bench overload --seconds "$seconds" --rounds 1
}

curves() {
  printf '\n### As work grows\n'
  bench workers messages --seconds 2 --rounds 1
  bench shards --seconds 2 --rounds 1
}

million() {
  printf '\n### A million workers\n'
  bench workers --up-to 1000000 --seconds 2 --rounds 1
  bench restart --workers 1000000 --rounds 1
}

machine() {
  printf '\n### The machine\n\n```\n'
  cargo bench -p vm -- turns lambdas state memory
  printf '```\n'
}

peer() {
  printf '\n### Side by side\n'
  "$here/side_by_side.sh" "${TROUPE_BENCH_PEER:?names no folder of a harness}"
}

for section in "${sections[@]}"; do
  case $section in
    one-node | three-nodes | start | idle | failover | overload | curves | million | machine | peer)
      echo "== $section" >&2
      "${section/-/_}"
      ;;
    *)
      echo "all.sh: unknown section $section; see tests/bench/all.sh --help" >&2
      exit 2
      ;;
  esac
done
