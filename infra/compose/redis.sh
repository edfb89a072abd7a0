#!/bin/sh
# Starts Valkey with the users that REDIS_USERS lists, one to a line (digests of passwords, no passwords).
set -eu
umask 077
printf '%s\n' "$REDIS_USERS" "user health on nopass resetkeys resetchannels -@all +ping" >/tmp/users.acl
exec valkey-server --port 6379 --dir /data --aclfile /tmp/users.acl --appendonly yes --appendfsync everysec --save "" \
    --auto-aof-rewrite-min-size 8mb
