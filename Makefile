# Every target sets up what it needs in .venv; stamps in .make keep the second time quick.
PYTHON ?= python3
IMAGE ?=
OUTPUT ?=
ARGS ?=
TORCH_INDEX ?=

# What people name goes through the environment as it is, since it may have spaces, quotes and dollars in it.
unexport IMAGE OUTPUT TORCH_INDEX
export DREAM_IMAGE := $(value IMAGE)
export DREAM_OUTPUT := $(or $(value OUTPUT),$(CURDIR)/dream.png)
export DREAM_TORCH_INDEX := $(value TORCH_INDEX)

BIN := .venv/bin
PIP := PYTHONUNBUFFERED=1 $(BIN)/python -m pip
INSTALL := $(PIP) install --progress-bar off --no-warn-script-location --disable-pip-version-check --constraint constraints.txt

# What pip says, in short: what it downloads and how large that is.
SHORT := awk '/^exit [0-9]+$$/ { exit $$2 } \
	/^ *Downloading .*[MG]B\)$$/ { print "  downloading " $$2 " " $$3 " " $$4 } \
	/^ *Using cached .*[MG]B\)$$/ { print "  from the cache: " $$3 " " $$4 " " $$5 } \
	/^Installing collected packages/ { print "  installing " (NF - 3) (NF > 4 ? " packages …" : " package …") } { fflush() }'

# $(call install,WHAT): a set-up that was killed leaves .make/unfinished, and the next begins anew.
install = touch .make/unfinished; trap 'exit 130' INT; { $(INSTALL) $(1); echo "exit $$?"; } | $(SHORT); status=$$?; \
	[ $$status -gt 128 ] || rm -f .make/unfinished; [ $$status -eq 0 ] || exit $$status

# The smoke part of the tests on the installed wheel, from a folder without sources.
SMOKE = rm -rf .make/smoke && mkdir .make/smoke && cp -r tests/smoke .make/smoke/ && cd .make/smoke && \
	../wheel-venv/bin/python -m pytest -q -c smoke/pytest.ini smoke

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: FORCE help dream studio test lint format keywords words types docs pictures studio-pictures notebook address wheel wheel-lowest bench bench-open bench-peers bench-boundless bench-memory bench-motion bench-params bench-atlas bench-modules bench-kernels bench-cuda bench-peak bench-studio fuzz mutants clean

help: ## say what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-16s %s\n", $$1, $$2 }' Makefile
	@echo "TORCH_INDEX=https://download.pytorch.org/whl/cpu beside any of them takes PyTorch without CUDA, for a small set-up."

dream: .make/package ## dream on a sky it makes, or on IMAGE=photo.jpg; OUTPUT=name.png, ARGS='--seed 2'
	@$(BIN)/bat-country dream --output "$$DREAM_OUTPUT" $(ARGS) $${DREAM_IMAGE:+-- "$$DREAM_IMAGE"}

studio: .make/studio ## open a page in the browser to dream in; ARGS='--port 8016'
	@$(BIN)/bat-country studio --open $(ARGS)

test: .make/test ## run all tests; ARGS='tests/test_cli.py -x'
	@$(BIN)/python -m pytest --numprocesses 2 --dist loadfile $(ARGS)

