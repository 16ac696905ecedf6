# Every target sets up what it needs in .venv; stamps in .make keep the second time quick.
PYTHON ?= python3
IMAGE ?=
OUTPUT ?= dream.png
ARGS ?=

BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --no-warn-script-location --disable-pip-version-check --constraint constraints.txt

.PHONY: dream test lint format keywords types docs bench bench-open bench-peers bench-boundless bench-motion bench-params bench-atlas bench-modules fuzz clean

dream: .make/package
	@$(BIN)/bat-country dream $(if $(IMAGE),"$(IMAGE)") --output "$(OUTPUT)" $(ARGS)
	@echo "Open $(abspath $(OUTPUT)) to see it."

test: .make/test
	@$(BIN)/python -m pytest $(ARGS)

lint: .make/lint
	@$(BIN)/ruff check src tests tools benchmarks examples
	@$(BIN)/ruff format --check src tests tools benchmarks examples

format: .make/lint
	@$(BIN)/ruff check --fix src tests tools benchmarks examples
	@$(BIN)/ruff format src tests tools benchmarks examples

keywords: .make/lint
	@$(BIN)/python tools/keywords.py
	@$(BIN)/ruff format src/batcountry/keywords.py

types: .make/lint .make/test
	@$(BIN)/mypy

docs: .make/docs
	@$(BIN)/mkdocs build --strict --quiet
	@echo "Open $(abspath site/index.html)."

fuzz: .make/test
	@$(BIN)/python tests/caffe/fuzz.py $(ARGS)

bench-open: .make/package
	@$(BIN)/python benchmarks/open_models.py $(ARGS)

bench-peers: .make/peers
	@$(BIN)/python benchmarks/peers.py $(ARGS)

bench-boundless: .make/test
	@$(BIN)/python benchmarks/boundless.py $(ARGS)

bench-params: .make/package
	@$(BIN)/python benchmarks/params.py $(ARGS)

bench-modules: .make/test
	@$(BIN)/python benchmarks/modules.py $(ARGS)

bench-atlas: .make/package
	@$(BIN)/python benchmarks/atlas.py $(ARGS)

bench-motion: .make/test
	@$(BIN)/python benchmarks/motion.py $(ARGS)

bench: .make/package
	@$(BIN)/python benchmarks/whole_job.py $(ARGS)

clean:
	rm -rf .venv .make site

.make/venv:
	@command -v $(PYTHON) >/dev/null || { echo "error: there is no $(PYTHON); install Python 3.10 or newer"; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "error: Python 3.10 or newer is needed; say which with make PYTHON=python3.12"; exit 2; }
	@echo "Setting up .venv (once; a few minutes) …"
	@rm -rf .venv && $(PYTHON) -m venv .venv
	@$(PIP) "pip>=25.1"
	@mkdir -p .make && touch $@

.make/package: .make/venv pyproject.toml constraints.txt
	@$(PIP) --editable .
	@touch $@

.make/test: .make/package
	@$(PIP) --group test
	@touch $@

.make/lint: .make/package
	@$(PIP) --group lint
	@touch $@

.make/docs: .make/package
	@$(PIP) --group docs
	@touch $@

.make/peers: .make/package
	@$(PYTHON) -m venv .make/peers-venv
	@.make/peers-venv/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt torch numpy pillow tqdm decorator future
	@.make/peers-venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps neural-dream==0.0.4 torch-lucent==0.1.8
	@touch $@
