#!/usr/bin/env bash
# Gets a Docker engine that runs, a client, Compose, and the images that the project's files name.
#
#   tests/services/docker.sh [--print-path]     prints the path of the client
#   tests/services/docker.sh --compose-path     prints the path of docker-compose
#   tests/services/docker.sh --stop             ends the engine, if this script started it
#
# A running engine is used as it is. Where none runs, root on Debian gets the engine from its packages, and
# dockerd is started by hand (no init system needed). Compose is the plugin of the client, else built from
# the Go module in tests/services/compose. Images are pulled; where no image registry can be reached,
# stand-ins are made under the same names (images.sh).

. "$(dirname "$0")/lib.sh"

action=client
case ${1:-} in
  --compose-path) action=compose quiet=1 ;;
  --stop) action=stop ;;
  *) read_options "$@" ;;
esac

pid_file="$cache_dir/dockerd.pid"
engine_log="$cache_dir/dockerd.log"

engine_runs() { have docker && timeout 20 docker info >/dev/null 2>&1; }

# Whether the process that this script started still lives and is dockerd.
own_engine() {
  local pid
  pid=$(cat "$pid_file" 2>/dev/null) && [ -n "$pid" ] || return 1
  [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = dockerd ]
}

install_engine() {
  [ "$(id -u)" = 0 ] || unavailable "no Docker engine runs, and only root can start one"
  have dockerd && have iptables && have docker && return 0
  have apt-get || unavailable "no Docker engine is installed, and this is no Debian to get it from"
  export DEBIAN_FRONTEND=noninteractive
  run_logged "updating the list of Debian packages" apt-get update || true
  run_logged "installing docker.io and iptables from Debian's packages" \
    apt-get install -y --no-install-recommends docker.io iptables ||
    unavailable "Debian's docker.io does not install (see $cache_dir/$service.log)"
}

start_engine() {
  local _
  own_engine || {
    say "starting dockerd (log: $engine_log)"
    rm -f /var/run/docker.pid
    setsid nohup dockerd >"$engine_log" 2>&1 </dev/null 9>&- &
    echo $! >"$pid_file"
  }
  for _ in $(seq 1 120); do
    engine_runs && return 0
    own_engine || break
    sleep 0.5
  done
  unavailable "dockerd does not come up: $(tail -n 1 "$engine_log")"
}

stop_engine() {
  own_engine || {
    say "no engine of this script runs"
    return 0
  }
  local pid _
  pid=$(cat "$pid_file")
  say "ending dockerd $pid"
  kill "$pid"
  for _ in $(seq 1 120); do
    own_engine || break
    sleep 0.5
  done
  rm -f "$pid_file"
}

# Prints how Compose is called: a plugin of the client has no path of its own that is worth naming, so a
# binary is looked for where plugins lie, then in the cache.
find_compose() {
  local folder
  for folder in "$cache_dir/bin" "${DOCKER_CONFIG:-$HOME/.docker}/cli-plugins" \
    /usr/local/lib/docker/cli-plugins /usr/local/libexec/docker/cli-plugins \
    /usr/lib/docker/cli-plugins /usr/libexec/docker/cli-plugins; do
    [ -x "$folder/docker-compose" ] || continue
    # Version 1 writes its name in small letters, and lacks what docker-compose.yml needs.
    [[ $("$folder/docker-compose" version 2>/dev/null) == "Docker Compose version"* ]] || continue
    printf '%s\n' "$folder/docker-compose"
    return 0
  done
  return 1
}

take_lock
case $action in
  compose)
    find_compose || unavailable "Compose is not installed; run tests/services/docker.sh"
    ;;
  stop) stop_engine ;;
  client)
    engine_runs || {
      install_engine
      start_engine
    }
    say "engine $(docker info --format '{{.ServerVersion}}, {{.Driver}}')"
    find_compose >/dev/null || go_build_tool "$services_dir/compose" docker-compose "Compose 2.40"
    say "compose $(find_compose)"
    . "$services_dir/images.sh"
    get_images
    usable "$(command -v docker)"
    ;;
esac
