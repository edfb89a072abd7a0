# Airflow: API server, scheduler, DAG processor, triggerer and Celery worker run this image with different commands.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

# hadolint ignore=DL3006
FROM ${PYTHON_IMAGE} AS build
WORKDIR /build
COPY infra/locks/installer.txt ./
RUN python -m venv installer && installer/bin/pip install --no-cache-dir --require-hashes --requirement installer.txt
COPY infra/locks/airflow.txt ./
RUN --mount=type=cache,target=/root/.cache/uv installer/bin/uv venv --python /usr/local/bin/python /opt/venv \
    && installer/bin/uv pip install --python /opt/venv/bin/python --link-mode copy --compile-bytecode \
        --require-hashes --requirement airflow.txt

# hadolint ignore=DL3006
FROM ${PYTHON_IMAGE}
# Make the log folder here, so that the volume mounted over it belongs to the user.
RUN groupadd --gid 10001 marquee && useradd --uid 10001 --gid 10001 --home-dir /opt/airflow --create-home marquee \
    && mkdir /opt/airflow/logs && chown 10001:10001 /opt/airflow/logs
COPY --from=build /opt/venv /opt/venv
WORKDIR /app
COPY --chmod=0755 infra/images/airflow_entrypoint.sh infra/images/check_url.py /opt/bin/
COPY --chmod=0755 dags dags
RUN /opt/venv/bin/python -m compileall -q dags
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONUTF8=1 PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=/app \
    AIRFLOW_HOME=/opt/airflow AIRFLOW__CORE__DAGS_FOLDER=/app/dags AIRFLOW__LOGGING__BASE_LOG_FOLDER=/opt/airflow/logs
USER 10001:10001
ENTRYPOINT ["/opt/venv/bin/dumb-init", "--", "/opt/bin/airflow_entrypoint.sh"]
CMD ["airflow", "api-server"]
EXPOSE 8080
# This check is for the API server; docker-compose.yml defines other checks for the other services.
HEALTHCHECK --interval=10s --timeout=10s --start-period=120s --retries=6 \
    CMD ["python", "/opt/bin/check_url.py", "http://127.0.0.1:8080/execution/health"]
ARG REVISION=unknown
LABEL org.opencontainers.image.title="marquee airflow" \
      org.opencontainers.image.description="Airflow with Marquee's DAGs" \
      org.opencontainers.image.revision="${REVISION}"
