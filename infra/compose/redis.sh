#!/bin/sh
# Starts Valkey with the users that REDIS_USERS lists, one to a line (digests of passwords, no passwords).
#
# All its data are made from Postgres and S3. So data that it cannot read are set aside in /data/damaged, it starts empty,
# and the next run of refresh_movies publishes the features again.
set -eu
umask 077
printf '%s\n' "$REDIS_USERS" "user health on nopass resetkeys resetchannels -@all +ping" >/tmp/users.acl

serve() { # runs Valkey with these options; a signal to this shell is passed on; sets code and stopped
    stopped=
    code=0
    valkey-server --appendonly yes --appendfsync everysec --save "" --auto-aof-rewrite-min-size 8mb "$@" &
    server=$!
    trap 'stopped=yes; kill -TERM "$server"' TERM INT
    wait "$server" || code=$?
    while kill -0 "$server" 2>/dev/null; do # the signal ended the wait, not yet the server
        code=0
        wait "$server" || code=$?
    done
}

starts_empty() { # whether Valkey runs on an empty folder; if not, the data are not the cause of a failed start
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
