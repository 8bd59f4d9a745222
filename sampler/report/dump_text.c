/* SPDX-License-Identifier: Apache-2.0 */
/* dump_text: the text form of a snapshot, laid out as py-spy's `dump`: a header per process, then thread by thread, innermost
 * frame first.  Everything from the target passes strobe_report_escape. */
#include "report/report.h"

#include <inttypes.h>
#include <stdlib.h>

/* Escape sequences, or "" each without colour. */
struct paint {
    const char *head, *thread, *name, *file, *dim, *off;
};

static const struct paint plain = {"", "", "", "", "", ""};
static const struct paint coloured = {"\x1b[1m", "\x1b[1;33m", "\x1b[32m", "\x1b[36m", "\x1b[2m", "\x1b[0m"};

static void put_painted(struct strobe_buf *out, const char *on, const char *text, const char *off)
{
    strobe_buf_puts(out, on);
    strobe_report_escape(text, out);
    strobe_buf_puts(out, off);
}

/* idle, active and active+gil are py-spy's words; a thread that sleeps for the GIL wants to run and must not read as idle. */
static const char *status_of(uint32_t flags)
{
    if (flags & STROBE_THREAD_GIL_WAIT)
        return "waiting for gil";
    if (!(flags & STROBE_THREAD_ACTIVE))
        return "idle"; /* also one that sleeps with the GIL held: the JSON form's owns_gil tells */
    return flags & STROBE_THREAD_GIL ? "active+gil" : "active";
}

void strobe_report_heading(const struct strobe_report_process *process, bool color, struct strobe_buf *out)
{
    const struct paint *paint = color ? &coloured : &plain;

    if (process->parent_pid)
        strobe_buf_puts(out, "\n--------------------------------------------------------------------------------\n");
    strobe_buf_printf(out, "Process %s%" PRId32 "%s: ", paint->head, process->pid, paint->off);
    strobe_report_escape(process->cmdline, out);
    strobe_buf_puts(out, "\nPython v");
    put_painted(out, paint->head, process->version, paint->off);
    strobe_buf_puts(out, " (");
    strobe_report_escape(process->exe, out);
    strobe_buf_puts(out, ")\n");
    if (process->parent_pid) {
        strobe_buf_printf(out, "Parent Process %s%" PRId32 "%s: ", paint->head, process->parent_pid, paint->off);
        strobe_report_escape(process->parent_cmdline ? process->parent_cmdline : "", out);
        strobe_buf_putc(out, '\n');
    }
    strobe_buf_putc(out, '\n');
}

void strobe_report_stopped(const struct strobe_report_process *process, struct strobe_buf *out)
{
    if (process->stopped)
        strobe_buf_puts(out, "the process is stopped (state T): nothing runs\n");
}

void strobe_report_copies(uint32_t n, struct strobe_buf *out)
{
    if (!n)
        return;
    strobe_buf_grouped(out, n);
    strobe_buf_puts(out, n == 1 ? " copy of its parent's, which this process does not use, is left out\n"
                                : " copies of its parent's, which this process does not use, are left out\n");
}

static void put_locals(const struct strobe_report_frame *frame, bool args, const char *title, struct strobe_buf *out)
{
    bool first = true;

    for (uint32_t i = 0; i < frame->n_locals; i++) {
        const struct strobe_report_local *local = &frame->locals[i];

        if (local->is_arg != args)
            continue;
        if (first)
            strobe_buf_printf(out, "        %s:\n", title);
        first = false;
        strobe_buf_puts(out, "            ");
        strobe_report_escape(local->name, out);
        strobe_buf_puts(out, ": ");
        strobe_report_escape(local->repr, out);
        strobe_buf_putc(out, '\n');
    }
}

static void put_frame(const struct strobe_report_process *process, const struct strobe_report_frame *frame, const struct paint *paint,
                      struct strobe_buf *out)
{
    const struct strobe_frame *f = frame->frame;

