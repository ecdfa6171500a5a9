#!/usr/bin/env bash
# `make up`: starts Howdah, makes a first database with the aws CLI, loads a small schema. Run it again whenever you
# like: what is there already is kept. `make down` (up.sh down) stops the daemon and its databases; no data is removed.
#
# HOWDAH_STATE_DIR, HOWDAH_LISTEN and HOWDAH_CONFIG choose another place, port and settings file.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
howdah=${HOWDAH:-$root/build/howdah}
if [ "$(id -u)" = 0 ]; then default_state=/var/lib/howdah; else default_state=${XDG_STATE_HOME:-$HOME/.local/state}/howdah; fi
state=${HOWDAH_STATE_DIR:-$default_state}
listen=${HOWDAH_LISTEN:-127.0.0.1:4566}
flags=(--state-dir "$state" --listen "$listen")
[ -z "${HOWDAH_CONFIG:-}" ] || flags+=(--config "$HOWDAH_CONFIG")
mine=$state/up                       # what this script keeps: daemon.log, the master password, a pgpass file
db=cruddur-db-instance
user=cruddurroot

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
die() { echo "up: $*" >&2; exit 1; }

# The daemon's pid when it runs: it holds a lock on $state/lock, where its pid is written.
daemon_pid() {
  [ -e "$state/lock" ] || return 1
  flock -n -s "$state/lock" true 2>/dev/null && return 1
  tr -dc 0-9 <"$state/lock"
}

healthy() { curl -fsS -m 2 -k "http://$listen/health" >/dev/null 2>&1 || curl -fsS -m 2 -k "https://$listen/health" >/dev/null 2>&1; }

start_daemon() {
  local pid
  if pid=$(daemon_pid); then echo "howdah runs already (pid $pid)"; return; fi
  "$howdah" "${flags[@]}" doctor | grep -A1 MISSING && die "the above is missing on this machine"
  mkdir -p "$mine" && chmod 700 "$mine" && chmod 711 "$state"
  setsid nohup "$howdah" serve "${flags[@]}" >>"$mine/daemon.log" 2>&1 </dev/null &
  pid=$!
  for _ in $(seq 100); do
    healthy && { echo "howdah serves http://$listen (pid $pid, log $mine/daemon.log)"; return; }
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  tail -n 5 "$mine/daemon.log" >&2
  die "the daemon did not start"
}

password() {
  if [ ! -s "$mine/$db.password" ]; then
    (umask 077; LC_ALL=C tr -dc 'A-Za-z0-9' </dev/urandom 2>/dev/null | head -c 24 >"$mine/$db.password") || true
  fi
  [ -s "$mine/$db.password" ] || die "cannot write $mine/$db.password"
}

create_database() {
  if aws rds describe-db-instances --db-instance-identifier "$db" >/dev/null 2>&1; then
    echo "$db is there already"
    return
  fi
  local version
  version=$(aws rds describe-db-engine-versions --engine postgres --default-only \
    --query 'DBEngineVersions[0].EngineVersion' --output text)
  echo "creating $db, PostgreSQL $version"
  aws rds create-db-instance \
    --db-instance-identifier "$db" \
    --db-instance-class db.t3.micro \
    --engine postgres \
    --engine-version "$version" \
    --master-username "$user" \
    --master-user-password "file://$mine/$db.password" \
    --allocated-storage 20 \
    --availability-zone "${AWS_REGION}a" \
    --backup-retention-period 0 \
    --port 5432 \
    --no-multi-az \
    --db-name cruddur \
    --storage-type gp2 \
    --publicly-accessible \
    --storage-encrypted \
    --enable-performance-insights \
    --performance-insights-retention-period 7 \
    --no-deletion-protection >/dev/null
}

