#!/usr/bin/env bash
# Says whether this machine lets a test make network namespaces: nothing and exit code 0, or why not and exit code 3.
# Tests that cut the network between processes need them (node/namespaces). What this makes, it removes.

set -u

space=tnprobe$$
trap 'ip link del "$space" 2>/dev/null; ip netns del "$space" 2>/dev/null' EXIT

if ! command -v ip >/dev/null 2>&1; then
  echo "there is no \`ip\`; Debian's package is iproute2"
elif ! said=$(ip netns add "$space" 2>&1); then
  echo "network namespaces need root on Linux: $said"
elif ! said=$(ip link add "$space" type veth peer name eth0 netns "$space" 2>&1); then
  echo "the kernel makes no links between namespaces: $said"
elif ! said=$(ip -n "$space" link add bridge type bridge 2>&1); then
  echo "the kernel makes no bridges: $said"
else
  exit 0
fi
exit 3
