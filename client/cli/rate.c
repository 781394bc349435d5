/*
 * rate.c - reading and writing rates (rate.h).
 *
 * The digits behind the point make the period longer by as many tens, and that fraction is reduced, so nothing is rounded. What is
 * written without a point stays as it is: 10/s and 1/100ms are different windows.
 */
#include "rate.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "duration.h"

#define COUNT_MAX (UINT64_C(1) << 40)

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
    while (b != 0) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Reads digits, with or without a point, up to the end of the number; *ret_tens is by how much the point has multiplied it. NULL: none. */
static const char *read_count(const char *text, uint64_t *ret_count, uint64_t *ret_tens)
{
    const char *at = text;
    bool point = false;
    *ret_count = 0;
    *ret_tens = 1;
    for (; isdigit((unsigned char)*at) || (*at == '.' && !point); at++) {
        if (*at == '.') {
            point = true;
            continue;
        }
        if (*ret_count > (UINT64_MAX - 9) / 10 || *ret_tens > UINT64_C(1000000000000))
            return NULL;
        *ret_count = *ret_count * 10 + (uint64_t)(*at - '0');
        *ret_tens *= point ? 10 : 1;
    }
    return at == text || (point && at == text + 1) ? NULL : at;
}

/* "s" is one second, "100ms" a hundred milliseconds; at most 63 characters. */
static bool read_period(const char *text, int64_t *ret_ns)
{
    char whole[72];
    if (strlen(text) > 63)
        return false;
    snprintf(whole, sizeof whole, "%s%s", isdigit((unsigned char)text[0]) ? "" : "1", text);
    return duration_parse(whole, ret_ns) && *ret_ns > 0;
}

bool rate_parse(const char *text, struct sluice_rate *ret)
{
    uint64_t count, tens;
    int64_t unit_ns = SLUICE_SECOND;
    if (strcmp(text, "inf") == 0) {
        *ret = sluice_rate_infinite();
        return true;
    }
    const char *rest = read_count(text, &count, &tens);
    if (rest == NULL)
        return false;
    if (!(count == 0 && *rest == '\0') &&
        (*rest != '/' || rest[1] == '\0' || !read_period(rest + 1, &unit_ns)))
        return false;
    if (count == 0) {
        *ret = sluice_rate_of(0, SLUICE_SECOND);
        return true;
    }
    uint64_t divisor = common_divisor(count, tens);
    unsigned __int128 period = (unsigned __int128)(uint64_t)unit_ns * (tens / divisor);
    count /= divisor;
    if (count > COUNT_MAX || period > INT64_MAX)
        return false;
    *ret = sluice_rate_of(count, (int64_t)period);
    return true;
}

/* 4h0m0s as 4h. */
static void trim(char *period)
{
    static const char *const zeros[] = {"m0s", "h0m"};
    for (size_t i = 0; i < 2; i++) {
        size_t size = strlen(period);
        if (size > 3 && strcmp(period + size - 3, zeros[i]) == 0)
            period[size - 2] = '\0';
    }
}

char *rate_text(const struct sluice_rate *rate, char text[static RATE_TEXT_SIZE])
{
    char period[DURATION_TEXT_SIZE];
    if (rate->infinite) {
        snprintf(text, RATE_TEXT_SIZE, "inf");
        return text;
    }
    trim(duration_text(rate->period_ns == 0 ? SLUICE_SECOND : rate->period_ns, period));
    bool one = period[0] == '1' && period[2] == '\0'; /* 10/s, not 10/1s */
    snprintf(text, RATE_TEXT_SIZE, "%" PRIu64 "/%s", rate->count, one ? period + 1 : period);
    return text;
}
