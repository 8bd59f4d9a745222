# SPDX-License-Identifier: Apache-2.0
# The program that writes test profiles in every format.  Included by the Makefile.
EXPORT_DEMO = $(BUILD)/tests/integration/export_demo
$(EXPORT_DEMO): $(EXPORT_DEMO).o $(BUILD)/libstrobe.a
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)
export-demo: $(EXPORT_DEMO)
.PHONY: export-demo

# The program that reads contexts of a live process.
CONTEXT_DEMO = $(BUILD)/tests/integration/context_demo
$(CONTEXT_DEMO): $(CONTEXT_DEMO).o $(ATTACH_OBJ) $(BUILD)/libstrobe.a
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)
context-demo: $(CONTEXT_DEMO)
.PHONY: context-demo

# The program that makes metrics of made-up readings (tests/integration/test_metrics_formats.py).
METRICS_DEMO = $(BUILD)/tests/integration/metrics_demo
-include $(METRICS_DEMO).d
$(METRICS_DEMO): $(METRICS_DEMO).o $(BUILD)/libstrobe.a
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)
metrics-demo: $(METRICS_DEMO)
.PHONY: metrics-demo
