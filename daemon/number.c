/*
 * number.c - see number.h.
 *
 * A unit's list is in order of size, which is what makes the shortest form the first that divides. Every sum and product is checked:
 * what does not fit an int64 is no number.
 */
#include "number.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

struct unit {
    const char *name;
    int64_t factor;
};

/* Largest first. A size has one unit at most, a duration is a sum. */
static const struct unit sizes[] = {{"G", 1 << 30}, {"M", 1 << 20}, {"K", 1 << 10}, {"", 1}, {NULL, 0}};
static const struct unit durations[] = {
    {"h", INT64_C(3600000000000)},
    {"m", INT64_C(60000000000)},
    {"s", INT64_C(1000000000)},
    {"ms", 1000000},
    {"us", 1000},
    {"ns", 1},
    {NULL, 0},
};
static const struct unit counts[] = {{"", 1}, {NULL, 0}};

static const char *const levels[] = {[LOG_ERR] = "err",
                                     [LOG_WARNING] = "warning",
                                     [LOG_NOTICE] = "notice",
                                     [LOG_INFO] = "info",
                                     [LOG_DEBUG] = "debug"};

static bool digits_parse(const char **text, int base, int64_t *ret)
{
    int64_t number = 0;
    const char *at = *text;
    for (; isdigit((unsigned char)*at) && *at - '0' < base; at++) {
        if (__builtin_mul_overflow(number, base, &number) ||
            __builtin_add_overflow(number, *at - '0', &number))
            return false;
    }
    bool any = at > *text;
    *text = at;
    *ret = number;
    return any;
}

static bool units_parse(const struct unit *units, bool sum, const char *text, int64_t *ret)
{
    int64_t total = 0, part;
    do {
        if (!digits_parse(&text, 10, &part))
            return false;
        size_t length = strcspn(text, "0123456789");
        const struct unit *unit = units;
        while (unit->name && (strlen(unit->name) != length || strncmp(unit->name, text, length) != 0))
            unit++;
        if (!unit->name && !(sum && part == 0 && total == 0 && length == 0))
            return false;
        text += length;
        if (unit->name && (__builtin_mul_overflow(part, unit->factor, &part) ||
                           __builtin_add_overflow(total, part, &total)))
            return false;
    } while (sum && *text);
    if (*text)
        return false;
    *ret = total;
    return true;
}

static bool level_parse(const char *text, int64_t *ret)
{
    for (int level = LOG_ERR; level <= LOG_DEBUG; level++) {
        if (strcmp(levels[level], text) == 0) {
            *ret = level;
            return true;
        }
    }
    return false;
}

bool number_parse(enum number_form form, const char *text, int64_t *ret)
{
    switch (form) {
    case AS_COUNT: return units_parse(counts, false, text, ret);
    case AS_SIZE: return units_parse(sizes, false, text, ret);
    case AS_DURATION: return units_parse(durations, true, text, ret);
    case AS_LEVEL: return level_parse(text, ret);
    case AS_MODE: return digits_parse(&text, 8, ret) && *text == 0;
    }
    return false;
}

const char *number_format(enum number_form form, int64_t number, char *buf, size_t size)
{
    const struct unit *unit = form == AS_SIZE ? sizes : form == AS_DURATION ? durations : counts;
    if (form == AS_LEVEL) {
        (void)snprintf(buf, size, "%s", levels[number]);
    } else if (form == AS_MODE) {
        (void)snprintf(buf, size, "%04" PRIo64, (uint64_t)number);
    } else if (number == 0) {
        (void)snprintf(buf, size, "0");
    } else {
        while (number % unit->factor != 0)
            unit++;
        (void)snprintf(buf, size, "%" PRId64 "%s", number / unit->factor, unit->name);
    }
    return buf;
}
