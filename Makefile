# make app    start the app            make test   run every test
# make check  format, lint, types, layers              make format  rewrite the code in house format
# make coverage  run the tests of the library and pages and say which lines they miss
# make docs   build the API reference and the documents as pages in build/docs
# make queue  run the list of ablations in the background, resumable (see python -m mspt queue --help)
# make fuzz   read 2,400 damaged and hostile files with every reader (see docs/reliability.md)
# make fuzz-guided  look for files that a reader fails on, guided by the code they reach
# make mutate PART=forces  change a part of the library on purpose and see whether a test notices
# make load   25 visitors for 10 minutes; VISITORS=5 MINUTES=2 for fewer (see docs/reliability.md)
# make viewer  build static/viewer-<hash>.js from assets/viewer; only this needs node
PYTHON ?= python3
BIN := .venv/bin
# Where this is set, each of the many processes of the tests would compile every package anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: app test coverage check style types format docs queue fuzz fuzz-guided mutate load viewer clean

app:
	$(MAKE) --no-print-directory --jobs=2 .venv/kernels.stamp .venv/imports.stamp
	$(BIN)/python -m streamlit run serve.py

# Tests that wait for a browser or for another process leave their core to a third worker.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 3 --dist loadscope

test:
	$(MAKE) --no-print-directory --jobs=2 .venv/kernels.stamp .venv/dev.stamp .venv/imports.stamp
	$(PYTEST) --durations=15

# Apart from the tests, as the tracer makes them a third longer.
coverage: .venv/dev.stamp
	$(PYTEST) --ignore tests/browser --cov=mspt --cov=pages --cov-report=
	$(BIN)/coverage report --include 'mspt/*' --fail-under 92
	$(BIN)/coverage report --include 'pages/*' --fail-under 92

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

docs: .venv/dev.stamp
	PYTHONPATH=. $(BIN)/python assets/reference.py build/docs
	@echo "open build/docs/README.html"

queue: .venv/kernels.stamp
	$(BIN)/python -m mspt queue assets/ablations/jobs.txt --jobs 2

# A newer pip than Python brings along installs in two thirds of the time.
.venv/bin/python:
	$(PYTHON) -m venv --upgrade-deps .venv

# Without --no-compile, installing would take nearly twice as long, most of it for what is not used.
INSTALL := $(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check

.venv/app.stamp: requirements.txt | .venv/bin/python
	$(INSTALL) -r requirements.txt
	touch $@

.venv/dev.stamp: requirements-dev.txt .venv/app.stamp
	$(INSTALL) -r requirements-dev.txt
	touch $@

# Once and side by side, so that no page and no test waits for it: the machine code of the ball tree,
.venv/kernels.stamp: mspt/partition/ball_tree.py mspt/partition/_order.py mspt/partition/_kernels.py .venv/app.stamp
	$(BIN)/python -c "import torch, mspt; mspt.build_partition(torch.rand(64, 2), num_patches=4)"
	touch $@

# and the bytecode of what the app imports.
.venv/imports.stamp: .venv/app.stamp
	$(BIN)/python -c "import streamlit.web.bootstrap, pyvista, plotly.express, \
	trimesh, sklearn.neighbors"
	touch $@

# Every reader on damaged and hostile files; takes about half an hour.
fuzz: .venv/dev.stamp
	OMP_NUM_THREADS=1 PYTHONPATH=.:tests nice -n 10 $(BIN)/python -m fuzzing

# Of its own, as the packages of these two are for neither the app nor the tests.
.venv/gates.stamp: requirements-gates.txt .venv/dev.stamp
	$(INSTALL) -r requirements-gates.txt
	touch $@

# Seconds for each of the 17 readers.
SECONDS ?= 60
fuzz-guided: .venv/gates.stamp
	OMP_NUM_THREADS=1 PYTHONPATH=.:tests nice -n 10 $(BIN)/python -m guided --seconds $(SECONDS)

# Each part takes one to ten minutes; all of them, one after the other, if none is named.
PART ?= partition attention forces metrics placement codec
mutate: .venv/gates.stamp
	@for part in $(PART); do OMP_NUM_THREADS=1 PYTHONPATH=.:tests nice -n 10 \
	$(BIN)/python -m mutating $$part --minutes 20 || exit 1; done

# On two cores, with nothing else on the machine. Adds a row to the table of such runs.
VISITORS ?= 25
MINUTES ?= 10
load: .venv/dev.stamp .venv/kernels.stamp
	PYTHONPATH=. $(BIN)/python -m tests.load --visitors $(VISITORS) --minutes $(MINUTES) \
	--out assets/benchmarks/crowd.csv

viewer:
	npm --prefix assets/viewer ci --no-audit --no-fund
	npm --prefix assets/viewer run build

clean:
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis .coverage build
