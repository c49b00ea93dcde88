#!/usr/bin/env bash
# Installs the Debian packages that Iris needs to be built, tested and run. Idempotent: installs only what is
# missing, asks nothing, and starts no service that a package brings along.
#
#   deploy/install-deps.sh           everything: build, run, test
#   deploy/install-deps.sh --record  that, and the further servers and clients that tests/record makes recordings of
#   deploy/install-deps.sh --list    prints the packages, one a line, and installs nothing
set -euo pipefail

build=(
  clang-19 clang-format-19 clang-tidy-19 libclang-rt-19-dev lld-19  # compiler, style, sanitizers and libFuzzer
  llvm-19-dev libclang-19-dev libclang-cpp19-dev                    # the compiler as a library
  cmake ninja-build ccache pkg-config libstdc++-12-dev libc6-dev
  dpdk-dev libdpdk-dev libpcap-dev libhyperscan-dev libxxhash-dev
  libgrpc++-dev libprotobuf-dev protobuf-compiler protobuf-compiler-grpc
  nlohmann-json3-dev libfmt-dev libspdlog-dev libcli11-dev libssl-dev libnghttp2-dev zlib1g-dev libbrotli-dev
  libgtest-dev libgmock-dev libbenchmark-dev
)
# What irisd needs beside the shared libraries above: the compiler child reads these headers.
run=(libclang-common-19-dev libclang-cpp19 libllvm19)
# Real servers and clients, for tests/live.
test=(iproute2 ethtool nginx-light curl openssl dnsmasq-base bind9-dnsutils openssh-client openssh-server
      tcpdump python3 procps)
# A browser and what else talks in the recordings: some 500 MB, needed only to make them anew.
record=(caddy chromium ldnsutils mosquitto mosquitto-clients nghttp2-client ngtcp2-client ngtcp2-server wget)

packages=("${build[@]}" "${run[@]}" "${test[@]}")
case "${1:-}" in
  "") ;;
  --record) packages+=("${record[@]}") ;;
  --list) printf '%s\n' "${packages[@]}"; exit 0 ;;
  *) echo "usage: $0 [--record | --list]" >&2; exit 2 ;;
esac

installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }
missing=()
for package in "${packages[@]}"; do installed "$package" || missing+=("$package"); done
if [ ${#missing[@]} -eq 0 ]; then
  echo "dependencies: all ${#packages[@]} packages are installed"
  exit 0
fi

if [ "$(id -u)" -ne 0 ]; then
  echo "dependencies: missing: ${missing[*]}" >&2
  echo "dependencies: run this script as root to install them: sudo $0" >&2
  exit 1
fi
echo "dependencies: installing ${#missing[@]} packages: ${missing[*]}"

# nginx, dnsmasq and sshd are here for tests that start them themselves: no package may start its service now.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' > "$policy"
  chmod 755 "$policy"
  trap 'rm -f "$policy"' EXIT
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}"
echo "dependencies: installed"
