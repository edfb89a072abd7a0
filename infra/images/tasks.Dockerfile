# The tasks: `python -m tasks.<verb> --day …`. Each attempt runs in its own container. All tasks use one image, because they
# share nine tenths of their libraries.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

# hadolint ignore=DL3006
FROM ${PYTHON_IMAGE} AS build
WORKDIR /build
COPY infra/locks/installer.txt ./
RUN python -m venv installer && installer/bin/pip install --no-cache-dir --require-hashes --requirement installer.txt
COPY infra/locks/tasks.txt ./
# Compile bytecode here, because a container that runs one task cannot keep its own.
RUN --mount=type=cache,target=/root/.cache/uv installer/bin/uv venv --python /usr/local/bin/python /opt/venv \
    && installer/bin/uv pip install --python /opt/venv/bin/python --link-mode copy --compile-bytecode \
        --require-hashes --requirement tasks.txt

# hadolint ignore=DL3006
FROM ${PYTHON_IMAGE}
RUN groupadd --gid 10001 marquee && useradd --uid 10001 --gid 10001 --home-dir /tmp --no-create-home marquee
COPY --from=build /opt/venv /opt/venv
WORKDIR /app
COPY --chmod=0755 tasks tasks
COPY --chmod=0755 feature_repo feature_repo
RUN /opt/venv/bin/python -m compileall -q tasks feature_repo
# The container's file system is read-only except for /tmp.
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONUTF8=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp MPLCONFIGDIR=/tmp
USER 10001:10001
# dumb-init, as PID 1, passes SIGTERM on and reaps orphans on every engine.
ENTRYPOINT ["/opt/venv/bin/dumb-init", "--"]
CMD ["python", "-m", "tasks.build_features", "--help"]
HEALTHCHECK NONE
ARG REVISION=unknown
LABEL org.opencontainers.image.title="marquee tasks" \
      org.opencontainers.image.description="One task of Marquee: python -m tasks.<verb> --day YYYY-MM-DD" \
      org.opencontainers.image.revision="${REVISION}"
