# Everything a developer or CI does here. Needs python3 (3.11 or newer), Node.js 20 or newer with npm, make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Two workers suit two cores. Files stay whole, so that the tests of one file share the runtimes they boot.
PYTEST_FLAGS ?= -n 2 --dist loadfile --no-loadscope-reorder

# Downloads are kept beside the project; where they come from is the machine's own setting.
export PIP_CACHE_DIR := $(CURDIR)/.cache/pip
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: setup test check demo bench clean chromium

setup: $(VENV)/.installed .cache/.runtimes chromium

# The extras stand in pyproject.toml, so that is what makes an environment old.
$(VENV)/.installed: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable ".[host,test,check]"
	@touch $@

.cache/.runtimes: tests/support/runtimes.py | $(VENV)/.installed
	$(BIN)/python -m tests.support.runtimes
	@touch $@

chromium:
	@tools/install-chromium

test: setup
	$(BIN)/python -m pytest $(PYTEST_FLAGS)

check: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict micropip_lock
	$(BIN)/python -m pytest -q tests/test_architecture.py

demo: $(VENV)/.installed .cache/.runtimes
	$(BIN)/python examples/demo.py

bench: $(VENV)/.installed
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) .cache .pytest_cache .mypy_cache .ruff_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
