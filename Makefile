# On a bare machine (Python >= 3.10 and make): `make demo`, `make page`, `make test`, and `make test-fast` while you work.
# `make newest` tests with the newest versions that pyproject.toml allows, `make fuzz` with fresh damaged files.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DEMO_OUTPUT ?= demo_output
# `make demo PADDLE=gpu` installs the Paddle that fits the GPU's driver, from Paddle's own site.
PADDLE ?= cpu
# The versions that are tested; `make demo CONSTRAINTS=` does without.
CONSTRAINTS ?= constraints.txt
FUZZ_SECONDS ?= 600

PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
BY_CONSTRAINTS := $(addprefix --constraint ,$(wildcard $(CONSTRAINTS)))
# Only the processor's Paddle is an extra; the GPU's is installed by a line of its own.
EXTRAS_cpu := [cpu]
TEST_EXTRAS_cpu := [cpu,test,lint]
TEST_EXTRAS_gpu := [test,lint]

# NASA's portrait of Eileen Collins, in the public domain, lies inside the package scikit-image.
ASTRONAUT := $(BIN)/python -c 'import pathlib, skimage; print(pathlib.Path(skimage.__file__).parent / "data" / "astronaut.png")'

# Files are dealt out whole to two processes, so that what a file's tests share is built once; in the order of
# tests/conftest.py, which begins with the longest ones.
TWO_PROCESSES := -n 2 --dist loadfile --no-loadscope-reorder
# Only these files are read for the tests that run alone.
ALONE := -m alone $$(grep -rl --include='test_*.py' 'mark\.alone' tests)

# Without compiled files, every process that the tests start would compile the package and the tests anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo page test test-fast lint bench fuzz newest constraints clean

demo: $(VENV)/.installed
	$(BIN)/python applications/tools/age_editing.py --input_image $$($(ASTRONAUT)) --years -20 20 40 --save_gif --output_path $(DEMO_OUTPUT)
	@echo "The edited photos, the strip and the GIF lie in $(abspath $(DEMO_OUTPUT))"

# The page in the browser; flags by `make page PAGE="--port 8000"`.
page: $(VENV)/.installed-page
	$(BIN)/ppgan-ext page $(PAGE)

test: $(VENV)/.installed-test
	$(BIN)/python -m pytest $(TWO_PROCESSES) -m "not alone"
	$(BIN)/python -m pytest $(ALONE)

test-fast: $(VENV)/.installed-test
	$(BIN)/python -m pytest $(TWO_PROCESSES) -m "not slow and not alone"

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.installed-page
	$(BIN)/python -m benchmarks.run_all

# Damaged files of every format, with a fresh seed each round, which is printed; what escapes is kept in fuzz_failures.
fuzz: $(VENV)/.installed-test
	$(BIN)/python -m tests.reference.fuzzing --seconds $(FUZZ_SECONDS)

# Once a week or so: a fresh environment of the newest versions. If it passes, `make constraints VENV=.venv-newest`.
newest:
	rm -rf .venv-newest
	$(MAKE) test VENV=.venv-newest CONSTRAINTS=

# Write down the versions of this environment, for the Python that it has; other Pythons go by pyproject.toml's bounds.
constraints: $(VENV)/.installed-test
	version=$$($(BIN)/python -c 'import sys; print("%d.%d" % sys.version_info[:2])') && { \
	  echo "# The versions that the tests run with, on Python $$version; written by 'make constraints'."; \
	  $(BIN)/python -m pip freeze --disable-pip-version-check --exclude-editable \
	    | sed "s/$$/; python_version == \"$$version\"/"; } > constraints.txt

# The installed marks depend on what they install by: a changed dependency is installed by the next command.
$(VENV)/.installed: pyproject.toml $(wildcard $(CONSTRAINTS))
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or newer is needed, this is " + sys.version)'
	$(PYTHON) -m venv $(VENV)
	$(PIP_INSTALL) $(BY_CONSTRAINTS) --editable '.$(EXTRAS_$(PADDLE))'
	$(if $(filter gpu,$(PADDLE)),words=$$($(BIN)/python -m ppgan_ext.gpu_install) && $(PIP_INSTALL) $$words)
	@touch $@

$(VENV)/.installed-page: $(VENV)/.installed
	$(PIP_INSTALL) $(BY_CONSTRAINTS) --editable '.[page]'
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(PIP_INSTALL) $(BY_CONSTRAINTS) --editable '.$(TEST_EXTRAS_$(PADDLE))'
	@touch $@

clean:
	rm -rf $(VENV) .venv-newest $(DEMO_OUTPUT)
