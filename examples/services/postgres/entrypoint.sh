#!/bin/sh
# Makes the data directory where there is none yet, then runs the server. Arguments go to `postgres`.
set -eu

user=${POSTGRES_USER:-postgres}
database=${POSTGRES_DB:-$user}
data=${PGDATA:?names the data directory}
template=${POSTGRES_TEMPLATE:?names the directory that template.sh made}

literal() { printf "'%s'" "$(printf %s "$1" | sed "s/'/''/g")"; }
identifier() { printf '"%s"' "$(printf %s "$1" | sed 's/"/""/g')"; }

statements() {
  if [ "$user" = postgres ]; then verb=ALTER; else verb=CREATE; fi
  echo "$verb ROLE $(identifier "$user") SUPERUSER LOGIN PASSWORD $(literal "$POSTGRES_PASSWORD");"
  if [ "$database" != postgres ]; then
    echo "CREATE DATABASE $(identifier "$database") OWNER $(identifier "$user");"
  fi
}

if [ ! -s "$data/PG_VERSION" ]; then
  if [ -z "${POSTGRES_PASSWORD:-}" ]; then
    echo "postgres: POSTGRES_PASSWORD is not set; set it to the password of the user \"$user\"" >&2
    exit 1
  fi
  # Prepared beside its place and moved there whole: a start that is killed half-way is done again, not trusted.
  rm -rf "$data.new"
  cp -R "$template" "$data.new"
  chmod 0700 "$data.new"
  # In single-user mode nobody can connect, so no probe takes a half-made database for a ready one.
  statements | postgres --single -D "$data.new" -c exit_on_error=on postgres >/dev/null
  mv -T "$data.new" "$data"
fi

# SIGTERM, which a pod gets, tells PostgreSQL to wait until its last client has left; SIGINT is its fast shutdown.
postgres -D "$data" "$@" 2>&1 &
server=$!
stopping=false
trap 'stopping=true; kill -INT "$server"' TERM INT
status=0
wait "$server" || status=$?
# A signal ends the wait, not yet the server.
if $stopping; then wait "$server"; else exit "$status"; fi
