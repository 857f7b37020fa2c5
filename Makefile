# make run | make test | make lab | make lessons | make notebooks | make slides | make site | make links | make lint | make bench | make figure
# Each sets up what it needs. Python 3.11 or newer; no GPU; no internet beyond the package registry.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
MIRROR := $(wildcard $(abspath ../shared/data))
ifneq ($(MIRROR),)
export LAYERSCOPE_MIRROR ?= $(MIRROR)
endif

.PHONY: run quick test lab lessons notebooks slides slide-results lint bench figure site links clean

run: .venv/run
	$(BIN)/layerscope run

quick: .venv/run
	$(BIN)/layerscope run --quick

test: .venv/dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder  # the long files come first

lab: .venv/dev
	$(BIN)/jupyter lab notebooks/student

lessons: .venv/dev
	$(BIN)/python tools/nb.py run
	$(BIN)/python tools/nb.py build

notebooks: .venv/dev
	$(BIN)/python tools/nb.py build

slides: .venv/dev slides/node_modules slides/results/pictures.png
	$(BIN)/python tools/slides.py build

slide-results: .venv/dev
	OMP_NUM_THREADS=1 $(BIN)/python tools/slides.py measure

slides/results/pictures.png: | .venv/dev  # images of MedNIST are no part of the repository
	OMP_NUM_THREADS=1 $(BIN)/python tools/slides.py measure pictures

slides/node_modules: slides/package-lock.json
	@command -v npm >/dev/null || { echo "Slides are made with Marp, which needs Node and npm. On Debian and Ubuntu: apt install npm"; exit 1; }
	npm ci --prefix slides --omit=optional --no-audit --no-fund --loglevel=error
	@touch $@

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

bench: .venv/dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	$(BIN)/python benchmarks/run.py

figure: .venv/dev
	$(BIN)/python tools/figure.py $(RUN)

site: .venv/docs docs/node_modules
	$(BIN)/python tools/site.py build
	$(BIN)/python tools/site.py check

links: .venv/docs
	$(BIN)/python tools/site.py links

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer was not found. Install it, or name it: make run PYTHON=/path/to/python"; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "No virtual environment could be made. On Debian and Ubuntu: apt install python3-venv"; exit 1; }

.venv/run: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

.venv/dev: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@ .venv/run

.venv/docs: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	@touch $@ .venv/dev .venv/run

docs/node_modules: docs/package.json docs/package-lock.json
	@command -v npm >/dev/null || { echo "npm was not found. It brings MathJax, and axe for the checks: nodejs.org, or apt install npm"; exit 1; }
	npm ci --prefix docs --no-audit --no-fund
	@touch $@

clean:
	rm -rf docs/node_modules slides/node_modules .venv build dist .pytest_cache .ruff_cache .hypothesis
