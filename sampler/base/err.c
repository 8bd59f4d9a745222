/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

static const struct {
    enum strobe_err_class cls;
    const char *text;
} errors[] = {
#define X(name, cls, text) {STROBE_CLASS_##cls, text},
    STROBE_ERRORS(X)
#undef X
};

static const int first = STROBE_ERR_BASE_ + 1;

const char *strobe_err_text(int code)
{
    if (code == 0)
        return "success";
    if (code < first || code >= STROBE_ERR_END_)
        return "unknown error";
    return errors[code - first].text;
}

enum strobe_err_class strobe_err_class(int code)
{
    if (code == 0)
        return STROBE_CLASS_NONE;
    if (code < first || code >= STROBE_ERR_END_)
        return STROBE_CLASS_FATAL;
    return errors[code - first].cls;
}
