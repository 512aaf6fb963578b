# Everything starts from nothing: `make demo` and `make test` make what they need.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PORT ?= 3000

.PHONY: demo grader proof proof-factored chaos a-root test quick check lint types contracts ui system soundfonts fluidsynth browser postgres clean

demo: $(READY) system  ## the whole graph on the built-in corpus
	$(BIN)/pianograde demo

EASY := $(or $(PIANOGRADE_HOME),.pianograde)/easy-corpus

grader: a-root $(READY)  ## the grader that ships with the package, from nothing: make grader MAESTRO=folder
	$(BIN)/python -m tools.easy_corpus $(EASY)
	$(BIN)/pianograde corpus add easy --maestro $(EASY)
	$(BIN)/pianograde corpus add maestro-100 --maestro $(MAESTRO) --limit 100
	$(BIN)/pianograde fit-grader --corpus easy --also maestro-100 --out models/take_grader/take_grader.json

proof: a-root $(READY) system  ## what the models learn of a MAESTRO root: make proof MAESTRO=folder
	$(BIN)/pianograde pretrain --maestro $(MAESTRO) --experiment configs/experiments/small.yaml
	$(BIN)/pianograde run --maestro $(MAESTRO) --limit 60 --experiment configs/experiments/small.yaml
	$(BIN)/python -m benchmarks.proof

proof-factored: a-root $(READY) system  ## the same of recipe factored, and how its models rank a performance's counterfactuals
	$(BIN)/pianograde run --recipe factored --maestro $(MAESTRO) --limit 120 --experiment configs/experiments/small.yaml
	$(BIN)/python -m benchmarks.ranking_proof

chaos: $(READY) system  ## harm runs and files in 30 ways; the rows must be those of an undisturbed run
	$(BIN)/python -m benchmarks.chaos

a-root:
	@test -n "$(MAESTRO)" || { echo "expected MAESTRO=folder, a MAESTRO root: make $(MAKECMDGOALS) MAESTRO=~/maestro-v3.0.0" >&2; exit 2; }

# Of three processes one often waits for a server, a daemon or a killed run. Where one crashes,
# pytest-xdist ends the tests: with another in its place it may wait for ever.
PYTEST := $(BIN)/python -m pytest -n 3 --max-worker-restart 0

test: $(READY) system browser postgres  ## every test; those on real data skip where there is none
	$(PYTEST)

quick: $(READY) system  ## every test but the slow ones
	$(PYTEST) -m "not slow"

check: lint types contracts test  ## what a change must pass

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

contracts: $(READY)
	$(BIN)/lint-imports

ui: $(READY) system  ## the Dagster UI on http://127.0.0.1:$(PORT)
	$(BIN)/pianograde ui --port $(PORT)

$(READY): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing packages into $(VENV): 8 GB, PyTorch mostly; for some minutes nothing is shown."
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

# FluidSynth's library is no Python package.
system: soundfonts
	@$(BIN)/python -c 'import fluidsynth' 2>/dev/null || $(MAKE) --no-print-directory fluidsynth

# Recipe `factored` plays several pianos; without these it makes do with the one of pretty_midi.
soundfonts:
	@ls /usr/share/sounds/sf3/FluidR3Mono_GM.sf3 /usr/share/sounds/sf3/MuseScore_General_Lite.sf3 >/dev/null 2>&1 || \
	  { command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ] && \
	    apt-get update -qq && \
	    apt-get install -y -qq fluidr3mono-gm-soundfont musescore-general-soundfont-small >/dev/null; } || \
	  echo "Fewer pianos: recipe factored has three with fluidr3mono-gm-soundfont and musescore-general-soundfont-small (apt)." >&2

fluidsynth:
	@if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	  apt-get update -qq && apt-get install -y -qq libfluidsynth3 >/dev/null; \
	else \
	  echo "FluidSynth's library is missing. Debian: sudo apt install libfluidsynth3; macOS: brew install fluid-synth; conda: conda install -c conda-forge fluidsynth" >&2; exit 1; \
	fi

# The listening page is tested in a real browser; without one those tests skip with a reason.
browser:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || \
	  command -v google-chrome >/dev/null || \
	  { command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ] && \
	    apt-get update -qq && apt-get install -y -qq chromium >/dev/null; } || \
	  echo "No Chromium: the tests of pages will skip."

# A test keeps Dagster's history in a Postgres of its own; the package shall start no server.
postgres:
	@command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || \
	  { command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ] && \
	    apt-get update -qq && apt-get install -y -qq postgresql-common >/dev/null && \
	    echo "create_main_cluster = false" >> /etc/postgresql-common/createcluster.conf && \
	    apt-get install -y -qq postgresql >/dev/null; } || \
	  echo "No Postgres: the test of runs with one will skip." >&2

clean:  ## remove what was made: tables, models, reports, runs
	rm -rf .pianograde
