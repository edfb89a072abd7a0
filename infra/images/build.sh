#!/bin/sh
# Builds the platform's images: `sh infra/images/build.sh [NAME…]`, tagged marquee/NAME:$MARQUEE_VERSION (default: dev).
# BUILD_FLAGS=--no-cache rebuilds every layer.
set -eu
cd "$(dirname -- "$0")/../.."
if [ -z "${MARQUEE_VERSION:-}" ] && [ -f .env ]; then # read it as Compose does, so that Compose finds the images
    MARQUEE_VERSION=$(sed -n "s/^MARQUEE_VERSION=[\"']\{0,1\}\([^\"' #]*\).*/\1/p" .env | tail -n 1)
fi
revision=$(git rev-parse HEAD)
[ -z "$(git status --porcelain -- dags feature_repo infra serving tasks)" ] || revision="$revision-dirty"
[ $# -gt 0 ] || set -- support serving mlflow airflow tasks
for name; do
    echo "  - building marquee/$name:${MARQUEE_VERSION:-dev}"
    sh infra/images/docker.sh build --quiet ${BUILD_FLAGS:-} --file "infra/images/$name.Dockerfile" --build-arg "REVISION=$revision" \
        --tag "marquee/$name:${MARQUEE_VERSION:-dev}" . >/dev/null
done
