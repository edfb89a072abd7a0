#!/bin/sh
# Runs the first Docker client on PATH that can build with BuildKit. From release 23 on, this needs the buildx plugin.
set -eu
export DOCKER_BUILDKIT=1
IFS=:
for folder in $PATH; do
    docker=$folder/docker
    [ -x "$docker" ] || continue
    major=$("$docker" --version | sed 's/^[^0-9]*\([0-9]*\).*/\1/')
    if "$docker" buildx version >/dev/null 2>&1 || [ "$major" -lt 23 ]; then
        exec "$docker" "$@"
    fi
done
echo "No Docker client that builds with BuildKit was found: install Docker with its buildx plugin." >&2
exit 1
