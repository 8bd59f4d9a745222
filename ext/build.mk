# SPDX-License-Identifier: Apache-2.0
# The extension: libstrobe and attach/proc once more as code that may lie anywhere, and per kind of interpreter the few files that
# know Python.h.  PY: the interpreter to build for; from 3.9 on one binary serves all later ones, free-threaded builds get their own.
PY ?= python3
PIC = $(BUILD)/pic
PY_SRC = ext/module.c ext/convert.c $(wildcard ext/trace*.c)
PIC_OBJ = $(patsubst %.c,$(PIC)/%.o,$(SAMPLER_SRC) $(wildcard attach/proc/*.c) $(filter-out $(PY_SRC),$(wildcard ext/*.c))) \
    $(patsubst $(BUILD)/%.o,$(PIC)/%.o,$(PROTO_OBJ))
EXT_LIBS = $(LIBS) -lpthread

$(PIC)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -fPIC -MMD -MP -c -o $@ $<
$(PIC)/sampler/export/flamegraph.o: $(BUILD)/gen/export/flamegraph.js.inc $(BUILD)/gen/export/flamegraph.css.inc
$(PIC)/sampler/export/pprof.o: $(BUILD)/gen/export/profile.pb-c.h

$(PIC)/gen/%.o: $(BUILD)/gen/%.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -fPIC -MMD -MP -c -o $@ $<

$(PIC)/libstrobe.a: $(PIC_OBJ)
	@rm -f $@
	ar rcs $@ $^

# $(1): file name of the extension, $(2): include folders
ext: $(PIC)/libstrobe.a
	@mkdir -p $(BUILD)/ext/strobe
	for file in ext/strobe/*.py; do \
	    cmp -s $$file $(BUILD)/$$file || { cp -p $$file $(BUILD)/$$file.$$$$ && mv $(BUILD)/$$file.$$$$ $(BUILD)/$$file; } || exit 1; \
	done # at once, and only what differs: programs may be importing them
	facts=`$(PY) ext/buildfacts.py` && set -- $$facts && suffix=$$1 && shift && \
	    $(CC) $(ALL_CFLAGS) -fPIC -shared $(LDFLAGS) -Wno-missing-prototypes $$* -o $(BUILD)/ext/_strobe.$$$$ $(PY_SRC) \
	    $(PIC)/libstrobe.a $(EXT_LIBS) && \
	    if cmp -s $(BUILD)/ext/_strobe.$$$$ $(BUILD)/ext/strobe/_strobe$$suffix; then rm $(BUILD)/ext/_strobe.$$$$; \
	    else mv $(BUILD)/ext/_strobe.$$$$ $(BUILD)/ext/strobe/_strobe$$suffix; fi

-include $(PIC_OBJ:.o=.d)
.PHONY: ext
