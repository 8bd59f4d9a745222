# SPDX-License-Identifier: Apache-2.0
# make bench: strobe side by side with its peers and with the floor; options for bench/run.py in BENCH="...".
$(BUILD)/floor: bench/floor.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $<

bench: $(BUILD)/strobe $(BUILD)/floor
	python3 bench/run.py --build $(BUILD) $(BENCH)

.PHONY: bench
