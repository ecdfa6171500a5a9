#!/usr/bin/env bash
# Installs the Debian packages that Howdah needs and that are missing; asks for root only when something is missing.
set -euo pipefail

build=(g++ cmake ninja-build lld ccache make git python3 pkg-config libpq-dev libsqlitecpp-dev
       libsqlite3-dev libspdlog-dev libfmt-dev libexpected-dev nlohmann-json3-dev libcli11-dev libtomlplusplus-dev
       libpugixml-dev libssl-dev zlib1g-dev libzstd-dev libgtest-dev)
run=(curl ca-certificates openssl zstd libpq5)  # zstd: what unpack.py calls
check=(clang-format python3-botocore strace xfsprogs)

missing=()
for p in "${build[@]}" "${run[@]}" "${check[@]}"; do
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || missing+=("$p")
done
# Any Boost with asio::as_tuple (1.81 and later), any PostgreSQL that Debian or PGDG has packaged, any aws CLI will do.
boost=$(sed -n 's/^#define BOOST_VERSION \([0-9]*\).*/\1/p' /usr/include/boost/version.hpp 2>/dev/null || true)
if [ "${boost:-0}" -lt 108100 ]; then
  if apt-cache show libboost1.81-dev >/dev/null 2>&1; then missing+=(libboost1.81-dev); else missing+=(libboost-dev); fi
fi
compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || missing+=(postgresql)
command -v psql >/dev/null || missing+=(postgresql-client)
command -v aws >/dev/null || missing+=(awscli)
[ ${#missing[@]} -eq 0 ] && exit 0

echo "Installing: ${missing[*]}"
sudo=""
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || { echo "These packages are missing and neither root nor sudo is there to install them: ${missing[*]}" >&2; exit 1; }
  sudo=sudo
fi
# Debian's package would create and start a cluster of its own; Howdah makes its own.
if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
  $sudo mkdir -p /etc/postgresql-common
  echo "create_main_cluster = false" | $sudo tee /etc/postgresql-common/createcluster.conf >/dev/null
fi
$sudo apt-get update -qq
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
