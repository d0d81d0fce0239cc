# On a bare machine (Python >= 3.10 and make): `make demo`, `make test`, and `make test-fast` while you work.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DEMO_OUTPUT ?= demo_output
# A GPU machine installs with `make demo PADDLE=gpu` after following Paddle's own instructions for its CUDA version.
PADDLE ?= cpu

# NASA's portrait of Eileen Collins, in the public domain, lies inside the package scikit-image.
ASTRONAUT := $(BIN)/python -c 'import pathlib, skimage; print(pathlib.Path(skimage.__file__).parent / "data" / "astronaut.png")'

# Files are dealt out whole to two processes, so that what a file's tests share is built once.
TWO_PROCESSES := -n 2 --dist loadfile

.PHONY: demo test test-fast lint bench clean

demo: $(VENV)/.installed
	$(BIN)/python applications/tools/age_editing.py --input_image $$($(ASTRONAUT)) --years -20 20 40 --save_gif --output_path $(DEMO_OUTPUT)
	@echo "The edited photos, the strip and the GIF lie in $(abspath $(DEMO_OUTPUT))"

test: $(VENV)/.installed-test
	$(BIN)/python -m pytest $(TWO_PROCESSES) -m "not alone"
	$(BIN)/python -m pytest -m alone

test-fast: $(VENV)/.installed-test
	$(BIN)/python -m pytest $(TWO_PROCESSES) -m "not slow and not alone"

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.installed
	$(BIN)/python -m benchmarks.run_all

# The installed marks depend on pyproject.toml: a changed dependency is installed by the next command.
$(VENV)/.installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or newer is needed, this is " + sys.version)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$(PADDLE)]'
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$(PADDLE),test,lint]'
	@touch $@

clean:
	rm -rf $(VENV) $(DEMO_OUTPUT)
