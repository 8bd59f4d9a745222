# SPDX-License-Identifier: Apache-2.0
# strobe: build, test, bench.  Users: `make demo`, `make test`.  Developers: DEVELOPER=1 turns warnings into errors.
BUILD ?= build
CC ?= gcc
VERSION := $(shell sed -n 's/^version *= *"\(.*\)"/\1/p' pyproject.toml)
OPT ?= -O2 -g
WARN = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wno-unused-parameter
ifdef DEVELOPER
WARN += -Werror
endif
ALL_CFLAGS = -std=gnu11 $(OPT) $(WARN) -fvisibility=hidden -D_GNU_SOURCE -DSTROBE_VERSION='"$(VERSION)"' -Isampler -I. -I$(BUILD)/gen $(CFLAGS) $(CPPFLAGS)
LIBS = -ljansson -lm

SAMPLER_SRC = $(wildcard sampler/*.c sampler/*/*.c)
ATTACH_SRC = $(wildcard attach/*.c)
TOOLS_SRC = $(wildcard tools/*.c)
objs = $(patsubst %.c,$(BUILD)/%.o,$(1))
SAMPLER_OBJ = $(call objs,$(SAMPLER_SRC))
ATTACH_OBJ = $(call objs,$(ATTACH_SRC))
TOOLS_OBJ = $(call objs,$(TOOLS_SRC))

all: $(BUILD)/strobe

$(BUILD)/strobe: $(TOOLS_OBJ) $(ATTACH_OBJ) $(BUILD)/libstrobe.a
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/libstrobe.a: $(SAMPLER_OBJ)
	@rm -f $@
	ar rcs $@ $^

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# Text files that the executable carries in itself become C string literals, one a line.
$(BUILD)/gen/%.inc: sampler/%
	@mkdir -p $(@D)
	sed -e 's/[\\"]/\\&/g' -e 's/^/"/' -e 's/$$/\\n"/' $< >$@
$(BUILD)/sampler/export/flamegraph.o: $(BUILD)/gen/export/flamegraph.js.inc $(BUILD)/gen/export/flamegraph.css.inc

-include $(patsubst %.o,%.d,$(SAMPLER_OBJ) $(ATTACH_OBJ) $(TOOLS_OBJ))

# --- unit tests: one program a module, tests/unit/test_NAME.c over the library ---
UNIT_SRC = $(wildcard tests/unit/test_*.c)
UNIT_BIN = $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(UNIT_SRC))
$(BUILD)/unit/%: tests/unit/%.c $(BUILD)/libtest.a $(ATTACH_OBJ) $(BUILD)/libstrobe.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -Itests $(LDFLAGS) -o $@ $(filter-out %.a,$^) $(filter %.a,$^) $(TEST_LIBS)
# Parts of the tool that are tested alone.
$(foreach m,opts output progress peers childwork,$(eval $(BUILD)/unit/test_$(m): $(BUILD)/tools/$(m).o))
$(BUILD)/unit/test_opts: $(BUILD)/tools/opts_values.o $(BUILD)/tools/opts_check.o
units: $(UNIT_BIN)
check-unit: $(UNIT_BIN)
	@for t in $(UNIT_BIN); do echo "== $$t"; $$t || exit 1; done

include tests/san.mk
include tests/export.mk
include tests/cross.mk
include bench/bench.mk

# --- what a user types first ---
deps: # Debian packages that the build needs, only what is missing
	tools/install-packages gcc libc6-dev libjansson-dev
DEMO_OUTPUT ?= demo.svg
demo:
	$(MAKE) deps
	command -v python3 >/dev/null || tools/install-packages python3
	$(MAKE) all
	tools/demo/run.sh $(BUILD)/strobe $(DEMO_OUTPUT)
# --- tests: everything they need is installed first; PYTEST="-k dump" runs a part of them ---
deps-test: deps
	tools/install-packages python3 python3-venv python3-dev libcmocka-dev zlib1g-dev clang libclang-rt-14-dev \
	    gcc-aarch64-linux-gnu libc6-dev-arm64-cross binutils chromium chromium-driver fonts-dejavu-core strace util-linux procps
	test -x $(BUILD)/venv/bin/pip || /usr/bin/python3 -m venv $(BUILD)/venv
	$(BUILD)/venv/bin/pip -q install --disable-pip-version-check -r tests/requirements.txt
test: deps-test
	$(MAKE) all
	PATH="$(abspath $(BUILD)/venv/bin):$$PATH" $(BUILD)/venv/bin/python -m pytest tests $(PYTEST)
.PHONY: deps demo deps-test test

clean:
	rm -rf $(BUILD)

.PHONY: all units check-unit clean
