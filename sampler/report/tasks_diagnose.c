/* SPDX-License-Identifier: Apache-2.0 */
#include "report/tasks_words.h"

int strobe_tasks_diagnose(const struct strobe_tasks_index *index, bool ascii, struct strobe_buf *out)
{
    return 0;
}
