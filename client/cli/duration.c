/*
 * duration.c - durations and instants as people write them: see duration.h.
 *
 * Parsing is exact: a fraction is counted in whole nanoseconds, what lies below one is cut off, as Go does, and an
 * overflow is an error rather than a short time. Nothing here asks for a locale or a time zone: UTC is the same
 * everywhere and sorts.
 */
#include "duration.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SECOND INT64_C(1000000000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)

struct unit {
    const char *name;
    int64_t ns;
};

/* The longer name first where one begins with another. */
static const struct unit units[] = {
    {"ns", 1},       {"us", 1000},  {"\u00b5s", 1000}, {"\u03bcs", 1000},
    {"ms", 1000000}, {"s", SECOND}, {"m", MINUTE},     {"h", HOUR},
};

/* The unit at the start of text, whose length goes to *ret_size; NULL: none. */
static const struct unit *unit_at(const char *text, size_t *ret_size)
{
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        size_t size = strlen(units[i].name);
        if (strncmp(text, units[i].name, size) == 0) {
            *ret_size = size;
            return &units[i];
        }
    }
    return NULL;
}

/* One number with its unit: 1.5h. Adds it to *ns; returns what stands behind it, NULL when it is none. `alone`: no unit, seconds. */
static const char *parse_part(const char *text, bool alone, __int128 *ns)
{
    __int128 whole = 0, fraction = 0, scale = 1;
    const char *from = text;
    bool digits = false;
    for (; isdigit((unsigned char)*text); text++, digits = true) {
        whole = whole * 10 + (*text - '0');
        if (whole > INT64_MAX)
            return NULL;
    }
    if (*text == '.')
        for (text++; isdigit((unsigned char)*text); text++, digits = true)
            if (scale < SECOND * 1000000) {
                fraction = fraction * 10 + (*text - '0');
                scale *= 10;
            }
    if (!digits || text == from)
        return NULL;
    size_t size = 0;
    const struct unit *unit = unit_at(text, &size);
    if (unit == NULL && !(alone && *text == '\0'))
        return NULL;
    int64_t unit_ns = unit == NULL ? SECOND : unit->ns;
    *ns += whole * unit_ns + fraction * unit_ns / scale;
    return *ns > (__int128)INT64_MAX + 1 ? NULL : text + size;
}

bool duration_parse(const char *text, int64_t *ret_ns)
{
    bool negative = *text == '-';
    if (*text == '-' || *text == '+')
        text++;
    __int128 ns = 0;
    bool first = true;
    do {
        text = parse_part(text, first, &ns);
        first = false;
    } while (text != NULL && *text != '\0');
    if (text == NULL || ns > (__int128)INT64_MAX + negative)
        return false;
    *ret_ns = (int64_t)(negative ? -ns : ns);
    return true;
}

/* A number of nanoseconds in a unit, without zeros at the end of its fraction. */
static void append_fraction(char *text, size_t size, uint64_t ns, uint64_t unit_ns, const char *unit)
{
    size_t used = strlen(text);
    used += (size_t)snprintf(text + used, size - used, "%" PRIu64, ns / unit_ns);
    uint64_t rest = ns % unit_ns;
    if (rest != 0) {
        text[used++] = '.';
        for (uint64_t digit_ns = unit_ns / 10; rest != 0; rest %= digit_ns, digit_ns /= 10)
            text[used++] = (char)('0' + rest / digit_ns % 10);
        text[used] = '\0';
    }
    snprintf(text + used, size - used, "%s", unit);
}

char *duration_text(int64_t ns, char text[static DURATION_TEXT_SIZE])
{
    const size_t size = DURATION_TEXT_SIZE;
    uint64_t rest = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
    snprintf(text, size, "%s", ns < 0 ? "-" : "");
    if (rest == 0) {
        snprintf(text, size, "0s");
    } else if (rest < (uint64_t)SECOND) {
        bool nano = rest < 1000, micro = rest < 1000000;
        append_fraction(text, size, rest,
                        nano    ? 1
                        : micro ? 1000
                                : 1000000,
                        nano    ? "ns"
                        : micro ? "µs"
                                : "ms");
    } else {
        bool hours = rest >= (uint64_t)HOUR, minutes = rest >= (uint64_t)MINUTE;
        if (hours)
            snprintf(text + strlen(text), size - strlen(text), "%" PRIu64 "h", rest / (uint64_t)HOUR);
        if (minutes)
            snprintf(text + strlen(text), size - strlen(text), "%" PRIu64 "m",
                     rest % (uint64_t)HOUR / (uint64_t)MINUTE);
        append_fraction(text, size, rest % (uint64_t)MINUTE, (uint64_t)SECOND, "s");
    }
    return text;
}

