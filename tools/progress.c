/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/progress.h"

#include <inttypes.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
    BAR_CELLS = 20,
    DEFAULT_COLUMNS = 80, /* a terminal that does not know its width (serial lines) */
};
static const uint64_t redraw_ns = 100 * 1000 * 1000;

void strobe_progress_init(struct strobe_progress *progress, bool wanted, uint64_t duration_ns)
{
    *progress = (struct strobe_progress){.on = wanted && isatty(STDERR_FILENO), .duration_ns = duration_ns, .next_ns = redraw_ns};
}

static void put_bar(uint64_t elapsed_ns, uint64_t duration_ns, struct strobe_buf *out)
{
    double share = (double)elapsed_ns / (double)duration_ns;
    int full = (int)((share > 1 ? 1 : share) * BAR_CELLS);

    strobe_buf_putc(out, '[');
    for (int i = 0; i < BAR_CELLS; i++)
        strobe_buf_putc(out, i < full ? '=' : i == full ? '>' : ' ');
    strobe_buf_puts(out, "] ");
}

void strobe_progress_line(const struct strobe_session_stats *stats, uint64_t duration_ns, unsigned columns, struct strobe_buf *out)
{
    double elapsed_s = (double)stats->elapsed_ns / 1e9;
    uint64_t samples = stats->samples + stats->tasks.samples;
    size_t start = out->len;

    if (duration_ns)
        put_bar(stats->elapsed_ns, duration_ns, out);
    strobe_buf_printf(out, "%.1f", elapsed_s);
    if (duration_ns)
        strobe_buf_printf(out, "/%.4g", (double)duration_ns / 1e9);
    strobe_buf_printf(out, " s  samples %" PRIu64 "  errors %" PRIu64 "  %.0f/s  own CPU %.1f %%", samples, stats->errors,
                      stats->rate_reached, elapsed_s > 0 ? 100 * stats->own_cpu / elapsed_s : 0.0);
    /* One column stays free: a full last column would wrap, and the next redraw would leave this line behind. */
    if (!out->failed && columns > 0 && out->len - start > columns - 1) {
        out->len = start + columns - 1;
        out->data[out->len] = '\0';
    }
}

static void put_raw(const struct strobe_buf *text)
{
    if (text->len && write(STDERR_FILENO, text->data, text->len) < 0) {
        /* The terminal went away: the recording goes on. */
    }
}

void strobe_progress_update(struct strobe_progress *progress, const struct strobe_session_stats *stats)
{
    struct strobe_buf line = STROBE_BUF_INIT;
    struct winsize size;

    if (!progress->on || stats->elapsed_ns < progress->next_ns)
        return;
    progress->next_ns = stats->elapsed_ns + redraw_ns;
    progress->drawn = true;
    strobe_buf_putc(&line, '\r');
    strobe_progress_line(stats, progress->duration_ns,
                         ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : DEFAULT_COLUMNS, &line);
    strobe_buf_puts(&line, "\x1b[K"); /* erase what a longer line left */
    put_raw(&line);
    strobe_buf_release(&line);
}

void strobe_progress_clear(struct strobe_progress *progress)
{
    static char erase[] = "\r\x1b[K";
    const struct strobe_buf text = {.data = erase, .len = sizeof erase - 1};

    if (progress->drawn)
        put_raw(&text);
    progress->drawn = false;
}
