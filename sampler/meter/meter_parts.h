/* SPDX-License-Identifier: Apache-2.0 */
/* meter_parts: what the parts of the meter share.  Private to meter/: meter.c (readings, integration), series.c (label sets, bounded),
 * labels.c (their values), events.c, families.c, health.c.
 *
 * May include: meter/meter.h, base. */
#ifndef STROBE_METER_METER_PARTS_H
#define STROBE_METER_METER_PARTS_H

#include "base/htab.h"
#include "meter/meter.h"

/* What kind of label set a series is. */
enum meter_domain { METER_EXECUTORS, METER_SEMAPHORES, METER_QUEUES, METER_DOMAINS };
/* Its counters, in seconds. */
enum meter_counter {
    METER_BUSY = 0, METER_SATURATED = 1,  /* of executors */
    METER_EXHAUSTED = 0, METER_WAIT = 1,  /* of semaphores */
    METER_COUNTERS = 2
};

#define METER_NEVER 0 /* a moment, ns, that has not been */
#define METER_OTHER_GROUP UINT32_MAX /* the process label `other`, of the series `other` */
#define METER_NO_GROUP (UINT32_MAX - 1) /* of a series whose process label went to another process: it is shown no more */

/* One label set. */
struct meter_series {
    enum meter_domain domain;
    uint32_t group;             /* the process label: index in the meter's groups */
    const char *pool_type;      /* static; "" */
    char name[STROBE_METER_LABEL];
    bool folded;                /* `other` */
    uint32_t objects;           /* of all targets, at their last readings */
    uint64_t gone_ns;           /* since when there is none */
    double seconds[METER_COUNTERS];
    bool known[METER_COUNTERS]; /* an object of it has known what it is the area of: else it is no 0, but unknown */
    uint64_t event_ns;          /* its last event */
};

/* Where a capacity is from: the value of the label `source`.  The order is their rank. */
enum meter_source { METER_SOURCE_UNKNOWN, METER_HIGH_WATER, METER_VALUE_PLUS_HOLDERS, METER_CONSTRUCTION, METER_BOUNDED, METER_SOURCES };

/* A value that a counter is the area of, at the last reading that knew it. */
struct meter_value {
    double value;
    uint64_t ns;                /* METER_NEVER: not known */
};

/* An executor, semaphore, limiter or queue of a target.  Numbers: -1 = unknown. */
struct meter_object {
    uint64_t address;
    enum strobe_resource_kind kind;
    uint64_t class, text;       /* hashes: of its class; of that and the names that its label is made from */
    uint32_t series;
    uint32_t before;            /* index in the list of the reading before; UINT32_MAX = it is new */
    bool named;
    bool taken;                 /* by the reading that is being added: the same thing again */
    bool dropped;               /* it had its own label set, if there were room */
    bool listed;                /* false: shut down, and all done */
    int64_t max, active, pending;         /* executors */
    int64_t free, capacity, waiters;      /* semaphores; capacity as far as it is known */
    enum meter_source source;
    bool moving;                /* the capacity was counted while things moved: a better one may take its place */
    int64_t size, maxsize;                /* queues */
    struct meter_value integrated[METER_COUNTERS];
    double wait_s;              /* the longest wait that the reading knows; < 0 = it times none */
    uint64_t pressed_ns;        /* a waiter, or saturated, at each reading since then; METER_NEVER */
};

/* The label `process`: what belongs to no object. */
enum { METER_LAG_PARTS = 12 };
struct meter_group {
    char label[STROBE_METER_LABEL];
    uint32_t targets;
    uint64_t gone_ns;           /* since when there is none */
    double loop_busy_seconds;
    double ended_cpu_s;         /* of targets that are gone */
    bool had_cpu, had_loops;
    struct {
        uint64_t number;        /* of the part of time, 1-based */
        double most;
    } lag[METER_LAG_PARTS];     /* by number % METER_LAG_PARTS */
};

