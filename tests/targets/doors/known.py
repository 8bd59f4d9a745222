# SPDX-License-Identifier: Apache-2.0
"""A source with known values in the place of the module strobe."""

FAMILIES = (("executor_active_workers", "gauge"), ("executor_pending_tasks", "gauge"), ("executor_max_workers", "gauge"),
            ("semaphore_available", "gauge"), ("semaphore_capacity", "gauge"), ("semaphore_waiters", "gauge"),
            ("event_loop_lag_seconds", "gauge"), ("semaphore_wait_seconds_total", "counter"))


class Source:
    """available: of a semaphore of 10; what a test sets, it gives.  more: families beside its own."""

    def __init__(self, available=10, waiters=0, active=1, pending=0, lag=0.0):
        self.available, self.waiters, self.active, self.pending, self.lag = available, waiters, active, pending, lag
        self.waited = 0.0
        self.error = None
        self.more = []
        self.resources = []
        self.happened = []
        self.prefix = ""

    def families(self):
        return [{"name": self.prefix + name, "type": kind, "help": "Help of %s." % name} for name, kind in FAMILIES]

    def metrics(self):
        if self.error:
            raise self.error
        return [dict(family, name=self.prefix + family["name"]) for family in self.now()] + self.more

    def now(self):
        pool, gate = {"pool_type": "thread", "executor": "reports"}, {"dependency": "Prices._gate"}
        return [
            one("executor_active_workers", "gauge", self.active, pool),
            one("executor_pending_tasks", "gauge", self.pending, pool),
            one("executor_max_workers", "gauge", 4, pool),
            one("semaphore_available", "gauge", self.available, gate),
            one("semaphore_capacity", "gauge", 10, dict(gate, source="bounded")),
            one("semaphore_waiters", "gauge", self.waiters, gate),
            one("event_loop_lag_seconds", "gauge", self.lag, {}),
            one("semaphore_wait_seconds_total", "counter", self.waited, gate),
        ]

    def pools(self):
        if self.error:
            raise self.error
        return {"resources": self.resources}

    def events(self):
        if self.error:
            raise self.error
        happened, self.happened = self.happened, []
        return happened


def one(name, kind, value, labels):
    return {"name": name, "type": kind, "help": "Help of %s." % name, "samples": [{"labels": labels, "value": value}]}