char *duration_short(int64_t ns, char text[static DURATION_TEXT_SIZE])
{
    int64_t step_ns = 1;
    for (int64_t unit_ns = 1000; unit_ns <= SECOND && ns / unit_ns != 0; unit_ns *= 1000)
        step_ns = unit_ns / 1000;
    if (ns / MINUTE != 0)
        step_ns = SECOND;
    return duration_text(ns - ns % step_ns, text);
}

/* Exactly so many digits; -1: they are not there. */
static int take_digits(const char **text, int count)
{
    int number = 0;
    for (; count > 0; count--, (*text)++) {
        if (!isdigit((unsigned char)**text))
            return -1;
        number = number * 10 + (**text - '0');
    }
    return number;
}

static bool take_char(const char **text, const char *any)
{
    if (**text == '\0' || strchr(any, **text) == NULL)
        return false;
    (*text)++;
    return true;
}

/* Z, +02:00 or -0130; seconds to take away. */
static bool take_zone(const char **text, int *ret_s)
{
    *ret_s = 0;
    if (take_char(text, "Zz"))
        return true;
    int sign = **text == '-' ? -1 : 1;
    if (!take_char(text, "+-"))
        return false;
    int hours = take_digits(text, 2);
    take_char(text, ":");
    int minutes = take_digits(text, 2);
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
        return false;
    *ret_s = sign * (hours * 3600 + minutes * 60);
    return true;
}

/* .123456789, or nothing. */
static int64_t take_fraction(const char **text)
{
    int64_t ns = 0, digit_ns = SECOND / 10;
    if (take_char(text, ".,"))
        for (; isdigit((unsigned char)**text); (*text)++, digit_ns /= 10)
            ns += (**text - '0') * digit_ns;
    return ns;
}

bool wall_parse(const char *text, int64_t *ret_ns)
{
    if (*text == '@')
        return duration_parse(text + 1, ret_ns);
    struct tm date = {0};
    date.tm_year = take_digits(&text, 4) - 1900;
    bool good = date.tm_year > 0 && take_char(&text, "-") && (date.tm_mon = take_digits(&text, 2) - 1) >= 0 &&
                date.tm_mon < 12 && take_char(&text, "-") && (date.tm_mday = take_digits(&text, 2)) >= 1 &&
                date.tm_mday <= 31 && take_char(&text, "Tt ");
    good = good && (date.tm_hour = take_digits(&text, 2)) >= 0 && date.tm_hour < 24 &&
           take_char(&text, ":") && (date.tm_min = take_digits(&text, 2)) >= 0 && date.tm_min < 60 &&
           take_char(&text, ":") && (date.tm_sec = take_digits(&text, 2)) >= 0 && date.tm_sec <= 60;
    int zone_s = 0;
    int64_t fraction_ns = good ? take_fraction(&text) : 0;
    if (!good || !take_zone(&text, &zone_s) || *text != '\0')
        return false;
    int64_t seconds = (int64_t)timegm(&date) - zone_s;
    return !__builtin_mul_overflow(seconds, SECOND, ret_ns) &&
           !__builtin_add_overflow(*ret_ns, fraction_ns, ret_ns);
}

char *wall_text(int64_t ns, char text[static WALL_TEXT_SIZE])
{
    int64_t rest = ns % SECOND;
    if (rest < 0)
        rest += SECOND;
    time_t seconds = (time_t)((ns - rest) / SECOND);
    struct tm date;
    gmtime_r(&seconds, &date);
    size_t used = strftime(text, WALL_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &date);
    snprintf(text + used, WALL_TEXT_SIZE - used, ".%03dZ", (int)(rest / 1000000));
    return text;
}

int64_t monotonic_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * SECOND + now.tv_nsec;
}
