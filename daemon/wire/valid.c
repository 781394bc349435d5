/*
 * valid.c - what makes bytes a name, or text.
 *
 * A name may become part of a path, a unit name or a shell word, so its alphabet is small, and a part that a file system would read as
 * "here" or "above" is refused. Text is checked by the well-formed byte sequences of the Unicode standard (table 3-7): the second byte's range
 * depends on the first, the others are 80..BF.
 */
#include "valid.h"

#include <stdint.h>
#include <string.h>

#include "limits.h"

static inline bool name_byte(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
}

/* A part between slashes: not empty, not `.`, not `..`. */
static bool part_valid(const uint8_t *part, size_t size)
{
    return size > 2 || (size == 2 && (part[0] != '.' || part[1] != '.')) || (size == 1 && part[0] != '.');
}

bool name_valid(const void *bytes, size_t size)
{
    if (size == 0 || size > NAME_SIZE_MAX)
        return false;
    const uint8_t *at = bytes, *end = at + size, *part = at;
    for (; at < end; at++) {
        if (*at == '/') {
            if (!part_valid(part, (size_t)(at - part)))
                return false;
            part = at + 1;
        } else if (!name_byte(*at)) {
            return false;
        }
    }
    return part_valid(part, (size_t)(end - part));
}

/* The length of the sequence that begins here, 2 to 4; 0: none does. */
static size_t sequence_size(const uint8_t *at, const uint8_t *end)
{
    uint8_t first = at[0], low = 0x80, high = 0xbf;
    size_t size = first >= 0xc2 && first <= 0xdf   ? 2
                  : (first & 0xf0) == 0xe0         ? 3
                  : first >= 0xf0 && first <= 0xf4 ? 4
                                                   : 0;
    if (size == 0 || (size_t)(end - at) < size)
        return 0;
    switch (first) {
    case 0xe0: low = 0xa0; break;
    case 0xed: high = 0x9f; break;
    case 0xf0: low = 0x90; break;
    case 0xf4: high = 0x8f; break;
    default: break;
    }
    if (at[1] < low || at[1] > high)
        return 0;
    for (size_t i = 2; i < size; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    }
    return size;
}

bool utf8_valid(const void *bytes, size_t size)
{
    const uint8_t *at = bytes, *end = at + size;
    while (at < end) {
        uint64_t eight;
        if (end - at >= 8 && (memcpy(&eight, at, 8), (eight & UINT64_C(0x8080808080808080)) == 0)) {
            at += 8;
        } else if (*at < 0x80) {
            at++;
        } else {
            size_t sequence = sequence_size(at, end);
            if (sequence == 0)
                return false;
            at += sequence;
        }
    }
    return true;
}
