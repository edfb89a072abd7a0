# The prediction API: `python -m serving`.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

# hadolint ignore=DL3006
FROM ${PYTHON_IMAGE} AS build
WORKDIR /build
COPY infra/locks/installer.txt ./
RUN python -m venv installer && installer/bin/pip install --no-cache-dir --require-hashes --requirement installer.txt
COPY infra/locks/serving.txt ./
RUN --mount=type=cache,target=/root/.cache/uv installer/bin/uv venv --python /usr/local/bin/python /opt/venv \
    && installer/bin/uv pip install --python /opt/venv/bin/python --link-mode copy --compile-bytecode \
        --require-hashes --requirement serving.txt

# hadolint ignore=DL3006
FROM ${PYTHON_IMAGE}
# Make the folder here, so that the volume mounted over it belongs to the user.
RUN groupadd --gid 10001 marquee && useradd --uid 10001 --gid 10001 --home-dir /tmp --no-create-home marquee \
    && mkdir -p /var/lib/marquee/deployments \
    && chown 10001:10001 /var/lib/marquee/deployments
COPY --from=build /opt/venv /opt/venv
WORKDIR /app
COPY --chmod=0755 infra/images/check_url.py /opt/bin/
COPY --chmod=0755 serving serving
RUN /opt/venv/bin/python -m compileall -q serving
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONUTF8=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp \
    API_HOST=0.0.0.0 API_PORT=8000 GRPC_PORT=50051 METRICS_PORT=9464 \
    DEPLOYMENT_CACHE_DIR=/var/lib/marquee/deployments
USER 10001:10001
ENTRYPOINT ["/opt/venv/bin/dumb-init", "--"]
CMD ["python", "-m", "serving"]
EXPOSE 8000 50051 9464
HEALTHCHECK --interval=10s --timeout=10s --start-period=30s --retries=6 \
    CMD ["python", "/opt/bin/check_url.py", "http://127.0.0.1:8000/livez"]
ARG REVISION=unknown
LABEL org.opencontainers.image.title="marquee serving" \
      org.opencontainers.image.description="GET /predict?movie_id=" \
      org.opencontainers.image.revision="${REVISION}"
