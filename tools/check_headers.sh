#!/usr/bin/env bash
# Proves that every header of src/ compiles on its own. Needs a configured build directory (generated types).
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:-build}
git ls-files 'src/*.h' | grep -v 'src/.*testing\.h$' | xargs -P "$(nproc)" -I{} sh -c '
  echo "#include \"$(echo {} | sed "s,^src/,,")\"" |
    g++ -std=c++20 -fsyntax-only -Wall -Isrc -I'"$build"'/gen -I/usr/include/postgresql -x c++ - || { echo "does not stand alone: {}" >&2; exit 255; }'
echo "check_headers: $(git ls-files 'src/*.h' | grep -vc 'testing\.h$') headers stand alone"
