#!/usr/bin/env bash
# clang-tidy over the given folder (default src) without its tests. Uses the newest clang-tidy that is installed; 14 and
# older cannot read the standard library's ranges.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=${1:-src}
tidy=$(compgen -c clang-tidy- | grep -xE 'clang-tidy-[0-9]+' | sort -t- -k3 -n | tail -1 || true)
[ "${tidy#clang-tidy-}" -ge 15 ] 2>/dev/null || { echo "tidy: no clang-tidy 15 or later here; on Debian 12: apt-get install clang-tidy-16" >&2; exit 1; }
# A compilation database of its own: clang cannot read GCC's precompiled header, so the header itself is included.
cmake --preset release -B build-tidy -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON >/dev/null
cmake --build build-tidy --target generated >/dev/null
files=$(git ls-files "$folder/*.cpp" | grep -vE '_(test|fuzz)\.cpp$')
echo "$files" | xargs -P "$(nproc)" -n 4 "$tidy" -p build-tidy --quiet --extra-arg=-include --extra-arg=cmake/pch.h --extra-arg=-Wno-unused-command-line-argument \
  --extra-arg="-I$PWD" 2>/dev/null
echo "tidy: $(echo "$files" | wc -l) files, no finding"