struct strobe_meter_target {
    struct strobe_meter_target *next;
    uint32_t group;
    bool folded;                /* its label is `other`, as there was no room for its own */
    uint64_t last_ns, resources_ns; /* of the last reading; of the last that had resources */
    struct meter_object *objects;
    size_t n_objects, cap_objects;
    struct meter_object *spare; /* of the reading that is being added */
    size_t cap_spare;
    struct strobe_htab by_key, by_key_spare; /* (address, kind) -> index in objects, in spare */
    bool had_tasks;
    uint32_t n_loops;
    struct meter_value busy_loops; /* how many */
    uint64_t tasks[STROBE_METER_STATES];
    struct strobe_meter_process process;
    double counted_cpu_s;       /* of that CPU time: by the target that it was before */
};

/* A process that is a target no more, and may become one again: after an exec, or when it could not be read for a while. */
struct meter_left {
    uint64_t identity;          /* 0 = none */
    double cpu_s;               /* that were counted */
};
enum { METER_LEFT = 1024 };     /* as many as a server attaches to: a restart of all at once; the oldest are forgotten */

struct strobe_meter {
    struct strobe_meter_opts opts; /* with the defaults */
    char *prefix;
    struct meter_series *series;
    size_t n_series, cap_series;
    uint32_t named[METER_DOMAINS]; /* series that are not `other` */
    struct strobe_htab by_label;   /* hash of a label set -> index in series */
    struct meter_group *groups;
    size_t n_groups, cap_groups;
    struct strobe_meter_target *targets;
    struct meter_left left[METER_LEFT]; /* a ring */
    uint32_t next_left;
    struct strobe_meter_cost cost;
    uint64_t readings, gaps, latest_ns; /* latest_ns: of all readings */
    double gap_seconds;
    struct strobe_meter_event events[STROBE_METER_EVENTS]; /* a ring */
    uint32_t first_event, n_events;
    uint64_t events_total[STROBE_METER_EVENT_KINDS], events_lost;
};

/* labels.c: a label's value of any text: controls and what is not UTF-8 as \xNN, addresses left out, cut.  STROBE_ERR_NOMEM. */
int meter_label(const char *text, char ret[STROBE_METER_LABEL]);
int meter_object_label(const struct strobe_report_resource *resource, char ret[STROBE_METER_LABEL]);
/* "thread", "process", "interpreter"; "" = no executor (static). */
const char *meter_pool_type(enum strobe_resource_kind kind);
enum meter_domain meter_domain(enum strobe_resource_kind kind);
/* "bounded", ... (static). */
const char *meter_source_word(enum meter_source source);

/* series.c: the series of a label set, `other` when there is no room; made when it is new.  STROBE_ERR_NOMEM. */
int meter_series_find(struct strobe_meter *meter, enum meter_domain domain, uint32_t group, const char *pool_type, const char *name,
                      uint64_t now_ns, uint32_t *ret);
/* Is there room for another label set? */
bool meter_series_room(const struct strobe_meter *meter, enum meter_domain domain, uint64_t now_ns);
/* The group of a process label; ret_folded: it is `other`, as there was no room.  STROBE_ERR_NOMEM. */
int meter_group_find(struct strobe_meter *meter, const char *label, uint32_t *ret, bool *ret_folded);
/* An object of the series less, or more. */
void meter_series_lose(struct meter_series *series, uint64_t now_ns);
void meter_series_gain(struct meter_series *series);

/* meter.c: which part of the window of event_loop_lag_seconds a moment is in, 1-based. */
uint64_t meter_lag_part(const struct strobe_meter *meter, uint64_t ns);

/* objects.c: the time between two readings that counters may be integrated over: seconds; -1 = they cannot. */
double meter_span(const struct strobe_meter *meter, uint64_t from_ns, uint64_t to_ns);
/* Adds a value's area since it was known last to a counter.  known: it is so now. */
void meter_integrate(const struct strobe_meter *meter, struct meter_value *at, bool known, double value, uint64_t ns, double *counter);
/* The resources of a reading in the place of those before.  STROBE_ERR_NOMEM, and then nothing has changed. */
int meter_objects_add(struct strobe_meter *meter, struct strobe_meter_target *target, const struct strobe_meter_reading *reading);

/* events.c: after a reading's resources were added. */
void meter_press_all(struct strobe_meter *meter, struct strobe_meter_target *target, const struct strobe_meter_reading *reading);
/* All workers are busy and a call is queued. */
bool meter_is_saturated(const struct meter_object *object);

#endif
