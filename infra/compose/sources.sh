#!/bin/sh
# Serves a folder as IMDb and TMDB do. With SOURCES=sample it first writes the synthetic sample; another folder is mounted here.
set -eu
folder=/var/lib/marquee/sources
if [ "$SOURCES" = sample ]; then
    folder=$folder/sample
    python -m infra.sources.sample --folder "$folder" --movies "$SAMPLE_FILMS"
fi
exec python -m infra.sources.server --folder "$folder" --host 0.0.0.0 --port 8090
