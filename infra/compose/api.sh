#!/bin/sh
# Starts the API. With API_KEYS, lines of names and digests of keys, every request needs one of those keys.
set -eu
umask 077
if [ -n "${API_KEYS+given}" ]; then
    printf '%s\n' "$API_KEYS" >/tmp/api_keys
    unset API_KEYS
    export API_KEYS_FILE=/tmp/api_keys
fi
exec python -m serving
