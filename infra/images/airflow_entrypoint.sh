#!/bin/sh
# Airflow's simple auth manager reads passwords from a file. This script writes the file, in memory (tmpfs), from a variable.
set -eu
if [ -n "${AIRFLOW_ADMIN_PASSWORD:-}" ]; then
    umask 077
    printf '{"admin": "%s"}' "$AIRFLOW_ADMIN_PASSWORD" >"$AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"
    umask 022
fi
exec "$@"
