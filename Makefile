# make app    start the app            make test   run every test
# make check  format, lint, types, layers              make format  rewrite the code in house format
# make coverage  run the tests of the library and say which lines they miss
# make viewer  build static/viewer-<hash>.js from assets/viewer; only this needs node
PYTHON ?= python3
BIN := .venv/bin
# Where this is set, each of the many processes of the tests would compile every package anew.
unexport PYTHONDONTWRITEBYTECODE

COMPILE := $(BIN)/python -c "import torch, mspt; mspt.build_partition(torch.rand(64, 2), num_patches=4)"

.PHONY: app test coverage check style types compiled format viewer clean

app: .venv/app.stamp .venv/kernels.stamp
	$(BIN)/python -m streamlit run serve.py

PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist loadscope

test: compiled
	$(PYTEST) --durations=15

# Apart from the tests, as the tracer makes them a third longer.
coverage: .venv/dev.stamp
	$(PYTEST) --ignore tests/browser --cov=mspt

check: .venv/dev.stamp
	$(MAKE) --no-print-directory --jobs=2 style types

style: .venv/dev.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-cache

types: .venv/dev.stamp
	$(BIN)/pyright

format: .venv/dev.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# A newer pip than Python brings along installs in two thirds of the time.
.venv/bin/python:
	$(PYTHON) -m venv --upgrade-deps .venv

.venv/app.stamp: requirements.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

# Compiles the ball tree once, so that no page and no test has to wait for it.
.venv/kernels.stamp: mspt/partition.py mspt/_ball_tree.py mspt/_ball_tree_kernels.py | .venv/app.stamp
	$(COMPILE)
	touch $@

compiled: .venv/dev.stamp
	$(COMPILE)

# Without --no-compile, installing would take nearly twice as long, most of it for what is not used.
.venv/dev.stamp: requirements-dev.txt requirements.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check -r requirements-dev.txt
	touch $@ .venv/app.stamp

viewer:
	npm --prefix assets/viewer ci --no-audit --no-fund
	npm --prefix assets/viewer run build

clean:
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis .coverage
