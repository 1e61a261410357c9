#!/usr/bin/env bash
# Runs the shipped image and docker-compose.yml for real: builds the image from deploy/Dockerfile, starts NATS,
# Jaeger and three nodes, sends acknowledged transactions while a container is killed, scales to five nodes,
# and reads a trace back from Jaeger.
#
#   tests/compose.sh            from ./test --compose
#   tests/compose.sh --keep     leaves the containers for a look around
#
# It is a project of its own in Docker, on ports of its own, and is removed at the end with its volumes. Exit
# code: 0 when all of it held, 3 when there can be no Docker here, 1 otherwise.

set -euo pipefail
cd "$(dirname "$0")/.."

keep=0
[ "${1:-}" = --keep ] && keep=1
project=troupe-test
export TROUPE_PORTS=17070-17089 JAEGER_PORT=17686
export DOCKER_BUILDKIT=0 COMPOSE_PROGRESS=plain
messages=300
work=$(mktemp -d)

say() { printf '%s compose: %s\n' "$(date +%T)" "$*"; }

fail() {
  say "FAILED: $*"
  compose ps -a || true
  compose logs --no-color --tail 60 nats troupe || true
  exit 1
}

compose() { "$compose_binary" --project-name "$project" --file docker-compose.yml "$@"; }

clean_up() {
  local code=$?
  trap - EXIT
  if [ $keep = 1 ]; then
    say "left running: docker compose --project-name $project ps"
  else
    compose down --volumes --remove-orphans --timeout 10 >/dev/null 2>&1 || true
    [ -z "${started_engine:-}" ] || tests/services/docker.sh --stop || true
  fi
  rm -rf "$work"
  exit "$code"
}

# Tries a command twice a second until it succeeds.
await() { # seconds, what for, command
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until "$@"; do
    [ $SECONDS -lt $deadline ] || fail "waited too long for: $what${wrong:+ ($wrong)}"
    sleep 0.5
  done
  say "$what"
}

# The ids of the running containers of nodes, one a line.
nodes() {
  docker ps --no-trunc --format '{{.ID}}' --filter "label=com.docker.compose.project=$project" \
    --filter "label=com.docker.compose.service=troupe"
}

# The address of a container's HTTP port on this machine.
address() { docker port "$1" 7070/tcp | sed -n 's/^0\.0\.0\.0:/127.0.0.1:/p' | head -n 1; }

healthy() { # how many nodes must be healthy
  local count
  count=$(nodes | xargs -r docker inspect --format '{{.State.Health.Status}}' | grep -cx healthy || true)
  [ "$count" -ge "$1" ]
}

# What a node that serves says of the cluster.
cluster_status() {
  local id
  for id in $(nodes); do
    curl --fail --silent --max-time 5 "http://$(address "$id")/v1/cluster" && return 0
  done
  return 1
}

prepare() {
  local tool
  for tool in curl jq; do
    command -v $tool >/dev/null || {
      say "not available here: $tool is not installed"
      exit 3
    }
  done
  docker info >/dev/null 2>&1 || started_engine=1
  tests/services/docker.sh || exit $?
  compose_binary=$(tests/services/docker.sh --compose-path)
}

build_image() {
  local began=$SECONDS
  say "building the image from deploy/Dockerfile (log: $work/build.log)"
  docker build --file deploy/Dockerfile --tag troupe:local . >"$work/build.log" 2>&1 || {
    tail -n 40 "$work/build.log"
    fail "the image does not build"
  }
  say "built in $((SECONDS - began)) s: $(docker image inspect --format '{{.Size}}' troupe:local) bytes"
}

start() {
  compose down --volumes --remove-orphans >/dev/null 2>&1 || true
  compose up --detach --no-build --scale troupe=3
  await 90 "three nodes are ready" healthy 3
}

deploy_examples() {
  docker run --rm --network "${project}_default" --volume "$PWD/examples:/examples:ro" troupe:local \
    deploy --url http://troupe:7070 /examples/fraud/monitor.js /examples/fraud/alerts.js ||
    fail "the examples do not deploy"
}

