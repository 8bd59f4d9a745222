#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes strobe.json, the Grafana dashboard: make_dashboard.py >strobe.json

What a panel asks for and how it is shown stands here, a line or two a panel; where it lies and the rest of Grafana's model is worked out.
tests/integration/test_deploy_prometheus.py demands that strobe.json is what this writes, and runs every query against a real Prometheus.
"""
import json
import sys

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
WIDTH, HEIGHT = 24, 8  # of Grafana's grid; height of a panel
OWN = 'job=~"$job", instance=~"$instance"'  # of strobe itself
HERE = OWN + ', process=~"$process"'  # "process" is there where one strobe reads several programs, else empty
GREEN_TO_RED = [(None, "green"), (0.7, "yellow"), (0.9, "red")]
RED_TO_GREEN = [(None, "red"), (0.1, "yellow"), (0.3, "green")]


def total(name, by, rate=False):
    """Sum of a gauge, or of a counter's rate, over what is not named in by."""
    chosen = OWN if name.startswith("strobe_") else HERE
    inner = "rate(%s{%s}[$__rate_interval])" % (name, chosen) if rate else "%s{%s}" % (name, chosen)
    return "sum by (%s) (%s)" % (by, inner)


def ratio(of, to):
    return "%s / %s" % (of, to)


EXECUTOR, DEPENDENCY, QUEUE, PROCESS = "process, pool_type, executor", "process, dependency", "process, queue", "process, instance"

