/*
 * valid.h - what makes bytes a name, or text.
 *
 * Pure functions of their bytes: no allocation, no tables beyond 256 bits of constants, one pass.
 * Names are ASCII on purpose: two names that look the same are the same.
 */
#ifndef WIRE_VALID_H
#define WIRE_VALID_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Whether the bytes form an object's name: 1 to NAME_SIZE_MAX bytes of A-Z a-z 0-9 . _ - with single `/` between parts, and no part
 * is `.` or `..`.
 */
bool name_valid(const void *bytes, size_t size);

/* Whether the bytes are UTF-8 as RFC 3629 has it: shortest forms only, no surrogates, nothing above U+10FFFF. */
bool utf8_valid(const void *bytes, size_t size);

#endif
