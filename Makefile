# The two commands are `make demo` and `make test`; each makes the virtual environment when it is missing.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test lint bench bench-teacher bench-prefect bench-filters bench-filter-command bench-decontamination bench-embedding soak clean

demo: $(VENV)/.installed
	$(BIN)/instructloom run recipes/demo.yaml

# Two processes, a file to each: many tests wait for a server or a browser.
test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks.asking

bench-teacher: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks.teacher

bench-prefect: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks.prefect_cost

bench-filters: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks.filters

bench-decontamination: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks.decontamination

bench-embedding: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks.embedding

bench-filter-command: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks.filter_command

soak: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks.soak

clean:
	rm -rf $(VENV) dist build

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# torch comes first and by its exact version: an open range would bring gigabytes of CUDA packages.
$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) "$$(grep '^torch==' constraints.txt)"
	$(PIP) --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(PIP) --editable ".[dev]"
	@touch $@