# (row, [(title, unit, kind, what it says, thresholds or None, [(query, legend), ...]), ...])
ROWS = [
    ("Utilisation", [
        ("Executor utilisation", "percentunit", "timeseries", "Part of the workers that were busy between two scrapes, by the integrated counter.", GREEN_TO_RED,
         [(ratio(total("executor_busy_worker_seconds_total", EXECUTOR, rate=True), total("executor_max_workers", EXECUTOR)), "{{process}} {{executor}} ({{pool_type}})")]),
        ("Workers: active and maximum", "short", "timeseries", "At the moment of the scrape.", None,
         [(total("executor_active_workers", EXECUTOR), "{{process}} {{executor}} active"), (total("executor_max_workers", EXECUTOR), "{{process}} {{executor}} maximum")]),
    ]),
    ("Queues and waiting for executors", [
        ("Calls that wait for a worker", "short", "timeseries", "At the moment of the scrape.", None, [(total("executor_pending_tasks", EXECUTOR), "{{process}} {{executor}} ({{pool_type}})")]),
        ("Saturated executors", "short", "timeseries", "How many executors of that name were saturated on average: 1 is one of them all the time.", None,
         [(total("executor_saturated_seconds_total", EXECUTOR, rate=True), "{{process}} {{executor}} ({{pool_type}})")]),
        ("Queues with a maximal size", "percentunit", "timeseries", "How full.", GREEN_TO_RED, [(ratio(total("queue_size", QUEUE), total("queue_maxsize", QUEUE)), "{{process}} {{queue}}")]),
        ("Waiters at queues", "short", "timeseries", "Tasks and threads that wait to put or to get.", None, [(total("queue_waiters", QUEUE), "{{process}} {{queue}}")]),
    ]),
    ("Semaphores and limiters", [
        ("Free permits by name", "percentunit", "status-history", "Available of capacity, summed over all instances chosen.", RED_TO_GREEN,
         [(ratio(total("semaphore_available", DEPENDENCY), total("semaphore_capacity", DEPENDENCY)), "{{process}} {{dependency}}")]),
        ("Free permits in the worst process", "percentunit", "timeseries", "The smallest ratio of any process or object of that name.", RED_TO_GREEN,
         [("min by (%s) (semaphore_available_ratio_min{%s})" % (DEPENDENCY, HERE), "{{process}} {{dependency}}")]),
        ("Available and capacity", "short", "timeseries", "At the moment of the scrape; the source says how the capacity is known.", None,
         [(total("semaphore_available", DEPENDENCY), "{{process}} {{dependency}} available"),
          (total("semaphore_capacity", "process, dependency, source"), "{{process}} {{dependency}} capacity ({{source}})")]),
        ("Exhausted semaphores", "short", "timeseries", "How many semaphores of that name had no permit left on average.", None,
         [(total("semaphore_exhausted_seconds_total", DEPENDENCY, rate=True), "{{process}} {{dependency}}")]),
    ]),
    ("Waiters", [
        ("Waiters at the scrape", "short", "timeseries", "Tasks and threads that wait for a permit.", None, [(total("semaphore_waiters", DEPENDENCY), "{{process}} {{dependency}}")]),
        ("Waiters on average", "short", "timeseries", "Seconds waited per second, by the integrated counter: what came and went between two scrapes is in it.", None,
         [(total("semaphore_wait_seconds_total", DEPENDENCY, rate=True), "{{process}} {{dependency}}")]),
        ("Events of saturation", "short", "timeseries", "In the last ten minutes: what was logged as resilience_event.", None,
         [("sum by (event) (increase(strobe_events_total{%s}[10m]))" % OWN, "{{event}}")]),
    ]),
    ("Event loops", [
        ("Loop busy", "percentunit", "timeseries", "Part of the time in which a loop was not waiting; loops of one instance add up.", None,
         [(total("event_loop_busy_seconds_total", PROCESS, rate=True), "{{process}} {{instance}}")]),
        ("Loop lag, maximum", "s", "timeseries", "The longest time in the last minute in which a loop came to nothing else.", [(None, "green"), (0.1, "yellow"), (0.5, "red")],
         [("max by (%s) (event_loop_lag_seconds{%s})" % (PROCESS, HERE), "{{process}} {{instance}}")]),
    ]),
    ("Tasks", [
        ("Tasks by state", "short", "stacked", "asyncio's tasks of all loops.", None, [(total("async_tasks", "state"), "{{state}}")]),
        ("Tasks by instance", "short", "timeseries", "That have not ended. A line that only rises is a leak.", None, [(total("active_async_tasks", PROCESS), "{{process}} {{instance}}")]),
    ]),
    ("Processes", [
        ("CPU", "short", "timeseries", "Cores in use.", None, [(total("process_cpu_seconds_total", PROCESS, rate=True), "{{process}} {{instance}}")]),
        ("Resident memory", "bytes", "timeseries", "", None, [(total("process_resident_memory_bytes", PROCESS), "{{process}} {{instance}}")]),
        ("Open file descriptors", "short", "timeseries", "", None, [(total("process_open_fds", PROCESS), "{{process}} {{instance}}")]),
    ]),
    ("What strobe costs", [
        ("CPU of strobe", "percentunit", "timeseries", "Part of a core.", [(None, "green"), (0.01, "yellow"), (0.05, "red")],
         [(total("strobe_cpu_seconds_total", "instance", rate=True), "{{instance}}")]),
        ("Threads held", "percentunit", "timeseries", "Part of the time for which a thread of some process was held, while its stack was read.", None,
         [(total("strobe_paused_seconds_total", "instance", rate=True), "{{instance}}")]),
        ("Looks a second, and those that failed", "short", "timeseries", "", None,
         [(total("strobe_looks_total", "instance", rate=True), "{{instance}}"), (total("strobe_look_errors_total", "instance", rate=True), "{{instance}} failed")]),
        ("Gaps", "percentunit", "timeseries", "Part of the time over which counters were not integrated: no look came to anything.", None,
         [(total("strobe_gap_seconds_total", "instance", rate=True), "{{instance}}")]),
        ("Processes: read and missing", "short", "timeseries", "", None,
         [(total("strobe_targets", "instance"), "{{instance}}"), (total("strobe_missing_targets", "instance"), "{{instance}} missing")]),
        ("Objects counted as \"other\"", "short", "timeseries", "Names beyond the number of series that a metric may have.", None,
         [(total("strobe_dropped_series", "instance, metric"), "{{instance}} {{metric}}")]),
    ]),
]


