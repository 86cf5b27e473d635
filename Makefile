# Everything is done by local/: the bootstrap makes .nightjar/venv from the locks, nightjar_local does the rest.
SHELL := /bin/bash
PYTHON ?= python3
BOOTSTRAP := $(PYTHON) local/bootstrap.py
LOCAL := .nightjar/venv/airflow/bin/python -m nightjar_local
DEV := .nightjar/venv/dev/bin
PYTEST_ARGUMENTS ?=
.DEFAULT_GOAL := help
.PHONY: help demo up down images test check format docs bench lock

help: ## what each target does
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## the main job: sample footage in, alerts out, from nothing; leaves .nightjar/demo/
	@$(BOOTSTRAP) airflow && $(LOCAL) demo

up: ## the local deployment, left running; prints addresses and the login, writes .nightjar/env
	@$(BOOTSTRAP) airflow && $(LOCAL) up

down: ## stop what `make up` started
	@$(BOOTSTRAP) airflow && $(LOCAL) down

images: ## build every stage's image: [TAG=…] [BUILDER=buildah REGISTRY=… BASE_IMAGE=… PIP_INDEX_URL=… PUSH=yes]
	@$(BOOTSTRAP) airflow && $(LOCAL) images

test: check ## format, lint, types, all tests [PYTEST_ARGUMENTS=…]
	$(DEV)/pytest $(PYTEST_ARGUMENTS)

check: ## format, lint and types only
	@$(BOOTSTRAP) airflow dev
	$(DEV)/ruff format --check .
	$(DEV)/ruff check .
	$(DEV)/mypy

format: ## put the code into the format that `make check` wants
	@$(BOOTSTRAP) dev
	$(DEV)/ruff format .
	$(DEV)/ruff check --fix .

docs: ## rewrite the tables of the docs that repeat the code
	@$(BOOTSTRAP) dev && $(DEV)/python docs/generate.py

bench: ## the benchmarks, as ratios within one run
	@$(BOOTSTRAP) airflow dev && $(DEV)/python -m tests.benchmarks

lock: ## compile every requirements .in to its .txt
	@$(BOOTSTRAP) --lock
