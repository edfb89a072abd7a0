#!/bin/sh
# Starts the API. If API_KEYS is set (lines of names and key digests), every request needs one of those keys.
set -eu
umask 077
if [ -n "${API_KEYS+given}" ]; then
    printf '%s\n' "$API_KEYS" >/tmp/api_keys
    unset API_KEYS
    export API_KEYS_FILE=/tmp/api_keys
fi
exec python -m serving