def panel(number, place, title, unit, kind, says, thresholds, queries):
    steps = [{"color": color, "value": value} for value, color in thresholds or [(None, "green")]]
    custom = {"fillOpacity": 10, "lineWidth": 1, "showPoints": "never", "spanNulls": False}
    if kind == "stacked":
        custom.update(fillOpacity=40, stacking={"mode": "normal", "group": "A"})
    if thresholds and kind != "status-history":
        custom["thresholdsStyle"] = {"mode": "dashed"}
    defaults = {"unit": unit, "min": 0, "custom": {"fillOpacity": 80} if kind == "status-history" else custom,
                "color": {"mode": "thresholds" if kind == "status-history" else "palette-classic"}, "thresholds": {"mode": "absolute", "steps": steps}}
    if unit == "percentunit" and thresholds in (GREEN_TO_RED, RED_TO_GREEN):
        defaults["max"] = 1
    options = {"legend": {"displayMode": "list", "placement": "bottom", "showLegend": True}, "tooltip": {"mode": "multi", "sort": "desc"}}
    if kind == "status-history":
        options.update(showValue="never", rowHeight=0.9)
    return {
        "id": number, "type": "timeseries" if kind == "stacked" else kind, "title": title, "description": says, "datasource": DATASOURCE, "gridPos": place,
        "fieldConfig": {"defaults": defaults, "overrides": []}, "options": options,
        "targets": [{"refId": chr(ord("A") + i), "datasource": DATASOURCE, "expr": query, "legendFormat": legend, "editorMode": "code", "range": True}
                    for i, (query, legend) in enumerate(queries)],
    }


def panels():
    """Row headings and panels, two or three side by side."""
    found, top = [], 0
    for row, members in ROWS:
        found.append({"id": len(found) + 1, "type": "row", "title": row, "collapsed": False, "gridPos": {"h": 1, "w": WIDTH, "x": 0, "y": top}, "panels": []})
        top += 1
        wide = 3 if len(members) % 3 == 0 else 2
        for i, member in enumerate(members):
            place = {"h": HEIGHT, "w": WIDTH // wide, "x": i % wide * (WIDTH // wide), "y": top + i // wide * HEIGHT}
            found.append(panel(len(found) + 1, place, *member))
        top += (len(members) + wide - 1) // wide * HEIGHT
    return found


def variable(name, query, every=".+"):
    return {"name": name, "label": name.capitalize(), "type": "query", "datasource": DATASOURCE, "definition": query, "query": {"query": query, "refId": name},
            "refresh": 2, "sort": 1, "multi": True, "includeAll": True, "allValue": every, "current": {"selected": True, "text": ["All"], "value": ["$__all"]}}


def dashboard():
    return {
        "uid": "strobe-pools", "title": "strobe: pools, semaphores and event loops", "description": "What strobe exports of Python services.",
        "tags": ["python", "strobe"], "schemaVersion": 38, "version": 1, "editable": True, "graphTooltip": 1, "refresh": "30s", "timezone": "",
        "time": {"from": "now-1h", "to": "now"}, "annotations": {"list": []}, "links": [],
        "templating": {"list": [
            {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "refresh": 1, "multi": False, "includeAll": False},
            variable("job", "label_values(strobe_cpu_seconds_total, job)"),
            variable("instance", 'label_values(strobe_cpu_seconds_total{job=~"$job"}, instance)'),
            variable("process", 'label_values(active_async_tasks{job=~"$job", instance=~"$instance"}, process)', every=".*"),
        ]},
        "panels": panels(),
    }


if __name__ == "__main__":
    json.dump(dashboard(), sys.stdout, indent=1)
    sys.stdout.write("\n")
