#!/bin/sh
# Airflow's simple login reads its passwords from a file. They come in a variable, and the file is in memory (tmpfs).
set -eu
if [ -n "${AIRFLOW_ADMIN_PASSWORD:-}" ]; then
    umask 077
    printf '{"admin": "%s"}' "$AIRFLOW_ADMIN_PASSWORD" >"$AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"
    umask 022
fi
exec "$@"
