/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/cm.h"

#include <string.h>

#include "base/err.h"

static void test_every_code_has_its_text_and_class(void **state)
{
#define X(name, cls, text)                                                      \
    assert_true(STROBE_ERR_##name < 0);                                         \
    assert_string_equal(strobe_err_text(STROBE_ERR_##name), text);              \
    assert_int_equal(strobe_err_class(STROBE_ERR_##name), STROBE_CLASS_##cls);
    STROBE_ERRORS(X)
#undef X
    assert_string_equal(strobe_err_text(0), "success");
    assert_int_equal(strobe_err_class(0), STROBE_CLASS_NONE);
}

/* Each text is one clause that can stand in a sentence: no capital, no full stop, no newline. */
static void test_texts_are_clauses(void **state)
{
    for (int code = STROBE_ERR_BASE_ + 1; code < STROBE_ERR_END_; code++) {
        const char *text = strobe_err_text(code);

        assert_true(text[0] >= 'a' && text[0] <= 'z');
        assert_null(strpbrk(text, ".\n"));
        for (int other = STROBE_ERR_BASE_ + 1; other < code; other++)
            assert_string_not_equal(text, strobe_err_text(other));
    }
}

static void test_unknown_codes_are_fatal(void **state)
{
    static const int unknown[] = {1, -1, STROBE_ERR_BASE_, STROBE_ERR_END_, INT32_MIN, INT32_MAX};

    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        assert_string_equal(strobe_err_text(unknown[i]), "unknown error");
        assert_int_equal(strobe_err_class(unknown[i]), STROBE_CLASS_FATAL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_code_has_its_text_and_class),
        cmocka_unit_test(test_texts_are_clauses),
        cmocka_unit_test(test_unknown_codes_are_fatal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
