# SPDX-License-Identifier: Apache-2.0
# Compiles everything for aarch64 (nothing is linked or run).  Included by the Makefile.
# The headers of jansson and libmicrohttpd are the host's: they hold no word sizes of their own.
check-aarch64:
	$(MAKE) BUILD=$(BUILD)/aarch64 CC=aarch64-linux-gnu-gcc CFLAGS="-idirafter /usr/include" aarch64-objects
aarch64-objects: $(SAMPLER_OBJ) $(ATTACH_OBJ) $(TOOLS_OBJ) $(PIC_OBJ)
.PHONY: check-aarch64 aarch64-objects
