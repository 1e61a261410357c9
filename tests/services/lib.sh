# Shared by the scripts beside it, which get the real services that tests need. Sourced, never run.
# Each script is idempotent and safe under parallel callers. It says what it does on standard error and
# prints the path of its binary as the last line of standard output. Exit code: 0 when that is usable,
# 3 with one line of reason when it cannot be had on this machine, 1 when something broke.
# shellcheck shell=bash

set -euo pipefail

services_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache_dir=${TROUPE_TEST_CACHE:-$(cd "$services_dir/.." && pwd)/.cache}
service=${0##*/}
service=${service%.sh}
quiet=0

# Reads the options that every script has.
read_options() { # the script's arguments
  local option
  for option in "$@"; do
    case $option in
      --print-path) quiet=1 ;;
      --help | -h)
        sed -n '2,/^$/s/^# \{0,1\}//p' "$0"
        exit 0
        ;;
      *)
        echo "$service: unknown option $option; see --help" >&2
        exit 2
        ;;
    esac
  done
}

say() { [ "$quiet" = 1 ] || printf '%s: %s\n' "$service" "$*" >&2; }

# Ends the script: what it is for cannot be had here.
unavailable() {
  printf '%s: not available here: %s\n' "$service" "$*" >&2
  exit 3
}

# Ends the script: usable.
usable() { # path of the binary
  say "uses $1"
  printf '%s\n' "$1"
  exit 0
}

have() { command -v "$1" >/dev/null 2>&1; }

# Takes the lock of this service until the script ends; a second caller waits and then finds it done.
take_lock() {
  mkdir -p "$cache_dir/bin"
  have flock || return 0
  exec 9>"$cache_dir/$service.lock"
  flock -w 1200 9 || {
    echo "$service: another caller has held $cache_dir/$service.lock for 20 minutes" >&2
    exit 1
  }
}

# Runs a slow command with its output in a log file; shows the end of the log when it fails.
run_logged() { # what it does, command and arguments
  local what=$1 log="$cache_dir/$service.log" began=$SECONDS
  shift
  say "$what (log: $log)"
  if ! "$@" >"$log" 2>&1; then
    say "failed after $((SECONDS - began)) s: $what"
    [ "$quiet" = 1 ] || tail -n 20 "$log" >&2
    return 1
  fi
  say "done in $((SECONDS - began)) s"
}

# Builds the tool that the module in a folder names, into the cache. The sums of every module are committed.
go_build_tool() { # folder, name of the binary, what a failure means to the user
  local folder=$1 binary=$2 what=$3 made
  have go || unavailable "Go is not installed, and $what is built from its module"
  made=$(mktemp "$cache_dir/bin/.$binary.XXXXXX")
  if ! (cd "$folder" && run_logged "building $what from its Go module, minutes on the first run" \
    env CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS=-mod=readonly \
    nice -n 10 go build -buildvcs=false -trimpath -ldflags='-s -w' -o "$made" tool); then
    rm -f "$made"
    unavailable "its Go module does not build: $(tail -n 1 "$cache_dir/$service.log")"
  fi
  chmod 755 "$made"
  mv -f "$made" "$cache_dir/bin/$binary"
}