lint: .make/lint ## check style, and that each room imports only from those below it
	@$(BIN)/ruff check src tests tools benchmarks examples docs/*.py
	@$(BIN)/ruff format --check src tests tools benchmarks examples docs/*.py
	@said=$$($(BIN)/lint-imports --no-logo --no-cache) || { echo "$$said"; exit 1; }

format: .make/lint ## put the source in its usual form
	@$(BIN)/ruff check --fix src tests tools benchmarks examples docs/*.py
	@$(BIN)/ruff format src tests tools benchmarks examples docs/*.py

keywords: .make/lint ## write the types of keywords again, after a recipe's field was changed
	@$(BIN)/python tools/keywords.py

words: .make/test ## bring the catalogues of the studio's words up to date, after a page said something new
	@$(BIN)/python tools/words.py $(ARGS)

types: .make/lint .make/test ## check types
	@$(BIN)/mypy

docs: .make/docs ## build the documentation into site/
	@$(BIN)/python -m mkdocs build --strict --quiet
	@echo "Open $(CURDIR)/site/index.html."

pictures: .make/test ## make the pictures of README and documentation again
	@$(BIN)/python docs/pictures.py
	@$(BIN)/python docs/how_it_works.py
	@$(BIN)/python docs/gallery.py

studio-pictures: .make/test ## make the pictures of the studio's pages in the documentation again; needs Chromium
	@$(BIN)/python tools/studio_pictures.py $(ARGS)

notebook: .make/test ## run the tutorial and keep what it shows in it
	@$(BIN)/python docs/run_tutorial.py

wheel: .make/venv ## build the wheel into dist/, and try it in an environment of its own
	@rm -rf dist .make/wheel-venv && $(PIP) wheel --quiet --no-deps --wheel-dir dist .
	@$(PYTHON) -m venv .make/wheel-venv
	@.make/wheel-venv/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt dist/*.whl pytest pytest-timeout
	@$(SMOKE)

# With the lowest versions that pyproject.toml admits; PyTorch of that age comes with CUDA: several GB.
wheel-lowest: .make/venv
	@rm -rf dist .make/wheel-venv && $(PIP) wheel --quiet --no-deps --wheel-dir dist .
	@$(PIP) install --quiet uv && $(PYTHON) -m venv .make/wheel-venv
	@$(BIN)/uv pip install --quiet --python .make/wheel-venv --resolution lowest-direct --only-binary :all: -r pyproject.toml dist/*.whl "pytest>=8" "pytest-timeout>=2.3"
	@$(SMOKE)

address: ## put REPOSITORY=https://github.com/ACCOUNT/bat-country where the address of this project stands
	@$(PYTHON) docs/address.py $(REPOSITORY)

fuzz: .make/test ## feed damaged files to every reader
	@$(BIN)/python tests/fuzz/run.py $(ARGS)

mutants: .make/mutmut ## change the code in one place after the other, and see that a test fails: hours; ARGS=src/batcountry/dreams/octaves.py
	@$(BIN)/python tools/mutants.py $(ARGS)

bench: .make/package ## measure a whole dream beside a plain PyTorch loop
	@$(BIN)/python benchmarks/whole_job.py $(ARGS)

bench-open: .make/package
	@$(BIN)/python benchmarks/open_models.py $(ARGS)

bench-peers: .make/peers
	@$(BIN)/python benchmarks/peers.py $(ARGS)

bench-boundless: .make/test
	@$(BIN)/python benchmarks/boundless.py $(ARGS)

bench-memory: .make/test
	@$(BIN)/python benchmarks/memory.py $(ARGS)

bench-params: .make/package
	@$(BIN)/python benchmarks/params.py $(ARGS)

bench-modules: .make/test
	@$(BIN)/python benchmarks/modules.py $(ARGS)

bench-kernels: .make/package
	@$(BIN)/python benchmarks/kernels.py $(ARGS)

bench-peak: .make/package
	@$(BIN)/python benchmarks/peak.py $(ARGS)

bench-cuda: .make/test
	@$(BIN)/python benchmarks/cuda_card.py $(ARGS)

bench-atlas: .make/package
	@$(BIN)/python benchmarks/atlas.py $(ARGS)

bench-motion: .make/test
	@$(BIN)/python benchmarks/motion.py $(ARGS)

bench-studio: .make/test
	@$(BIN)/python benchmarks/studio.py $(ARGS)

clean: ## take away what was set up and built
	rm -rf .venv .make site

# What .venv was made for: this folder, whose name stands in its scripts, and an index that torch is from.
.make/made-for: FORCE
	@mkdir -p .make
	@index=$${DREAM_TORCH_INDEX:-$$(sed -n 2p $@ 2>/dev/null)}; printf '%s\n' "$$PWD" "$$index" >$@.new; \
	if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

.make/venv: .make/made-for $(if $(or $(wildcard .make/unfinished),$(shell $(BIN)/python -c '' 2>/dev/null || echo none)),FORCE)
	@command -v $(PYTHON) >/dev/null || { echo "error: there is no $(PYTHON); install Python 3.10 or newer"; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "error: Python 3.10 or newer is needed; say which with make PYTHON=python3.12"; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "error: this Python cannot make environments; on Debian and Ubuntu: sudo apt install python3-venv"; exit 2; }
	@echo "Setting up .venv (once; a few minutes) …"
	@rm -rf .venv && $(PYTHON) -m venv .venv
	@$(call install,"pip>=25.1")
	@touch $@

.make/torch: .make/venv
	@index=$$(sed -n 2p .make/made-for); \
	if [ -n "$$index" ]; then $(call install,--no-deps --index-url "$$index" torch); \
	elif [ "$$(uname -sm)" = "Linux x86_64" ]; then echo "  (PyTorch may come with CUDA, several GB; make help says how to do without)"; fi
	@touch $@

.make/package: .make/torch pyproject.toml constraints.txt
	@$(call install,--editable .)
	@touch $@

# With a name, as a comma would end the argument of a call.
STUDIO := '.[studio,video,flow,big,heic]'
.make/studio: .make/package
	@$(call install,--editable $(STUDIO))
	@touch $@

.make/test: .make/package
	@$(call install,--group test)
	@touch $@

.make/mutmut: .make/test
	@$(call install,--group mutants)
	@touch $@

.make/lint: .make/package
	@$(call install,--group lint)
	@touch $@

.make/docs: .make/package
	@$(call install,--group docs)
	@touch $@

.make/peers: .make/package
	@$(PYTHON) -m venv .make/peers-venv
	@.make/peers-venv/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt torch numpy pillow tqdm decorator future
	@.make/peers-venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps neural-dream==0.0.4 torch-lucent==0.1.8
	@touch $@
