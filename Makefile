# The two commands for a stranger: `make demo` and `make test`. `make help` tells the rest.
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.PHONY: help setup demo test check bench bench-screen faults words lock fuzz clean

BIN := .venv/bin
POT := station/tui/locale/station.pot
LOCK := pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header

help:  ## what there is
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile

setup:  ## install what is missing, make .venv from the locked requirements
	@sh requirements/setup.sh

demo: setup  ## a simulated bench and a sample order of 24 tokens, from CSV to printed letters
	@$(BIN)/station demo

# Commands are processes of their own: with its byte code at hand each starts sooner, whatever is usual here.
unexport PYTHONDONTWRITEBYTECODE

# Four beside each other on any machine, because most of them wait for processes; whole runs come first, so
# that the short files fill up the end.
test: setup check  ## everything: check, then the whole test suite
	$(BIN)/pytest -n 4 --dist loadfile --no-loadscope-reorder

check: setup  ## lint, format, types, import contracts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup  ## measure speed beside the floor and a shell script, one table (QUICK=1: in two minutes)
	@$(BIN)/python -m tests.speed $(if $(QUICK),--quick)

bench-screen: setup  ## measure how soon the screen answers keys while sixteen lanes work (QUICK=1: few tokens)
	@$(BIN)/python -m tests.speed.screen $(if $(QUICK),--quick)

fuzz: setup  ## fuzz all that reads what others wrote, or TARGET, each for SECONDS (60)
	@for target in $(or $(TARGET),$$(ls tests/fuzz/corpus)); do \
		echo "fuzz: $$target" >&2; $(BIN)/python -m tests.fuzz $$target --seconds $(or $(SECONDS),60) || exit; done

faults: setup  ## tear a personalisation at every exchange, print what came of it (QUICK=1: one point in thirty)
	@$(BIN)/python -m tests.faults $(if $(QUICK),--quick)

words:  ## gather the screen's words into its catalogues, station/tui/locale, and compile them
	@$(BIN)/pybabel -q extract -k n_:1,2 -k N_ -s --no-wrap --no-location -o $(POT) station/tui
	@for language in nl it; do $(BIN)/pybabel -q update -i $(POT) -D station -d station/tui/locale -l $$language \
		--no-fuzzy-matching --ignore-obsolete --no-wrap --init-missing || exit; done
	@sed -i -E '/^"(Project-Id|Report-Msgid|POT-Creation|PO-Revision|Last-Translator|Language-Team|Generated-By)/d' \
		station/tui/locale/*/LC_MESSAGES/station.po
	@$(BIN)/pybabel -q compile -D station -d station/tui/locale --statistics
	@rm -f $(POT)

lock:  ## renew the locked requirements (needs uv)
	uv $(LOCK) --upgrade requirements/build.in -o requirements/build.txt
	uv $(LOCK) --upgrade --extra dev --extra fuzz -c requirements/build.txt pyproject.toml -o requirements/dev.txt
	uv $(LOCK) --upgrade requirements/judges.in -o requirements/judges.txt
	@! grep -nE '[a-z]+://' requirements/*.txt

clean:  ## remove .venv and everything made by tools
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +
