/* SPDX-License-Identifier: Apache-2.0 */
/* cm: cmocka with the headers that it wants before it. */
#ifndef STROBE_TESTS_CM_H
#define STROBE_TESTS_CM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
