# Everything is done by local/: the bootstrap makes .nightjar/venv from the locks, nightjar_local does the rest.
SHELL := /bin/bash
PYTHON ?= python3
BOOTSTRAP := $(PYTHON) local/bootstrap.py
LOCAL := .nightjar/venv/airflow/bin/python -m nightjar_local
DEV := .nightjar/venv/dev/bin
PYTEST_ARGUMENTS ?=
# Each file of tests is run by one worker, since its tests share what is slow to start; the slow files are handed out first.
# One worker more than cores, and two more where whole deployments are tested, since those tests wait half of their time.
WORKERS := $$(($$(nproc) + 1))
TEST_WORKERS := $$(($$(nproc) + 2))
PYTEST := $(DEV)/pytest --dist loadfile --no-loadscope-reorder
LINT := $(DEV)/ruff format --check . && $(DEV)/ruff check . && $(DEV)/lint-imports --no-logo --no-cache
COVERAGE := --cov --cov-report=json:.nightjar/coverage.json --cov-report=html:.nightjar/coverage
.DEFAULT_GOAL := help
.PHONY: help demo up status down images release chaos test-cluster test quick coverage check format docs bench lock

# Without bytecode every process of a test, of which a run has thousands, compiles the clone's packages again.
unexport PYTHONDONTWRITEBYTECODE

help: ## what each target does
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## the main job: sample footage in, alerts out, from nothing; leaves .nightjar/demo/
	@$(BOOTSTRAP) airflow && $(LOCAL) demo

up: ## the local deployment, left running; prints addresses and the login, writes .nightjar/env [DEMO=yes: sample footage in]
	@$(BOOTSTRAP) airflow && $(LOCAL) up

status: ## each component of what `make up` started: its state, since when, how often it was started again, and why
	@$(BOOTSTRAP) airflow && $(LOCAL) status

down: ## stop what `make up` started; what it stores stays
	@$(BOOTSTRAP) airflow && $(LOCAL) down

images: ## build the images that changed, offer the value that deploys them: [TAG=…] [ALL=yes] [DETECTOR="near oid"] [DETECT_REQUIREMENTS=…] [BUILDER=buildah REGISTRY=… BASE_IMAGE=… PUSH=yes, and more: docs/kubernetes/images.md]
	@$(BOOTSTRAP) airflow && $(LOCAL) images

release: ## one image built, pushed where BUILDER and REGISTRY are set, tried and deployed: STAGE=detect WHY="…" [TAG=…, else the commit] [DETECTOR=oid] [CANDIDATE=yes]
	@$(BOOTSTRAP) airflow && $(LOCAL) release

chaos: ## footage lands while processes are killed and calls spoilt; shows the account [SEED=…] [MINUTES=5]
	@$(BOOTSTRAP) airflow && $(LOCAL) chaos

test-cluster: ## install on any Kubernetes, see it work, remove it: KUBECONFIG=… REGISTRY=… TAG=… [PULL_POLICY=Never SECOND_TAG=… S3_ENDPOINT=… API_SERVER=host:port VALUES=… KEEP=yes]
	@$(BOOTSTRAP) dev && $(DEV)/python -m nightjar_local test-cluster

# mypy uses one core: it runs beside the first tests, and shows errors at once. It decides as much as the tests do.
test: ## format, lint, types, all tests on all cores [PYTEST_ARGUMENTS=…]
	@$(BOOTSTRAP) airflow dev
	$(LINT)
	@{ $(DEV)/mypy > .nightjar/mypy.log 2>&1 || { cat .nightjar/mypy.log; false; }; } & types=$$!; \
	$(PYTEST) -n $(TEST_WORKERS) $(PYTEST_ARGUMENTS); tests=$$?; \
	wait $$types || { echo "mypy: the types are wrong, see .nightjar/mypy.log" >&2; exit 1; }; \
	exit $$tests

quick: ## format, lint, and the tests that start no programs: a minute [PYTEST_ARGUMENTS=…]
	@$(BOOTSTRAP) dev
	$(LINT)
	$(DEV)/pytest -n $(WORKERS) --dist worksteal -m "not slow" $(PYTEST_ARGUMENTS)

coverage: ## the same tests as quick, and the lines that they do not run; leaves .nightjar/coverage/index.html
	@$(BOOTSTRAP) dev
	$(PYTEST) -n auto -m "not slow" $(COVERAGE) $(PYTEST_ARGUMENTS)

check: ## format, lint, who may import whom, and types
	@$(BOOTSTRAP) airflow dev
	$(LINT)
	$(DEV)/mypy

format: ## put the code into the format that `make check` wants
	@$(BOOTSTRAP) dev
	$(DEV)/ruff format .
	$(DEV)/ruff check --fix .

docs: ## rewrite what repeats the code: tables of the docs, the chart's schema and README, IAM policies
	@$(BOOTSTRAP) dev && $(DEV)/python docs/generate.py && $(DEV)/python docs/chart.py && $(DEV)/python docs/iam.py

bench: ## the benchmarks, as ratios within one run [NAMES="detect video"] [WRITE=yes: the figures into the README]
	@$(BOOTSTRAP) airflow dev && $(DEV)/python -m tests.benchmarks $(NAMES) $(if $(WRITE),--write)

lock: ## compile every requirements .in to its .txt
	@$(BOOTSTRAP) --lock
