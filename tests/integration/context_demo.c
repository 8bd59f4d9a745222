/* SPDX-License-Identifier: Apache-2.0 */
/* context_demo PID ADDRESS...: prints the contexts at these addresses of a process, a line an item, fields separated by tabs:
 *
 *   C <address> <number of variables, or an error> <what comes of asking for a name that is not there>
 *   V <address of the variable> <name> <repr of its value> <repr of the value found by that name>
 *
 * Exit status: 0, or 1 with a message when the process cannot be read. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "attach/attach.h"
#include "runtime/pycontext.h"

enum { MAX_BY_NAME = 1000 }; /* variables of a context that are looked up one by one: each look reads half of them */

struct demo {
    struct strobe_mem *mem;
    const struct strobe_layout *lay;
    uint64_t context;
    size_t n;
};

static int count_var(void *ctx, uint64_t var, uint64_t value)
{
    ((struct demo *)ctx)->n++;
    return 0;
}

static void print_value(const struct demo *demo, int err, uint64_t value)
{
    struct strobe_buf out = {0};

    if (!err)
        strobe_py_repr(demo->mem, demo->lay, value, 200, &out);
    printf("\t%s", err ? strobe_err_text(err) : strobe_buf_str(&out));
    strobe_buf_release(&out);
}

static int print_var(void *ctx, uint64_t var, uint64_t value)
{
    const struct demo *demo = ctx;
    uint64_t same = value;
    char name[200];
    int err = strobe_py_contextvar_name(demo->mem, demo->lay, var, name, sizeof name);

    printf("V\t%" PRIu64 "\t%s", var, err ? strobe_err_text(err) : name);
    print_value(demo, 0, value);
    if (!err && demo->n <= MAX_BY_NAME)
        err = strobe_py_context_get(demo->mem, demo->lay, demo->context, name, &same);
    print_value(demo, err, same);
    printf("\n");
    return 0;
}

static void print_context(struct demo *demo)
{
    uint64_t none;
    int err;

    strobe_mem_epoch(demo->mem);
    demo->n = 0;
    err = strobe_py_context_each(demo->mem, demo->lay, demo->context, count_var, demo);
    printf("C\t%" PRIu64, demo->context);
    if (err)
        printf("\t%s", strobe_err_text(err));
    else
        printf("\t%zu", demo->n);
    err = strobe_py_context_get(demo->mem, demo->lay, demo->context, "none of them", &none);
    printf("\t%s\n", strobe_err_text(err));
    strobe_py_context_each(demo->mem, demo->lay, demo->context, print_var, demo);
}

int main(int argc, char **argv)
{
    struct strobe_attach *attach = NULL;
    struct strobe_buf why = {0};
    struct demo demo;
    int err = argc > 1 ? strobe_attach_open((pid_t)atoi(argv[1]), &attach, &why) : STROBE_ERR_ARG;

    if (err) {
        fprintf(stderr, "context_demo: %s\n", why.len ? strobe_buf_str(&why) : strobe_err_text(err));
        strobe_buf_release(&why);
        return 1;
    }
    demo.mem = strobe_attach_mem(attach);
    demo.lay = strobe_attach_layout(attach);
    for (int i = 2; i < argc; i++) {
        demo.context = strtoull(argv[i], NULL, 0);
        print_context(&demo);
    }
    strobe_attach_close(attach);
    return 0;
}
