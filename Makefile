# Every target sets the machine up first (idempotent, see scripts/setup.sh).
.DEFAULT_GOAL := help
.PHONY: help setup program build test wheel faults demo bench bench-kd format lint fuzz asan tsan clean

CONFIGURE = cmake --preset release >build.log 2>&1 || { cat build.log; exit 1; }; rm -f build.log
export NINJA_STATUS = [%f/%t, %es] # done, all, seconds so far

help:  ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup:  ## Debian packages and a private .venv with libtorch
	@scripts/setup.sh

program: setup  ## build/skylift, the program
	@$(CONFIGURE)
	@cmake --build --preset release --target skylift

build: setup  ## the program and its tests
	@$(CONFIGURE)
	@cmake --build --preset release

test: build  ## build and run all tests
	@ctest --preset release; status=$$?; echo; \
	awk '/: Skipped$$/ {getline; print "skipped: " $$0} /^skipped: /' build/Testing/Temporary/LastTest.log | sort | uniq -c; \
	exit $$status

wheel: build  ## dist/skylift-*.whl for pip: the program and the Python package
	@scripts/wheel.sh

faults: build  ## kills, full disks, damage: what a run survives, into docs/reliability.md (as root)
	@python3 tests/faults/campaign.py build/skylift --page docs/reliability.md

demo: program  ## teacher, student and distilled student on synthetic scenes, in minutes
	@build/skylift demo --out demo

bench: build  ## benchmarks against the tools of the field
	@benchmarks/run.sh

bench-kd: setup  ## time and memory of every distillation method relative to training without a teacher
	@benchmarks/kd_cost.sh

format: setup  ## layering and format of the sources
	@scripts/lint.sh format

lint: setup  ## format of the sources, and warnings as errors
	@scripts/lint.sh

fuzz: setup  ## a million hostile inputs for every reader (hours; scripts/fuzz.sh seconds=20 is short)
	@scripts/fuzz.sh runs=1000000

# Folders by what their tests cost: FOLDERS="core formats" takes a few.
asan: setup  ## the tests under the address and undefined-behaviour sanitizers
	@scripts/sanitize.sh asan $(or $(FOLDERS),core config runs formats annotations image synth eval report serve boxes data models export assign losses kd infer teachers train doctor study)

tsan: setup  ## the tests of what runs on several threads under the thread sanitizer
	@scripts/sanitize.sh tsan $(or $(FOLDERS),core annotations eval serve data infer)

clean:  ## remove what was built
	@rm -rf build build-dev build-asan build-tsan build-fuzz
