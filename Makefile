# The only front door. `make up` and `make check` are all a newcomer needs; `make help` lists the rest.
PRESET ?= release
BUILD := $(if $(filter release,$(PRESET)),build,build-$(PRESET))

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

up: build  ## start Howdah, make a first database, load a small schema
	@HOWDAH=$(CURDIR)/$(BUILD)/howdah tools/up.sh up

down:  ## stop the daemon and its databases (data stays)
	@tools/up.sh down

deps:  ## install missing Debian packages (asks for root only then)
	@tools/deps.sh

build: deps  ## build/howdah
	@test -f $(BUILD)/build.ninja || cmake --preset $(PRESET) >/dev/null
	@cmake --build $(BUILD) --target howdah

build-tests: build
	@cmake --build $(BUILD)

clean:  ## remove every build directory
	rm -rf build build-*

fmt:  ## format the C++ sources in place
	@git ls-files 'src/*.cpp' 'src/*.h' | xargs clang-format -i

lint:  ## include arrows, formatting
	@python3 tools/lint_deps.py
	@if command -v clang-format-14 >/dev/null; then git ls-files 'src/*.cpp' 'src/*.h' | xargs clang-format-14 --dry-run -Werror; \
	else echo "lint: clang-format 14 is not installed, formatting was not checked"; fi

check-headers: build  ## every header compiles alone
	@tools/check_headers.sh $(BUILD)

tidy: deps  ## clang-tidy, all findings are errors; one folder: make tidy D=src/flow
	@tools/tidy.sh $(D)

check: build-tests  ## every test but the longest (about 20 minutes on 2 cores); one suite: make check T=transcripts
	@test/check $(T)

torture: build-tests  ## at length: every step of every table killed, random instants, backups while everything dies, 100 cut-overs
	@python3 test/crash/torture.py
	@python3 test/backup/torture.py long
	@HOWDAH_KILLS=240 python3 test/migrate/run.py killing
	@python3 test/runbook/swaps.py 100
	@python3 test/migrate/run.py majors prisma_real upgrading
	@test/check --long

bench: build  ## every performance claim, each against its peer; one: make bench B=describe
	@python3 bench/run.py $(B)

asan tsan:  ## unit tests under AddressSanitizer + UBSan / ThreadSanitizer
	@tools/deps.sh
	@test -f build-$@/build.ninja || cmake --preset $@ >/dev/null
	@cmake --build build-$@ --target unit_tests
	@build-$@/unit_tests --gtest_brief=1

fuzz: deps  ## every decoder under libFuzzer, ASan and UBSan; make fuzz SECONDS=600 for longer than a minute
	@test/wire/fuzz $(or $(SECONDS),60)

.PHONY: help up down deps build build-tests clean fmt lint check-headers tidy check torture bench asan tsan fuzz