    strobe_buf_puts(out, "    ");
    if (!f) {
        put_painted(out, paint->dim, frame->mark ? frame->mark : "<unknown>", paint->off);
        strobe_buf_putc(out, '\n');
        return;
    }
    put_painted(out, paint->name, strobe_names_text(process->names, f->name), paint->off);
    strobe_buf_puts(out, " (");
    put_painted(out, paint->file, strobe_names_text(process->names, process->full_filenames ? f->file : f->short_file), paint->off);
    if (process->show_lines && f->line > 0)
        strobe_buf_printf(out, ":%s%" PRId32 "%s", paint->dim, f->line, paint->off);
    strobe_buf_puts(out, ")\n");
    put_locals(frame, true, "Arguments", out);
    put_locals(frame, false, "Locals", out);
}

static void put_thread(const struct strobe_report_process *process, const struct strobe_report_thread *thread, const struct paint *paint,
                       struct strobe_buf *out)
{
    const struct strobe_thread *t = thread->thread;
    int32_t tid = t->tid ? t->tid : t->native;

    if (tid)
        strobe_buf_printf(out, "Thread %s%" PRId32 "%s (%s)", paint->thread, tid, paint->off, status_of(t->flags));
    else
        strobe_buf_printf(out, "Thread %s0x%" PRIX64 "%s (%s)", paint->thread, t->pthread, paint->off, status_of(t->flags));
    if (thread->name && *thread->name) {
        strobe_buf_puts(out, ": \"");
        put_painted(out, paint->thread, thread->name, paint->off);
        strobe_buf_putc(out, '"');
    }
    strobe_buf_putc(out, '\n');
    for (uint32_t i = 0; i < thread->n_frames; i++)
        put_frame(process, &thread->frames[i], paint, out);
    if (t->error)
        strobe_buf_printf(out, "    %s<incomplete: %s>%s\n", paint->dim, strobe_err_text(t->error), paint->off);
}

/* Reading order: main thread first, then by interpreter, then as they were created (the runtime's lists hold the newest
 * thread first; interpreters come as the sample has them). */
struct place {
    bool main;
    uint32_t interp_rank, index;
};

static int by_place(const void *a, const void *b)
{
    const struct place *x = a, *y = b;

    if (x->main != y->main)
        return x->main ? -1 : 1;
    if (x->interp_rank != y->interp_rank)
        return x->interp_rank < y->interp_rank ? -1 : 1;
    return x->index > y->index ? -1 : x->index < y->index;
}

static void fill_places(const struct strobe_report_process *process, struct place *places)
{
    const struct strobe_report_thread *threads = process->threads;
    bool main_seen = false;
    uint32_t rank = 0;

    for (uint32_t i = 0; i < process->n_threads; i++) {
        const struct strobe_thread *t = threads[i].thread;

        if (i > 0 && t->interp != threads[i - 1].thread->interp)
            rank++;
        /* Each interpreter may have a main thread of its own; the process's is the first interpreter's. */
        places[i] = (struct place){.main = !main_seen && (t->flags & STROBE_THREAD_MAIN), .interp_rank = rank, .index = i};
        main_seen |= places[i].main;
    }
}

void strobe_report_dump_text(const struct strobe_report_process *process, bool color, struct strobe_buf *out)
{
    const struct paint *paint = color ? &coloured : &plain;
    struct place *places = calloc(process->n_threads ? process->n_threads : 1, sizeof *places);

    if (!places) {
        out->failed = true;
        return;
    }
    strobe_report_heading(process, color, out);
    strobe_report_stopped(process, out);
    fill_places(process, places);
    qsort(places, process->n_threads, sizeof *places, by_place);
    for (uint32_t i = 0; i < process->n_threads; i++) {
        const struct strobe_report_thread *thread = &process->threads[places[i].index];

        if (thread->n_frames || thread->thread->error || process->all_threads)
            put_thread(process, thread, paint, out);
    }
    free(places);
}
