# Short aliases of the `marquee` command, which the first start installs.
# Set settings in the environment, in .env, or here: make up SOURCES=live
MARQUEE = sh infra/local/bootstrap.sh
DEV = .marquee/venvs/dev/bin
LOCKS = airflow tasks mlflow serving local support installer
# `make locks UPGRADE=--upgrade` takes newer versions; without it, pinned versions stay if they still fit.
COMPILE = .marquee/venvs/installer/bin/uv pip compile -q --python-version 3.11 --generate-hashes --no-annotate \
	--custom-compile-command 'make locks' $(UPGRADE)

unexport PYTHONDONTWRITEBYTECODE # keep bytecode, so that a start does not compile its imports again

.PHONY: up down status doctor logs open run predict replay reset feast secrets dev check check-types check-core check-rest check-clocks check-hour test test-platforms test-servers test-containers bench-tasks bench-containers bench-serving soak-serving bench-swaps bench-faults bench-deployments bench-rollback bench-replay bench-agreement bench-doctor bench-world bench-search bench-scale fuzz-serving schemas proto locks

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

check: # every check that must pass before a merge; they run in parallel
	@$(MAKE) --no-print-directory -j2 --output-sync=target check-types check-core check-rest

check-types: dev
	$(DEV)/ruff check .
	$(DEV)/ruff format --check .
	$(DEV)/hadolint infra/images/*.Dockerfile infra/images/bases/Dockerfile
	$(DEV)/lint-imports
	$(DEV)/mypy

check-core: dev # covers every branch of tasks/core
	$(UNIT) tests/tasks/core --cov=tasks.core --cov-branch --cov-report=term-missing:skip-covered --cov-fail-under=100

check-rest: dev
	$(UNIT) --ignore=tests/tasks/core

check-clocks: dev # the unit tests across a midnight, at night and in other zones; needs Debian's package faketime
	@for zone in UTC Asia/Seoul Pacific/Auckland; do for at in 00:30:00 02:59:45 03:01:00 23:59:45; do \
		echo "$$at in $$zone"; TZ=$$zone faketime -f "@2026-11-26 $$at" $(UNIT) || exit 1; done; done

CLOCKED = tests/dags tests/infra/cli tests/infra/sources/test_world_server.py tests/serving/core tests/serving/features \
	tests/serving/receipts tests/tasks/core/test_world_clock.py tests/tasks/io/test_world.py tests/tasks/io/imdb \
	tests/tasks/io/tmdb tests/tasks/test_audit_window.py tests/tasks/test_command.py

check-hour: dev # the unit tests that read a clock, just after a midnight far from UTC, for CI; needs faketime
	TZ=Asia/Seoul faketime -f "@2026-11-26 00:30:00" $(UNIT) $(CLOCKED)

test: # all tests; the two lanes run in parallel, because each waits half of its time for servers and Airflow
	@rm -f .marquee/minutes
	@$(TIMED) install $(MARQUEE) install $(ALL)
	@$(TIMED) gate $(MAKE) --no-print-directory check
	@$(MAKE) --no-print-directory --keep-going -j2 --output-sync=target test-platforms test-servers; \
		code=$$?; cat .marquee/minutes; exit $$code

test-platforms: # whole platforms: embedded, then in containers, on the sample
	@$(MARQUEE) install $(ALL)
	@$(TIMED) test-platforms $(DEV)/pytest tests/e2e tests/containers -m "$(PLATFORMS)" --durations=25

test-servers: # single servers, then a platform on real movies; with test-platforms, every test that `check` omits
	@$(MARQUEE) install $(ALL)
	@$(TIMED) test-servers $(DEV)/pytest -m "(integration or e2e or containers or real_data) and not ($(PLATFORMS))" --durations=25

test-containers: dev
	@$(MARQUEE) install airflow tasks mlflow serving
	$(DEV)/pytest -m containers --durations=25

bench-tasks: dev # the overhead of a container for a task
	@$(MARQUEE) install airflow tasks
	$(DEV)/python -m tests.bench.scenarios.task_overhead

bench-containers: dev # images, `up --docker`, memory, and the same result as embedded; make bench-containers ARGS=--cold
	@$(MARQUEE) install airflow tasks mlflow serving local
	$(DEV)/python -m tests.bench.scenarios.containers $(ARGS)

bench-serving: dev # the cost of an answer, compared with alternative servers; needs wrk
	@$(MARQUEE) install tasks mlflow serving local
	$(DEV)/python -m tests.bench.scenarios.serving $(ARGS)

soak-serving: dev # ten minutes of steady load: failures, p99, memory, receipts; make soak-serving ARGS="--seconds 60"
	@$(MARQUEE) install tasks mlflow serving local
	$(DEV)/python -m tests.bench.scenarios.soak $(ARGS)

bench-swaps: dev # model swaps and API restarts under load, without a failed request
	@$(MARQUEE) install tasks mlflow serving local
	$(DEV)/python -m tests.bench.scenarios.swaps $(ARGS)

bench-faults: dev # a fault in each service under load; every request must be answered
	@$(MARQUEE) install tasks mlflow serving local
	$(DEV)/python -m tests.bench.scenarios.faults $(ARGS)

bench-deployments: dev # kill -9 at every step of preparing, deploying and rolling back; make bench-deployments ARGS="--trials 50"
	@$(MARQUEE) install mlflow local
	$(DEV)/python -m tests.bench.scenarios.deployments $(ARGS)

bench-rollback: dev # a rollback on a whole platform under load; in containers with ARGS=--docker
	@$(MARQUEE) install airflow tasks mlflow serving local
	$(DEV)/python -m tests.bench.scenarios.platform_rollback $(ARGS)

bench-replay: dev # replays receipts of two releases, and detects a corrupt field
	@$(MARQUEE) install tasks mlflow serving local
	$(DEV)/python -m tests.bench.scenarios.replay $(ARGS)

bench-world: dev # ninety days of the sample's world: time, memory, growth of the stores, the model's error
	@$(MARQUEE) install airflow tasks mlflow serving local
	$(DEV)/python -m tests.bench.scenarios.world $(ARGS)

bench-agreement: dev # every entry point returns the same rating for a movie
	@$(MARQUEE) install tasks mlflow serving local
	$(DEV)/python -m tests.bench.scenarios.agreement $(ARGS)

bench-doctor: dev # breaks a platform in thirteen ways; what the doctor says must mend it
	@$(MARQUEE) install $(ALL)
	$(DEV)/python -m tests.bench.scenarios.doctor

bench-search: dev # the search by title on real titles: recall, time, size
	$(DEV)/python -m tests.bench.scenarios.search $(ARGS)

bench-scale: dev # the daily run at the size of IMDb's files, beside zcat, COPY and peers; make bench-scale ARGS="--scale 0.25"
	@$(MARQUEE) install tasks mlflow local
	$(DEV)/python -m tests.bench.scenarios.scale $(ARGS)

fuzz-serving: dev # random HTTP requests and gRPC calls; make fuzz-serving FUZZ_REQUESTS=200000
	@$(MARQUEE) install serving
	FUZZ_REQUESTS=$(or $(FUZZ_REQUESTS),50000) $(DEV)/pytest tests/serving/any_request --durations=6

schemas: dev # writes infra/setup/migrations/*.sql, the complete schemas for reading
	$(DEV)/python -m tests.infra.setup.write_schemas

proto: dev # generates the code of the gRPC service and of Feast's values
	$(DEV)/python -m grpc_tools.protoc -I . --python_out=. --pyi_out=. --grpc_python_out=. serving/grpc_api/marquee.proto
	$(DEV)/python -m grpc_tools.protoc -I . --python_out=. --pyi_out=. serving/features/feast_value.proto

locks: dev
	$(COMPILE) pyproject.toml $(LOCKS:%=--group %) --group dev -o requirements.txt
	for lock in $(LOCKS); do $(COMPILE) -c requirements.txt --group $$lock -o infra/locks/$$lock.txt || exit 1; done
