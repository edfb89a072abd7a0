# Thin aliases: everything is done by the `marquee` command, which the first start installs.
# Settings are given in the environment, in .env, or here: make up SOURCES=live
MARQUEE = sh infra/local/bootstrap.sh
DEV = .marquee/venvs/dev/bin
LOCKS = airflow tasks mlflow serving local support installer
# `make locks UPGRADE=--upgrade` takes newer versions; without it the pinned ones stay where they still fit.
COMPILE = .marquee/venvs/installer/bin/uv pip compile -q --python-version 3.11 --generate-hashes --no-annotate \
	--custom-compile-command 'make locks' $(UPGRADE)

unexport PYTHONDONTWRITEBYTECODE # without bytecode every start would compile its imports again

.PHONY: up down status doctor logs open run predict replay reset feast secrets dev check check-types check-core check-rest test test-platforms test-servers test-containers bench-tasks bench-containers bench-serving soak-serving bench-swaps bench-faults bench-deployments bench-replay bench-agreement fuzz-serving schemas proto locks

up down status doctor open reset secrets:
	@$(MARQUEE) $@ $(ARGS)

logs: # make logs SERVICE=api ARGS=-f
	@$(MARQUEE) logs $(SERVICE) $(ARGS)

run: # make run DAG=refresh_movies ARGS="--conf day=2026-01-31"
	@$(MARQUEE) run $(DAG) $(ARGS)

predict: # make predict ID=tt0111161
	@$(MARQUEE) predict $(ID)

replay: # make replay ID=01a20d2c185184438d9489ac00000000
	@$(MARQUEE) replay $(ID) $(ARGS)

feast: # make feast ARGS="feature-views list"
	@$(MARQUEE) feast $(ARGS)

dev:
	@$(MARQUEE) install dev

ALL = dev airflow tasks mlflow serving
TIMED = sh .ci/timed
PLATFORMS = containers or (e2e and not real_data)
UNIT = $(DEV)/pytest -q -m "not integration and not e2e and not containers and not real_data"

check: # the gate; its parts share the two cores
	@$(MAKE) --no-print-directory -j2 --output-sync=target check-types check-core check-rest

check-types: dev
	$(DEV)/ruff check .
	$(DEV)/ruff format --check .
	$(DEV)/hadolint infra/images/*.Dockerfile infra/images/bases/Dockerfile
	$(DEV)/lint-imports
	$(DEV)/mypy

check-core: dev # every branch of the core
	$(UNIT) tests/tasks/core --cov=tasks.core --cov-branch --cov-report=term-missing:skip-covered --cov-fail-under=100

check-rest: dev
	$(UNIT) --ignore=tests/tasks/core

test: # everything; the two lanes run beside each other, since each waits half of its time for servers and for Airflow
	@rm -f .marquee/minutes
	@$(TIMED) install $(MARQUEE) install $(ALL)
	@$(TIMED) gate $(MAKE) --no-print-directory check
	@$(MAKE) --no-print-directory --keep-going -j2 --output-sync=target test-platforms test-servers; \
		code=$$?; cat .marquee/minutes; exit $$code

test-platforms: # whole platforms: in containers, then embedded, on the sample
	@$(MARQUEE) install $(ALL)
	@$(TIMED) test-platforms $(DEV)/pytest -m "$(PLATFORMS)" --durations=25

test-servers: # single servers, then a platform on the real films; with test-platforms every test that the gate leaves out
	@$(MARQUEE) install $(ALL)
	@$(TIMED) test-servers $(DEV)/pytest -m "(integration or e2e or containers or real_data) and not ($(PLATFORMS))" --durations=25

test-containers: dev
	@$(MARQUEE) install airflow tasks mlflow serving
	$(DEV)/pytest -m containers --durations=25

bench-tasks: dev # what a container costs a task
	@$(MARQUEE) install airflow tasks
	$(DEV)/python -m tests.bench.scenarios.task_overhead

bench-containers: dev # images, `up --docker`, memory, and the same result as embedded; make bench-containers ARGS=--cold
	@$(MARQUEE) install airflow tasks mlflow serving local
	$(DEV)/python -m tests.bench.scenarios.containers $(ARGS)

bench-serving: dev # what an answer costs, beside what a user might pick instead; needs wrk
	@$(MARQUEE) install tasks mlflow serving local
	$(DEV)/python -m tests.bench.scenarios.serving $(ARGS)

soak-serving: dev # ten minutes of a steady load: failures, p99, memory, receipts; make soak-serving ARGS="--seconds 60"
	@$(MARQUEE) install tasks mlflow serving local
	$(DEV)/python -m tests.bench.scenarios.soak $(ARGS)

bench-swaps: dev # champions swapped and the API rolled over under a load that may not lose a request
	@$(MARQUEE) install tasks mlflow serving local
	$(DEV)/python -m tests.bench.scenarios.swaps $(ARGS)

bench-faults: dev # each service broken under a load that must be answered
	@$(MARQUEE) install tasks mlflow serving local
	$(DEV)/python -m tests.bench.scenarios.faults $(ARGS)

bench-deployments: dev # kill -9 at every step of preparing, deploying and rolling back; make bench-deployments ARGS="--trials 50"
	@$(MARQUEE) install mlflow local
	$(DEV)/python -m tests.bench.scenarios.deployments $(ARGS)

bench-replay: dev # receipts of two releases computed again; a corrupt field found
	@$(MARQUEE) install tasks mlflow serving local
	$(DEV)/python -m tests.bench.scenarios.replay $(ARGS)

bench-agreement: dev # one movie, one rating, through every entry point
	@$(MARQUEE) install tasks mlflow serving local
	$(DEV)/python -m tests.bench.scenarios.agreement $(ARGS)

fuzz-serving: dev # requests and calls of any kind; make fuzz-serving FUZZ_REQUESTS=200000
	@$(MARQUEE) install serving
	FUZZ_REQUESTS=$(or $(FUZZ_REQUESTS),50000) $(DEV)/pytest tests/serving/any_request --durations=6

schemas: dev # infra/setup/migrations/*.sql, the whole schemas for people to read
	$(DEV)/python -m tests.infra.setup.write_schemas

proto: dev # the code of the gRPC door, and of Feast's values
	$(DEV)/python -m grpc_tools.protoc -I . --python_out=. --pyi_out=. --grpc_python_out=. serving/grpc_api/marquee.proto
	$(DEV)/python -m grpc_tools.protoc -I . --python_out=. --pyi_out=. serving/features/feast_value.proto

locks: dev
	$(COMPILE) pyproject.toml $(LOCKS:%=--group %) --group dev -o requirements.txt
	for lock in $(LOCKS); do $(COMPILE) -c requirements.txt --group $$lock -o infra/locks/$$lock.txt || exit 1; done
