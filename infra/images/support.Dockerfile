# The platform's own small programs: the filter in front of the Docker socket, the source server, the setup of the stores.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

# hadolint ignore=DL3006
FROM ${PYTHON_IMAGE} AS build
WORKDIR /build
COPY infra/locks/installer.txt ./
RUN python -m venv installer && installer/bin/pip install --no-cache-dir --require-hashes --requirement installer.txt
COPY infra/locks/support.txt ./
RUN --mount=type=cache,target=/root/.cache/uv installer/bin/uv venv --python /usr/local/bin/python /opt/venv \
    && installer/bin/uv pip install --python /opt/venv/bin/python --link-mode copy --compile-bytecode \
        --require-hashes --requirement support.txt

# hadolint ignore=DL3006
FROM ${PYTHON_IMAGE}
# Make the sample's folder here, so that the volume mounted over it belongs to the user.
RUN groupadd --gid 10001 marquee && useradd --uid 10001 --gid 10001 --home-dir /tmp --no-create-home marquee \
    && mkdir -p /var/lib/marquee/sources && chown 10001:10001 /var/lib/marquee/sources
COPY --from=build /opt/venv /opt/venv
WORKDIR /app
COPY --chmod=0755 infra/images/check_url.py /opt/bin/
COPY --chmod=0755 infra/__init__.py infra/json_log.py infra/
COPY --chmod=0755 infra/docker_filter infra/docker_filter
COPY --chmod=0755 infra/setup infra/setup
COPY --chmod=0755 infra/sources infra/sources
RUN /opt/venv/bin/python -m compileall -q infra
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONUTF8=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp
USER 10001:10001
ENTRYPOINT ["/opt/venv/bin/dumb-init", "--"]
CMD ["python", "-m", "infra.docker_filter"]
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s --retries=6 \
    CMD ["python", "/opt/bin/check_url.py", "http://127.0.0.1:2375/_ping"]
ARG REVISION=unknown
LABEL org.opencontainers.image.title="marquee support" \
      org.opencontainers.image.description="Docker socket filter, source server, setup of the stores" \
      org.opencontainers.image.revision="${REVISION}"
