#!/bin/sh
# Starts the API; with API_KEYS, lines of names and digests of keys, only who has such a key may ask.
set -eu
umask 077
if [ -n "${API_KEYS+given}" ]; then
    printf '%s\n' "$API_KEYS" >/tmp/api_keys
    unset API_KEYS
    export API_KEYS_FILE=/tmp/api_keys
fi
exec python -m serving
