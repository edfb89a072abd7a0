#!/bin/sh
# Serves the sample's world as IMDb and TMDB do, or another folder, which is mounted here.
set -eu
folder=/var/lib/marquee/sources
if [ "$SOURCES" = sample ]; then
    rm -rf "$folder/sample" # of releases before the world
    exec python -m infra.sources.server --world "$folder/world" --movies "$SAMPLE_FILMS" --seed "$SAMPLE_SEED" \
        --scenario "$SAMPLE_SCENARIO" --host 0.0.0.0 --port 8090
fi
exec python -m infra.sources.server --folder "$folder" --host 0.0.0.0 --port 8090
