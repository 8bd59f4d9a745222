# SPDX-License-Identifier: Apache-2.0
# make bench: strobe side by side with its peers and with the floor; options for bench/run.py in BENCH="...".
$(BUILD)/floor: bench/floor.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $<

$(BUILD)/ping.so: bench/ping.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -shared -fPIC -fvisibility=default -o $@ $< -lpthread

bench: $(BUILD)/strobe $(BUILD)/floor $(BUILD)/ping.so
	python3 bench/run.py --build $(BUILD) $(BENCH)

.PHONY: bench
