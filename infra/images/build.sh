#!/bin/sh
# Builds the platform's images: `sh infra/images/build.sh [NAME…]`, tagged marquee/NAME:$MARQUEE_VERSION (default: dev).
# BUILD_FLAGS=--no-cache rebuilds every layer.
set -eu
cd "$(dirname -- "$0")/../.."
if [ -z "${MARQUEE_VERSION+set}" ] && [ -f .env ]; then # as the `marquee` command and Compose read it, so that Compose finds the images
    python=.marquee/venvs/local/bin/python
    [ -x "$python" ] || sh infra/local/bootstrap.sh --help >/dev/null # installs it
    MARQUEE_VERSION=$("$python" -c 'from infra.platform.settings import read_environment as read; print(read().get("MARQUEE_VERSION", ""))')
fi
revision=$(git rev-parse HEAD)
[ -z "$(git status --porcelain -- dags feature_repo infra serving tasks)" ] || revision="$revision-dirty"
[ $# -gt 0 ] || set -- support serving mlflow airflow tasks
for name; do
    echo "  - building marquee/$name:${MARQUEE_VERSION:-dev}"
    sh infra/images/docker.sh build --quiet ${BUILD_FLAGS:-} --file "infra/images/$name.Dockerfile" --build-arg "REVISION=$revision" \
        --tag "marquee/$name:${MARQUEE_VERSION:-dev}" . >/dev/null
done
