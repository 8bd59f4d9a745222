/* SPDX-License-Identifier: Apache-2.0 */
/* resources_json: `pools --json` (docs/formats.md).  Unknown numbers are null. */
#include <inttypes.h>
#include <stdio.h>

#include "report/json.h"
#include "report/resources.h"

static int set(json_t *object, const char *key, json_t *value)
{
    return json_object_set_new(object, key, value);
}

/* -1 = unknown: null.  Of a limiter without an end: "unlimited". */
static json_t *number(int64_t n)
{
    return n == STROBE_UNLIMITED ? json_string("unlimited") : n < 0 ? json_null() : json_integer(n);
}

static json_t *text(const char *s)
{
    return *s ? strobe_json_text(s) : json_null();
}

static json_t *resource_of(const struct strobe_report_resource *r)
{
    json_t *object = json_object();
    char id[32];
    int bad = 0;

    snprintf(id, sizeof id, "0x%" PRIx64, r->address);
    bad |= set(object, "id", r->address ? json_string(id) : json_null());
    bad |= set(object, "kind", json_string(strobe_report_resource_word(r->kind)));
    bad |= set(object, "type", text(r->type));
    bad |= set(object, "module", text(r->module));
    bad |= set(object, "name", text(r->name));
    bad |= set(object, "name_source", text(r->name_source));
    if (r->kind < STROBE_RESOURCE_SEMAPHORE) {
        bad |= set(object, "thread_name_prefix", text(r->prefix));
        bad |= set(object, "max_workers", number(r->max));
        bad |= set(object, "workers", number(r->workers));
        bad |= set(object, "active_workers", number(r->busy));
        bad |= set(object, "pending_tasks", number(r->queued));
        bad |= set(object, "shutdown", json_boolean(r->shutdown));
    } else {
        bad |= set(object, "for", json_string(r->of_threads ? "threads" : "tasks"));
        bad |= set(object, "waiters", number(r->waiters));
        if (r->kind == STROBE_RESOURCE_QUEUE) {
            bad |= set(object, "size", number(r->size));
            bad |= set(object, "maxsize", number(r->maxsize));
        } else {
            bad |= set(object, "available", r->over > 0 ? json_integer(-r->over) : number(r->free));
            bad |= set(object, "capacity", number(r->capacity));
            bad |= set(object, "capacity_source", text(strobe_report_capacity_word(r->capacity_source)));
            bad |= set(object, "holders", number(r->holders));
        }
    }
    if (bad) {
        json_decref(object);
        return NULL;
    }
    return object;
}

int strobe_report_resources_json(const struct strobe_report_resources *report, struct strobe_buf *out)
{
    json_t *root = json_object(), *list = json_array();
    int bad = 0;

    bad |= set(root, "pid", json_integer(report->process->pid));
    bad |= set(root, "command", strobe_json_text(report->process->cmdline));
    bad |= set(root, "python", strobe_json_text(report->process->version));
    bad |= set(root, "consistent", json_boolean(!report->moving));
    bad |= set(root, "stopped", json_boolean(report->process->stopped));
    bad |= set(root, "idle_looked_for", json_boolean(report->scanned));
    bad |= set(root, "copies", json_integer(report->n_copies));
    for (uint32_t i = 0; i < report->n; i++)
        bad |= json_array_append_new(list, resource_of(&report->at[i]));
    bad |= set(root, "resources", list);
    if (bad) {
        json_decref(root);
        root = NULL;
    }
    return strobe_json_write(root, out);
}
