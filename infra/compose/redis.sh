#!/bin/sh
# Starts Valkey with the users in REDIS_USERS, one per line (with digests instead of passwords).
#
# All its data come from Postgres and S3. If Valkey cannot read them, they are moved to /data/damaged and it starts empty. The
# next run of refresh_movies publishes the features again.
set -eu
umask 077
printf '%s\n' "$REDIS_USERS" "user health on nopass resetkeys resetchannels -@all +ping" >/tmp/users.acl

serve() { # runs Valkey with these options, passes signals on to it, and sets code and stopped
    stopped=
    code=0
    valkey-server --appendonly yes --appendfsync everysec --save "" --auto-aof-rewrite-min-size 8mb \
        --maxmemory "$REDIS_MAXMEMORY" --maxmemory-policy noeviction "$@" &
    server=$!
    trap 'stopped=yes; kill -TERM "$server"' TERM INT
    wait "$server" || code=$?
    while kill -0 "$server" 2>/dev/null; do # a signal ended the wait, but the server still runs
        code=0
        wait "$server" || code=$?
    done
}

starts_empty() { # succeeds if Valkey runs on an empty folder; else the data are not the cause of a failed start
    rm -rf /tmp/probe
    mkdir /tmp/probe
    valkey-server --port 0 --unixsocket /tmp/probe/socket --dir /tmp/probe --appendonly yes --save "" >/dev/null &
    probe=$!
    sleep 2
    kill -KILL "$probe" 2>/dev/null
}

serve --port 6379 --dir /data --aclfile /tmp/users.acl
if [ "$code" -eq 1 ] && [ -z "$stopped" ] && [ -e /data/appendonlydir ] && starts_empty; then
    echo "Valkey could not read its data: they are set aside in /data/damaged. Run refresh_movies to publish the features again."
    rm -rf /data/damaged
    mkdir /data/damaged
    mv /data/appendonlydir /data/damaged/
    serve --port 6379 --dir /data --aclfile /tmp/users.acl
fi
exit "$code"
