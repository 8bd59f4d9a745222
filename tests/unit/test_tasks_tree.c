/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/cm.h"

#include "tests/unit/tasks_sample.h"

int main(void)
{
    static struct tasks_sample s;
    struct strobe_buf out = STROBE_BUF_INIT;

    tasks_incident(&s);
    strobe_report_pstree(&s.report, false, getenv("COLOR") != NULL, &out);
    printf("%s", strobe_buf_str(&out));
    strobe_buf_clear(&out);
    strobe_report_tasks_section(&s.report, false, &out);
    printf("%s", strobe_buf_str(&out));
    strobe_buf_clear(&out);
    strobe_report_ps(&s.report, false, &out);
    printf("%.3000s", strobe_buf_str(&out));
    strobe_buf_clear(&out);
    strobe_report_pstree(&s.report, true, false, &out);
    printf("%.3000s", strobe_buf_str(&out));
    strobe_buf_clear(&out);
    strobe_report_tasks_json(&s.report, true, &out);
    FILE *f = fopen("/tmp/h6.json", "w");
    fputs(strobe_buf_str(&out), f);
    fclose(f);
    strobe_buf_release(&out);
    tasks_release(&s);
    return 0;
}
