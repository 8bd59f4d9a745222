/* SPDX-License-Identifier: Apache-2.0 */
/* labels: values of labels, made from what a target calls its things.  They must be stable from run to run, harmless in every output
 * and of a bounded length. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/utf8.h"
#include "meter/meter_parts.h"

static const struct {
    enum meter_domain domain;
    const char *pool_type, *plain; /* plain: what an executor without any name is called */
} kinds[STROBE_RESOURCE_KINDS] = {
    [STROBE_RESOURCE_THREAD_POOL] = {METER_EXECUTORS, "thread", "ThreadPoolExecutor"},
    [STROBE_RESOURCE_PROCESS_POOL] = {METER_EXECUTORS, "process", "ProcessPoolExecutor"},
    [STROBE_RESOURCE_INTERPRETER_POOL] = {METER_EXECUTORS, "interpreter", "InterpreterPoolExecutor"},
    [STROBE_RESOURCE_ANYIO_POOL] = {METER_EXECUTORS, "thread", "anyio"},
    [STROBE_RESOURCE_SEMAPHORE] = {METER_SEMAPHORES, "", "Semaphore"},
    [STROBE_RESOURCE_LIMITER] = {METER_SEMAPHORES, "", "CapacityLimiter"},
    [STROBE_RESOURCE_QUEUE] = {METER_QUEUES, "", "Queue"},
};

const char *meter_pool_type(enum strobe_resource_kind kind)
{
    return kinds[kind].pool_type;
}

enum meter_domain meter_domain(enum strobe_resource_kind kind)
{
    return kinds[kind].domain;
}

const char *meter_source_word(enum meter_source source)
{
    static const char *const words[METER_SOURCES] = {
        [METER_SOURCE_UNKNOWN] = "unknown", [METER_HIGH_WATER] = "high_water", [METER_VALUE_PLUS_HOLDERS] = "value_plus_holders",
        [METER_CONSTRUCTION] = "construction", [METER_BOUNDED] = "bounded",
    };

    return words[source];
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* The length of an address as repr() writes it, "0x7f6c1a2b3c40", that text begins with; 0 = none. */
static size_t address_len(const char *text)
{
    enum { LEAST = 6 }; /* digits: shorter ones are numbers that somebody wrote */
    size_t n = 2;

    if (text[0] != '0' || (text[1] != 'x' && text[1] != 'X'))
        return 0;
    while (is_hex(text[n]))
        n++;
    return n >= 2 + LEAST ? n : 0;
}

/* Appends to the label if there is room for it and for the final dots; false: it is full. */
static bool append(char *label, size_t *n, const char *bytes, size_t len)
{
    if (*n + len > STROBE_METER_LABEL - sizeof "...")
        return false;
    memcpy(label + *n, bytes, len);
    *n += len;
    return true;
}

int meter_label(const char *text, char ret[STROBE_METER_LABEL])
{
    /* Each escaped piece is looked at alone, so that no character is cut in two; a label holds fewer than its bytes. */
    struct strobe_buf piece = STROBE_BUF_INIT;
    const char *at = text, *end = text + strnlen(text, (size_t)4 * STROBE_METER_LABEL);
    size_t n = 0, address;
    bool room = true;
    int err;

    while (at < end && room) {
        char one[5] = "";
        const char *start = at;

        address = address_len(at);
        if (address) {
            at += address;
            room = append(ret, &n, "0x*", 3);
            continue;
        }
        strobe_utf8_next(&at, end);
        if (at - start == 1 && *start >= 0x20 && *start < 0x7f) {
            room = append(ret, &n, start, 1);
            continue;
        }
        memcpy(one, start, (size_t)(at - start));
        strobe_buf_clear(&piece);
        strobe_report_escape(one, &piece);
        room = append(ret, &n, strobe_buf_str(&piece), piece.len);
        if (piece.failed)
            break;
    }
    if (!room) {
        memcpy(ret + n, "...", 3);
        n += 3;
    }
    ret[n] = '\0';
    err = piece.failed ? STROBE_ERR_NOMEM : 0;
    strobe_buf_release(&piece);
    return err;
}

/* The prefix that an executor without one gives its threads: its class and how many of them were made, which no two runs share. */
static bool is_counted(const char *prefix, const char *class)
{
    size_t n = strlen(class);
    const char *number;

    if (strncmp(prefix, class, n) != 0 || prefix[n] != '-')
        return false;
    number = prefix + n + 1;
    return *number && strspn(number, "0123456789") == strlen(number);
}

static bool ends_in(const char *text, const char *end)
{
    size_t n = strlen(text), n_end = strlen(end);

    return n >= n_end && strcmp(text + n - n_end, end) == 0;
}

/* As the code names it; else by its threads' names; else by what it is. */
static int executor_label(const struct strobe_report_resource *r, char ret[STROBE_METER_LABEL])
{
    const char *text = r->name;

    if (r->kind == STROBE_RESOURCE_ANYIO_POOL)
        text = kinds[r->kind].plain;
    else if (ends_in(text, "._default_executor") || (!*text && strcmp(r->prefix, "asyncio") == 0))
        text = "default"; /* of an event loop: asyncio names its threads so */
    else if (!*text && *r->prefix && !is_counted(r->prefix, "ThreadPoolExecutor") && !is_counted(r->prefix, "InterpreterPoolExecutor"))
        text = r->prefix;
    else if (!*text)
        text = *r->type ? r->type : kinds[r->kind].plain;
    return meter_label(text, ret);
}

int meter_object_label(const struct strobe_report_resource *r, char ret[STROBE_METER_LABEL])
{
    char text[2 * STROBE_METER_LABEL];
    int package;

    if (kinds[r->kind].domain == METER_EXECUTORS)
        return executor_label(r, ret);
    if (*r->name)
        return meter_label(r->name, ret);
    /* asyncio.locks.Semaphore is known as asyncio.Semaphore; a class of the application is where it says */
    package = (int)strlen(r->module);
    if (strncmp(r->module, "asyncio.", 8) == 0 || strncmp(r->module, "anyio.", 6) == 0)
        package = (int)strcspn(r->module, ".");
    snprintf(text, sizeof text, "%.*s%s%s", package, r->module, package ? "." : "", *r->type ? r->type : kinds[r->kind].plain);
    return meter_label(text, ret);
}
