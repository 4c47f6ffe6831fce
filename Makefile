# Every target sets the machine up first (idempotent, see scripts/setup.sh).
.DEFAULT_GOAL := help
.PHONY: help setup build test demo bench bench-kd lint clean

help:  ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup:  ## Debian packages and a private .venv with libtorch
	@scripts/setup.sh

build: setup  ## build/skylift, the program
	@cmake --preset release >build.log 2>&1 || { cat build.log; exit 1; }
	@rm -f build.log
	@cmake --build --preset release

test: build  ## build and run all tests
	@ctest --preset release

demo: build  ## teacher, student and distilled student on synthetic scenes, in minutes
	@build/skylift demo --out demo

bench: setup  ## benchmarks against the tools of the field
	@benchmarks/run.sh

bench-kd: setup  ## time and memory of every distillation method relative to training without a teacher
	@benchmarks/kd_cost.sh

lint: setup  ## format of the sources, and warnings as errors
	@scripts/lint.sh

clean:  ## remove what was built
	@rm -rf build build-dev build-asan
