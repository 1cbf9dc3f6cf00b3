#!/bin/sh
# Makes the data directory that every start copies: template.sh DIRECTORY
# Done once, when the image is built, because initdb takes longer than all the rest of a start.
set -eu

# Small WAL segments make the copy quick.
initdb --pgdata="$1" --username=postgres --encoding=UTF8 --locale=C.UTF-8 --wal-segsize=1 \
  --auth-local=trust --auth-host=scram-sha-256 --no-sync --no-instructions

cat >>"$1/postgresql.conf" <<'SETTINGS'

listen_addresses = '*'
unix_socket_directories = '/tmp'
# initdb measures the machine that builds the image; the one that runs it is another.
max_connections = 100
shared_buffers = 64MB
dynamic_shared_memory_type = posix
# The data lives as long as its container: nothing is gained by surviving a power cut.
fsync = off
synchronous_commit = off
full_page_writes = off
# The image leaves LLVM out: it is more than half of its size.
jit = off
SETTINGS

echo 'host all all all scram-sha-256' >>"$1/pg_hba.conf"
