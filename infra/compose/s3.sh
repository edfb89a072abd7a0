#!/bin/sh
# Starts SeaweedFS with the identities of S3_IDENTITIES; without that file it would accept every client.
set -eu
umask 077
printf '%s\n' "$S3_IDENTITIES" >/tmp/identities.json
exec /usr/bin/weed -logtostderr server -dir=/data -ip=127.0.0.1 -ip.bind=127.0.0.1 -s3 -s3.ip.bind=0.0.0.0 -s3.port=8333 \
    -s3.config=/tmp/identities.json -s3.iam=false -s3.port.iceberg=0 -s3.port.lance=0 -master.telemetry=false -volume.max=0 \
    -master.volumeSizeLimitMB=1024 -filer.disableHttp -master.electionTimeout=1s
