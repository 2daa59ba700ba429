# Everything a developer or CI does here. Needs python3 (3.11 or newer), Node.js 20 or newer with npm, make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
FUZZ := .cache/fuzz/venv
# For each target.
FUZZ_SECONDS ?= 60
# Two workers suit two cores. Files stay whole, so that their tests share what they make; see also conftest.py.
PYTEST_FLAGS ?= -n 2 --dist loadfile --no-loadscope-reorder
# What pytest-pyodide runs its tests in.
RUNTIMES ?= node,chrome

# Downloads are kept beside the project; where they come from is the machine's own setting.
export PIP_CACHE_DIR := $(CURDIR)/.cache/pip
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Whatever the machine's setting is, bytecode is kept: the tests start Python a few hundred times.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: setup test unit check docs demo bench fuzz clean chromium

setup: $(VENV)/.installed .cache/.runtimes chromium

# The extras stand in pyproject.toml, so that is what makes an environment old.
$(VENV)/.installed: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable ".[host,test,check]"
	@touch $@

.cache/.runtimes: tests/support/runtimes.py tests/support/compile_stdlib.mjs | $(VENV)/.installed
	$(BIN)/python -m tests.support.runtimes
	@touch $@

chromium:
	@tools/install-chromium

test: setup
	$(BIN)/python -m pytest $(PYTEST_FLAGS) --runtime=$(RUNTIMES)

# Without Pyodide and Chromium.
unit: $(VENV)/.installed
	$(BIN)/python -m pytest -q tests/unit

check: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict micropip_lock tools
	$(BIN)/python -m pytest -q tests/unit/test_architecture.py tests/unit/test_reference.py tests/unit/test_docs.py
	$(BIN)/python -m tools.architecture --check

# What docs/ has from the code: the picture of the imports, signatures and options.
docs: $(VENV)/.installed
	$(BIN)/python -m tools.architecture
	$(BIN)/python -m tools.reference

demo: $(VENV)/.installed .cache/.runtimes
	$(BIN)/python examples/demo.py

bench: $(VENV)/.installed .cache/.runtimes
	$(BIN)/python -m benchmarks

# atheris has wheels for some Pythons only, so that it has an environment of its own.
$(FUZZ)/.installed: pyproject.toml
	test -x $(FUZZ)/bin/python || $(PYTHON) -m venv $(FUZZ)
	$(FUZZ)/bin/python -m pip install --quiet --editable ".[host,fuzz]"
	@touch $@

fuzz: $(FUZZ)/.installed
	$(FUZZ)/bin/python -m fuzz --seconds $(FUZZ_SECONDS)
	$(FUZZ)/bin/python -m fuzz --big 1000000
	$(FUZZ)/bin/python -m fuzz --report

clean:
	rm -rf $(VENV) .cache .pytest_cache .mypy_cache .ruff_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
