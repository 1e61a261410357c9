# The images that deploy/Dockerfile and docker-compose.yml name: pulled, or, where no image registry can be
# reached, made here under the same names from Debian's packages, the Rust toolchain of this machine and the
# servers that the scripts beside it get. So the shipped files run unchanged. Sourced by docker.sh.
# shellcheck shell=bash

image_names="debian:bookworm-slim rust:1.95-bookworm nats:2.15 jaegertracing/jaeger:2.13.0"

get_images() {
  local image
  for image in $image_names; do
    docker image inspect "$image" >/dev/null 2>&1 && continue
    if timeout 600 docker pull --quiet "$image" >/dev/null 2>&1; then
      say "pulled $image"
      continue
    fi
    case $image in
      debian:*) make_debian "$image" ;;
      rust:*) make_rust "$image" ;;
      nats:*) make_static "$image" "$("$services_dir/nats.sh" --print-path)" nats-server ;;
      jaegertracing/*) make_static "$image" "$("$services_dir/jaeger.sh" --print-path)" jaeger ;;
    esac
    say "no image registry answers: made a stand-in for $image"
  done
}

# The mirror and release that this machine itself uses.
debian_mirror() {
  local uri
  uri=$(sed -n 's/^URIs: *\([^ ]*\).*/\1/p' /etc/apt/sources.list.d/debian.sources 2>/dev/null | head -n 1)
  [ -n "$uri" ] || uri=$(sed -n 's/^deb \(\[[^]]*\] \)\{0,1\}\([^ ]*\) .*/\2/p' /etc/apt/sources.list 2>/dev/null | head -n 1)
  [ -n "$uri" ] || unavailable "no Debian mirror is configured to make stand-in images from"
  printf '%s\n' "$uri"
}

# An empty folder to build an image in.
image_folder() { mktemp -d "$cache_dir/.image.XXXXXX"; }

build_image() { # image, folder
  run_logged "building $1" env DOCKER_BUILDKIT=0 docker build --tag "$1" "$2" ||
    unavailable "the stand-in for $1 does not build (see $cache_dir/$service.log)"
  rm -rf "$2"
}

make_debian() { # image
  local folder
  have debootstrap || run_logged "installing debootstrap" \
    apt-get install -y --no-install-recommends debootstrap ||
    unavailable "no image registry can be reached, nor debootstrap to make stand-ins"
  folder=$(image_folder)
  run_logged "making a Debian root for $1" debootstrap --variant=minbase \
    --include=ca-certificates,curl bookworm "$folder/tree" "$(debian_mirror)" ||
    unavailable "debootstrap failed (see $cache_dir/$service.log)"
  if [ -f /etc/ssl/certs/ca-certificates.crt ]; then
    # What this machine trusts, since the container reaches the same hosts.
    cp /etc/ssl/certs/ca-certificates.crt "$folder/tree/etc/ssl/certs/ca-certificates.crt"
  fi
  rm -rf "$folder"/tree/var/cache/apt/* "$folder"/tree/var/lib/apt/lists/* "$folder"/tree/usr/share/doc/*
  tar -C "$folder/tree" -c . | docker import - "$1" >/dev/null
  rm -rf "$folder"
}

make_rust() { # image
  local folder
  folder=$(image_folder)
  say "copying the Rust toolchain of this machine"
  tar -C "$(rustc --print sysroot)" -c --exclude=./share --exclude=./lib/rustlib/src . |
    docker import - troupe-rust-toolchain:local >/dev/null
  cat >"$folder/Dockerfile" <<'DOCKERFILE'
FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends gcc libc6-dev \
 && rm -rf /var/lib/apt/lists/*
COPY --from=troupe-rust-toolchain:local / /usr/local/rust
ENV PATH=/usr/local/rust/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    CARGO_HOME=/usr/local/cargo
DOCKERFILE
  cp /etc/ssl/certs/ca-certificates.crt "$folder/ca-certificates.crt"
  # Installing packages makes the list of certificates anew: put this machine's back.
  echo 'COPY ca-certificates.crt /etc/ssl/certs/ca-certificates.crt' >>"$folder/Dockerfile"
  build_image "$1" "$folder"
}

make_static() { # image, path of a static binary, its name in the image
  local folder
  folder=$(image_folder)
  cp "$2" "$folder/$3"
  printf 'FROM scratch\nCOPY %s /%s\nENV JAEGER_LISTEN_HOST=0.0.0.0\nENTRYPOINT ["/%s"]\n' "$3" "$3" "$3" \
    >"$folder/Dockerfile"
  build_image "$1" "$folder"
}