# Sends one line of the data file, to a node that answers, with its id as idempotency key, until it is
# acknowledged: what a client does that must not lose anything.
send() { # JSON of the message
  local id key deadline=$((SECONDS + 30)) code
  key=$(jq -r .id <<<"$1")
  while [ $SECONDS -lt $deadline ]; do
    for id in $(nodes | shuf); do
      code=$(curl --silent --output "$work/answer" --write-out '%{http_code}' --max-time 5 \
        --header 'Content-Type: application/json' --header "Idempotency-Key: $key" \
        ${2:+--header "traceparent: $2"} --data-binary "$1" \
        "http://$(address "$id")/v1/workers/FraudMonitor/messages" || true)
      [[ $code == 2?? ]] && return 0
      [[ $code == 4?? && $code != 429 ]] && fail "message $key was refused with $code: $(cat "$work/answer")"
    done
    sleep 0.2
  done
  fail "message $key was not acknowledged within 30 s (last answer: $code)"
}

send_while_a_node_dies() {
  local sent=0 line victim
  head -n "$messages" examples/data/transactions.jsonl >"$work/messages"
  while IFS= read -r line; do
    if [ $sent = $((messages / 3)) ]; then
      victim=$(nodes | head -n 1)
      docker kill "$victim" >/dev/null
      say "killed container ${victim:0:12}"
    fi
    send "$line"
    sent=$((sent + 1))
  done <"$work/messages"
  say "$sent messages acknowledged"
  docker start "$victim" >/dev/null
  await 90 "the killed node is ready again" healthy 3
}

# Compares, for each user, how many transactions the worker has seen with how many were acknowledged.
all_seen() {
  local count user seen node
  node=$(address "$(nodes | head -n 1)")
  while read -r count user; do
    seen=$(curl --fail --silent --max-time 5 "http://$node/v1/workers/FraudMonitor/instances/$user" |
      jq '.state[0].seen') || return 1
    [ "$seen" = "$count" ] || {
      wrong="$user: $count acknowledged, $seen seen"
      return 1
    }
  done < <(jq -r .userId "$work/messages" | sort | uniq -c)
}

# Whether five nodes are known and each of them has a replica of some shard.
five_share_the_shards() {
  cluster_status | jq --exit-status '
    ([.nodes[].id] | unique) as $nodes
    | ([.shards[].replicas[] | if type == "object" then (.id // .node) else . end] | unique) as $holders
    | ($nodes | length) == 5 and ($nodes - $holders) == []' >/dev/null
}

scale_to_five() {
  compose up --detach --no-build --no-recreate --scale troupe=5
  await 120 "five nodes are ready" healthy 5
  await 180 "five nodes share the shards" five_share_the_shards
}

# Whether Jaeger has spans of this trace from a node, the turn of the worker among them.
trace_is_there() { # trace id
  curl --fail --silent --max-time 5 "http://127.0.0.1:$JAEGER_PORT/api/traces/$1" >"$work/trace" &&
    jq --exit-status '.data[0] | ([.spans[].operationName] | index("turn")) != null
      and ([.processes[].serviceName] | unique) == ["troupe"]' "$work/trace" >/dev/null
}

read_a_trace() {
  local trace
  trace=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  send "$(jq -c '.id = "traced"' <(head -n 1 "$work/messages"))" "00-$trace-00f067aa0ba902b7-01"
  await 60 "the trace $trace is in Jaeger" trace_is_there "$trace"
  jq -r '.data[0] | .processes as $p | .spans | sort_by(.startTime)[]
    | "  \(.operationName) \(.duration) µs on \($p[.processID].tags[]? | select(.key == "service.instance.id").value)"' \
    "$work/trace"
}

prepare
trap clean_up EXIT
trap 'exit 130' INT TERM
build_image
start
deploy_examples
send_while_a_node_dies
await 30 "every acknowledged transaction was seen once" all_seen
scale_to_five
await 30 "every acknowledged transaction is still seen once" all_seen
read_a_trace
say "passed"
