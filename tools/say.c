/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/say.h"

#include <langinfo.h>
#include <locale.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "report/report.h"

static void put_line(const char *prefix, const char *fmt, va_list args)
{
    struct strobe_buf text = STROBE_BUF_INIT, line = STROBE_BUF_INIT;

    strobe_buf_vprintf(&text, fmt, args);
    strobe_buf_puts(&line, prefix);
    strobe_report_escape(strobe_buf_str(&text), &line);
    strobe_buf_putc(&line, '\n');
    if (line.len && write(STDERR_FILENO, line.data, line.len) < 0) {
        /* Nobody reads: there is no one left to tell. */
    }
    strobe_buf_release(&text);
    strobe_buf_release(&line);
}

void strobe_say(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    put_line("strobe> ", fmt, args);
    va_end(args);
}

void strobe_complain(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    put_line("strobe: ", fmt, args);
    va_end(args);
}

/* As tools do that honour both: CLICOLOR_FORCE wins, NO_COLOR and a pipe turn colours off. */
bool strobe_want_color(void)
{
    const char *force = getenv("CLICOLOR_FORCE"), *no = getenv("NO_COLOR");

    if (force && *force && strcmp(force, "0") != 0)
        return true;
    return isatty(STDOUT_FILENO) && !(no && *no);
}

bool strobe_speaks_utf8(void)
{
    setlocale(LC_CTYPE, "");
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}
