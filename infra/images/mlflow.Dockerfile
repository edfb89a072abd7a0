# MLflow's tracking server and registry; the addresses of its database and artifacts come from variables.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

# hadolint ignore=DL3006
FROM ${PYTHON_IMAGE} AS build
WORKDIR /build
COPY infra/locks/installer.txt ./
RUN python -m venv installer && installer/bin/pip install --no-cache-dir --require-hashes --requirement installer.txt
COPY infra/locks/mlflow.txt ./
RUN --mount=type=cache,target=/root/.cache/uv installer/bin/uv venv --python /usr/local/bin/python /opt/venv \
    && installer/bin/uv pip install --python /opt/venv/bin/python --link-mode copy --compile-bytecode \
        --require-hashes --requirement mlflow.txt

# hadolint ignore=DL3006
FROM ${PYTHON_IMAGE}
RUN groupadd --gid 10001 marquee && useradd --uid 10001 --gid 10001 --home-dir /tmp --no-create-home marquee
COPY --from=build /opt/venv /opt/venv
COPY --chmod=0755 infra/images/upgrade_mlflow.py infra/images/check_url.py /opt/bin/
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONUTF8=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp
WORKDIR /tmp
USER 10001:10001
ENTRYPOINT ["/opt/venv/bin/dumb-init", "--"]
CMD ["mlflow", "server", "--host", "0.0.0.0", "--port", "5000", "--workers", "1", "--serve-artifacts"]
EXPOSE 5000
HEALTHCHECK --interval=10s --timeout=10s --start-period=60s --retries=6 \
    CMD ["python", "/opt/bin/check_url.py", "http://127.0.0.1:5000/health"]
ARG REVISION=unknown
LABEL org.opencontainers.image.title="marquee mlflow" \
      org.opencontainers.image.description="MLflow tracking server and model registry" \
      org.opencontainers.image.revision="${REVISION}"
