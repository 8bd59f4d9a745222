# SPDX-License-Identifier: Apache-2.0
# strobe: build, test, bench.  Users: `make demo`, `make test`.  Developers: DEVELOPER=1 turns warnings into errors.
BUILD ?= build
# One name for one folder, however it is given: dependencies go by it.
override BUILD := $(patsubst $(CURDIR)/%,%,$(BUILD))
CC ?= gcc
VERSION := $(shell sed -n 's/^version *= *"\(.*\)"/\1/p' pyproject.toml)
OPT ?= -O2 -g
WARN = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wno-unused-parameter
ifdef DEVELOPER
WARN += -Werror
endif
ALL_CFLAGS = -std=gnu11 $(OPT) $(WARN) -fvisibility=hidden -D_GNU_SOURCE -DSTROBE_VERSION='"$(VERSION)"' -Isampler -I. -I$(BUILD)/gen $(CFLAGS) $(CPPFLAGS)
LIBS = -ljansson -lprotobuf-c -lz -lm
TOOL_LIBS = -lmicrohttpd
PROTOC_C ?= protoc-c

SAMPLER_SRC = $(wildcard sampler/*.c sampler/*/*.c)
ATTACH_SRC = $(wildcard attach/*.c attach/*/*.c)
TOOLS_SRC = $(wildcard tools/*.c)
objs = $(patsubst %.c,$(BUILD)/%.o,$(1))
PROTO_OBJ = $(BUILD)/gen/export/profile.pb-c.o
SAMPLER_OBJ = $(call objs,$(SAMPLER_SRC)) $(PROTO_OBJ)
ATTACH_OBJ = $(call objs,$(ATTACH_SRC))
TOOLS_OBJ = $(call objs,$(TOOLS_SRC))

all: $(BUILD)/strobe

$(BUILD)/strobe: $(TOOLS_OBJ) $(ATTACH_OBJ) $(BUILD)/libstrobe.a
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS) $(TOOL_LIBS)

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

# Messages of protobuf become C structs and tables.
$(BUILD)/gen/%.pb-c.c $(BUILD)/gen/%.pb-c.h: sampler/%.proto
	@mkdir -p $(@D)
	$(PROTOC_C) --proto_path=sampler --c_out=$(BUILD)/gen $<
$(PROTO_OBJ): %.o: %.c
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<
$(BUILD)/sampler/export/pprof.o: $(BUILD)/gen/export/profile.pb-c.h
.SECONDARY: $(PROTO_OBJ:.o=.c) $(PROTO_OBJ:.o=.h)

-include $(patsubst %.o,%.d,$(SAMPLER_OBJ) $(ATTACH_OBJ) $(TOOLS_OBJ))

# --- unit tests: one program a module, tests/unit/test_NAME.c over the library ---
UNIT_SRC = $(wildcard tests/unit/test_*.c)
UNIT_BIN = $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(UNIT_SRC))
$(BUILD)/unit/%: tests/unit/%.c $(BUILD)/libtest.a $(ATTACH_OBJ) $(BUILD)/libstrobe.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -Itests $(LDFLAGS) -o $@ $(filter-out %.a,$^) $(filter %.a,$^) $(TEST_LIBS)
# Parts of the tool that are tested alone.
$(foreach m,opts output progress childwork listen ratelimit http census served textfile,$(eval $(BUILD)/unit/test_$(m): $(BUILD)/tools/$(m).o))
$(BUILD)/unit/test_textfile: $(BUILD)/tools/output.o
$(BUILD)/unit/test_http: $(BUILD)/tools/ratelimit.o $(BUILD)/tools/listen.o
$(BUILD)/unit/test_served: $(addprefix $(BUILD)/tools/,outside.o opening.o childwork.o say.o)
$(BUILD)/unit/test_http: TEST_LIBS += $(TOOL_LIBS)
$(BUILD)/unit/test_opts: $(BUILD)/tools/opts_values.o $(BUILD)/tools/opts_check.o
# And of the extension.
-include $(BUILD)/ext/ticks.d
$(BUILD)/unit/test_ticks: $(BUILD)/ext/ticks.o
units: $(UNIT_BIN)
check-unit: $(UNIT_BIN)
	@for t in $(UNIT_BIN); do echo "== $$t"; $(UNDER) $$t || exit 1; done

include ext/build.mk
include tests/san.mk
include tests/export.mk
include tests/cross.mk
include bench/bench.mk

# --- what a user types first ---
deps: # Debian packages that the build needs, only what is missing
	tools/install-packages gcc libc6-dev libjansson-dev libmicrohttpd-dev protobuf-c-compiler libprotobuf-c-dev zlib1g-dev
DEMO_OUTPUT ?= demo.svg
demo:
	$(MAKE) deps
	command -v python3 >/dev/null || tools/install-packages python3
	$(MAKE) all
	tools/demo/run.sh $(BUILD)/strobe $(DEMO_OUTPUT)
# --- tests: everything they need is installed first; PYTEST="-k dump" runs a part of them ---
deps-test: deps
	command -v go >/dev/null || tools/install-packages golang-go
	tools/install-packages python3 python3-venv python3-dev libcmocka-dev clang libclang-rt-14-dev \
	    gcc-aarch64-linux-gnu libc6-dev-arm64-cross binutils chromium chromium-driver fonts-dejavu-core strace util-linux procps \
	    prometheus locales systemd valgrind
	test -x $(BUILD)/venv/bin/pip || /usr/bin/python3 -m venv $(BUILD)/venv
	$(BUILD)/venv/bin/pip -q install --disable-pip-version-check -r tests/requirements.txt
# Most of their time tests wait: several at once, but for those that judge times by a clock.
TEST_JOBS ?= 2
test: deps-test
	$(MAKE) all
	PATH="$(abspath $(BUILD)/venv/bin):$$PATH" $(BUILD)/venv/bin/python -m pytest tests -n $(TEST_JOBS) --dist worksteal -m "not alone" $(PYTEST); \
	    code=$$?; PATH="$(abspath $(BUILD)/venv/bin):$$PATH" STROBE_REQUIRE_ALL= $(BUILD)/venv/bin/python -m pytest tests -m alone $(PYTEST) && exit $$code
# A busy program that records itself, on 3.9, 3.11, 3.12, 3.14 and 3.14t, until so many stacks were counted.
SOAK_SAMPLES ?= 1000000
SOAK_RATE ?= 20000
soak: deps-test
	$(MAKE) all
	SOAK_SAMPLES=$(SOAK_SAMPLES) SOAK_RATE=$(SOAK_RATE) PATH="$(abspath $(BUILD)/venv/bin):$$PATH" \
	    $(BUILD)/venv/bin/python -m pytest tests/integration/test_inside_soak.py -k test_soak $(PYTEST)
.PHONY: deps demo deps-test test soak

clean:
	rm -rf $(BUILD)

.PHONY: all units check-unit clean