load_schema() {
  psql -X -q -v ON_ERROR_STOP=1 "$url" <<'SQL'
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS "uuid-ossp";
CREATE TABLE IF NOT EXISTS users (
  uuid uuid PRIMARY KEY DEFAULT uuid_generate_v4(),
  display_name text NOT NULL,
  handle text NOT NULL UNIQUE,
  created_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE IF NOT EXISTS activities (
  uuid uuid PRIMARY KEY DEFAULT uuid_generate_v4(),
  user_uuid uuid NOT NULL REFERENCES users,
  message text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now());
INSERT INTO users (display_name, handle) VALUES ('Andrew Brown', 'andrewbrown'), ('Andrew Bayko', 'bayko')
  ON CONFLICT DO NOTHING;
INSERT INTO activities (user_uuid, message)
  SELECT uuid, 'This was imported as seed data!' FROM users WHERE handle = 'andrewbrown'
  AND NOT EXISTS (SELECT FROM activities);
SQL
}

up() {
  local began=$SECONDS host port
  say "1. The daemon"
  start_daemon
  eval "$("$howdah" "${flags[@]}" env)"
  password
  say "2. A database, as in any RDS tutorial"
  create_database
  aws rds wait db-instance-available --db-instance-identifier "$db"
  read -r host port < <(aws rds describe-db-instances --db-instance-identifier "$db" \
    --query 'DBInstances[0].Endpoint.[Address,Port]' --output text)
  (umask 077; printf '%s:%s:*:%s:%s\n' "$host" "$port" "$user" "$(cat "$mine/$db.password")" >"$mine/pgpass")
  export PGPASSFILE=$mine/pgpass
  url="postgresql://$user@$host:$port/cruddur?sslmode=require"
  say "3. A small schema"
  load_schema
  psql -X -At "$url" -c "SELECT 'users: ' || count(*) FROM users" -c "SELECT version()"

  local again=""
  [ "$state" = "$default_state" ] || again+=" --state-dir $state"
  [ "$listen" = 127.0.0.1:4566 ] || again+=" --listen $listen"
  [ -z "${HOWDAH_CONFIG:-}" ] || again+=" --config $HOWDAH_CONFIG"
  say "Ready after $((SECONDS - began)) s. Go on with:"
  cat <<END
  eval "\$($howdah$again env)"
  export PGPASSFILE=$PGPASSFILE
  psql "$url"                     # or: db-connect --role admin $db

Then try, for instance:
  aws rds describe-db-instances --query 'DBInstances[].[DBInstanceIdentifier,DBInstanceStatus,Endpoint.Address]' --output table
  aws rds modify-db-instance --db-instance-identifier $db --preferred-maintenance-window sun:04:00-sun:04:30
  aws rds create-db-snapshot --db-instance-identifier $db --db-snapshot-identifier first
  aws rds restore-db-instance-from-db-snapshot --db-instance-identifier copy --db-snapshot-identifier first
Stop everything with: make down
END
}

# Servers outlive the daemon on purpose, so they are stopped one by one: fast shutdown of each postmaster whose working
# directory is the data directory it was found in.
stop_servers() {
  local file pid dir pids=()
  while IFS= read -r file; do
    pid=$(head -n 1 "$file" 2>/dev/null | tr -dc 0-9) || continue
    dir=$(dirname "$file")
    [ -n "$pid" ] && [ "$(readlink "/proc/$pid/cwd")" = "$(readlink -f "$dir")" ] || continue
    kill -INT "$pid" && pids+=("$pid") && echo "stopping the server in $dir (pid $pid)"
  done < <(find "$state" -maxdepth 6 -name postmaster.pid 2>/dev/null)
  wait_gone 60 "${pids[@]}"
}

# The processes that keep the servers' WAL a second time; each copies what is left and ends.
stop_keepers() {
  local lock pid pids=()
  for lock in "$state"/vault/*/keeper.lock; do
    [ -e "$lock" ] && ! flock -n -s "$lock" true 2>/dev/null || continue
    pid=$(sed -n 's/.*"pid": *\([0-9]*\).*/\1/p' "$(dirname "$lock")/keeper.info" 2>/dev/null | head -1)
    [ -n "$pid" ] && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -q ' keeper ' || continue
    kill -TERM "$pid" && pids+=("$pid")
  done
  wait_gone 30 "${pids[@]}"
}

# Not one that has ended and that nobody has waited for: in a container without an init it stays in the table.
runs() {
  local stat
  { read -r stat <"/proc/$1/stat"; } 2>/dev/null && [[ ${stat##*) } != [ZX]* ]]
}

wait_gone() {
  local seconds=$1 pid; shift
  for pid in "$@"; do
    for _ in $(seq $((seconds * 10))); do runs "$pid" || break; sleep 0.1; done
    if runs "$pid"; then die "process $pid does not end"; fi
  done
}

down() {
  local pid
  if pid=$(daemon_pid); then
    kill -TERM "$pid"
    wait_gone 30 "$pid"
    echo "howdah is stopped (pid $pid)"
  else
    echo "no howdah runs on $state"
  fi
  stop_servers
  stop_keepers
}

case ${1:-up} in
  up) up ;;
  down) down ;;
  *) die "usage: up.sh [up|down]" ;;
esac
