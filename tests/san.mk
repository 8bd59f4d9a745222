# SPDX-License-Identifier: Apache-2.0
# What tests need beyond the library: the tests' own library, images, sanitizers, fuzzers.  Included by the Makefile.

# Allocations of our own objects go through tests/lib/alloc_fail.c (which only looks on until a test arms it).
comma := ,
WRAPPED = malloc calloc realloc reallocarray aligned_alloc strdup strndup free
TEST_LIBS = $(patsubst %,-Wl$(comma)--wrap=%,$(WRAPPED)) $(BUILD)/libtest.a $(LIBS) -lcmocka
TESTLIB_OBJ = $(call objs,$(wildcard tests/lib/*.c))
.SECONDARY: $(TESTLIB_OBJ)
-include $(TESTLIB_OBJ:.o=.d)
$(BUILD)/libtest.a: $(TESTLIB_OBJ)
	@rm -f $@
	ar rcs $@ $^

# --- memory images: `make images` records one from each interpreter found (needs root; tests/images/make_images.py) ---
RECORD_IMAGE = $(BUILD)/record_image
-include $(BUILD)/tests/images/record_image.d
$(RECORD_IMAGE): $(BUILD)/tests/images/record_image.o $(BUILD)/libtest.a $(ATTACH_OBJ) $(BUILD)/libstrobe.a
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)
images: $(RECORD_IMAGE)
	python3 tests/images/make_images.py $(RECORD_IMAGE) tests/images
.PHONY: images

# --- units and replays under AddressSanitizer and UndefinedBehaviorSanitizer, in a build folder of their own ---
SAN_BUILD = $(BUILD)/san
# -Wno-format-truncation: instrumented code shows gcc less of what is known about lengths.
SAN_FLAGS = -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -Wno-format-truncation
# The sanitizers of gcc 12 and clang 14 die at start, now and then, where the kernel moves memory farther than they reckon with
# (vm.mmap_rnd_bits above 28): what they are in lies where it would without randomization.
UNMOVED = setarch -R
check-san:
	$(MAKE) BUILD=$(SAN_BUILD) OPT="-O1 -g $(SAN_FLAGS)" UNDER="$(UNMOVED)" check-unit

# --- the unit program that has threads, with what it is about, under ThreadSanitizer: it ends with 66 where a race was seen ---
TSAN_BUILD = $(BUILD)/tsan-unit
TSAN_FLAGS = -fsanitize=thread -fno-omit-frame-pointer -Wno-format-truncation
check-tsan:
	$(MAKE) BUILD=$(TSAN_BUILD) OPT="-O1 -g $(TSAN_FLAGS)" UNDER="$(UNMOVED)" UNIT_SRC=tests/unit/test_calls_threads.c \
	    SAMPLER_SRC="$(wildcard sampler/base/*.c sampler/calls/*.c)" ATTACH_SRC= PROTO_OBJ= check-unit
.PHONY: check-tsan

# --- fuzzers: `make fuzz` builds them, `make check-fuzz` gives each FUZZ_SECONDS ---
# A fuzzer is its own compilation of what it tests, with clang's coverage instrumentation.
FUZZ_SECONDS ?= 30
FUZZ_CC ?= clang
FUZZ_BUILD = $(BUILD)/fuzz
FUZZ_NAMES = $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_BIN = $(patsubst %,$(FUZZ_BUILD)/fuzz_%,$(FUZZ_NAMES))
FUZZ_LIB = $(filter-out tests/lib/alloc_fail.c,$(wildcard tests/lib/*.c))
FUZZ_PROTO_OBJ = $(patsubst $(BUILD)/%,$(FUZZ_BUILD)/%,$(PROTO_OBJ))
FUZZ_OBJ = $(patsubst %.c,$(FUZZ_BUILD)/%.o,$(SAMPLER_SRC) $(ATTACH_SRC) $(FUZZ_LIB)) $(FUZZ_PROTO_OBJ)
FUZZ_FLAGS = -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
$(FUZZ_BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(FUZZ_CC) $(filter-out -fvisibility=hidden,$(ALL_CFLAGS)) $(FUZZ_FLAGS) -MMD -MP -c -o $@ $<
FUZZ_MAIN_OBJ = $(patsubst %,$(FUZZ_BUILD)/tests/fuzz/fuzz_%.o,$(FUZZ_NAMES))
-include $(FUZZ_OBJ:.o=.d) $(FUZZ_MAIN_OBJ:.o=.d)
$(FUZZ_BUILD)/sampler/export/pprof.o: $(BUILD)/gen/export/profile.pb-c.h
$(FUZZ_BUILD)/sampler/export/flamegraph.o: $(BUILD)/gen/export/flamegraph.js.inc $(BUILD)/gen/export/flamegraph.css.inc
$(FUZZ_PROTO_OBJ): $(FUZZ_BUILD)/%.o: $(BUILD)/%.c
	@mkdir -p $(@D)
	$(FUZZ_CC) $(ALL_CFLAGS) $(FUZZ_FLAGS) -MMD -MP -c -o $@ $<
$(FUZZ_BUILD)/fuzz.a: $(FUZZ_OBJ)
	@rm -f $@
	ar rcs $@ $^
$(FUZZ_BUILD)/fuzz_%: $(FUZZ_BUILD)/tests/fuzz/fuzz_%.o $(FUZZ_BUILD)/fuzz.a
	$(FUZZ_CC) $(FUZZ_FLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS)
.SECONDARY: $(FUZZ_OBJ) $(FUZZ_MAIN_OBJ)
fuzz: $(FUZZ_BIN)

# Inputs that were found to do harm are kept in tests/fuzz/found/NAME/ and tried first, each time.
# -timeout: a single input that takes longer than this is a finding.
check-fuzz: $(FUZZ_BIN)
	python3 tests/fuzz/make_corpus.py $(FUZZ_BUILD)/corpus
	@for f in $(FUZZ_NAMES); do \
	    mkdir -p $(FUZZ_BUILD)/work/$$f $(FUZZ_BUILD)/bad; found=; test ! -d tests/fuzz/found/$$f || found=tests/fuzz/found/$$f; \
	    log=$(FUZZ_BUILD)/fuzz_$$f.log; \
	    $(UNMOVED) $(FUZZ_BUILD)/fuzz_$$f -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=2048 -verbosity=0 -print_final_stats=1 \
	        -artifact_prefix=$(FUZZ_BUILD)/bad/$$f- $(FUZZ_BUILD)/work/$$f $(FUZZ_BUILD)/corpus/$$f $$found >$$log 2>&1 \
	        || { tail -n 60 $$log; echo "fuzz_$$f: the input is in $(FUZZ_BUILD)/bad"; exit 1; }; \
	    sed -n "s/^stat::number_of_executed_units: */fuzz_$$f: inputs tried in $(FUZZ_SECONDS) s: /p" $$log; \
	done
.PHONY: check-san fuzz check-fuzz

# --- what the tests of asyncio's table ask (tests/integration/test_locate_asyncio.py) ---
ASYNCIO_FACTS = $(BUILD)/tests/integration/asyncio_facts
-include $(ASYNCIO_FACTS).d
$(ASYNCIO_FACTS): $(ASYNCIO_FACTS).o $(ATTACH_OBJ) $(BUILD)/libstrobe.a
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)
asyncio-facts: $(ASYNCIO_FACTS)
.PHONY: asyncio-facts

# --- what the tests of pools and of the facts of waits ask (tests/integration/test_pools.py) ---
POOL_FACTS = $(BUILD)/tests/integration/pool_facts
-include $(POOL_FACTS).d
$(POOL_FACTS): $(POOL_FACTS).o $(ATTACH_OBJ) $(BUILD)/libstrobe.a
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)
pool-facts: $(POOL_FACTS)
.PHONY: pool-facts
