/*
 * value.c - values from text, by a channel's element type: see value.h.
 *
 * bytes, string and json take the text as it is; that it is UTF-8 or JSON is for the daemon to check. int64 and double take one
 * number, with white space around it, since what comes from echo ends in a newline. handle takes an object's name.
 *
 * With JSON input a text is decoded first: a string gives its characters, {"base64":"…"} its bytes, a number its value. This is
 * what the JSON output forms print, so that what was received can be sent again.
 */
#include "value.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void hold(struct values *values, void *memory)
{
    if (values->held_count == values->held_room) {
        values->held_room = values->held_room == 0 ? 64 : values->held_room * 2;
        values->held = reallocarray(values->held, values->held_room, sizeof *values->held);
        if (values->held == NULL)
            abort();
    }
    values->held[values->held_count++] = memory;
}

static void push(struct values *values, struct sluice_value value, size_t size)
{
    if (values->count == values->room) {
        values->room = values->room == 0 ? 64 : values->room * 2;
        values->values = reallocarray(values->values, values->room, sizeof *values->values);
        if (values->values == NULL)
            abort();
    }
    values->values[values->count++] = value;
    values->bytes += size;
}

/* The end of a number must be the end of the text, white space aside. */
static bool ends(const char *text, const char *end, const char *all)
{
    if (end == text)
        return false;
    while (isspace((unsigned char)*end))
        end++;
    return end == all;
}

static bool add_int(struct values *values, const char *text, size_t size, const char **ret_why)
{
    char *end = NULL;
    errno = 0;
    int64_t integer = strtoimax(text, &end, 10);
    bool good = ends(text, end, text + size);
    *ret_why = good ? "is not within 64 bits" : "is not a whole number";
    if (good && errno == 0)
        push(values, sluice_int(integer), sizeof integer);
    return good && errno == 0;
}

static bool add_real(struct values *values, const char *text, size_t size, const char **ret_why)
{
    char *end = NULL;
    double real = strtod(text, &end);
    *ret_why = "is not a number";
    if (!ends(text, end, text + size))
        return false;
    push(values, sluice_real(real), sizeof real);
    return true;
}

static bool add_text(struct values *values, enum sluice_type type, const char *text, size_t size,
                     const char **ret_why)
{
    switch (type) {
    case SLUICE_TYPE_INT64: return add_int(values, text, size, ret_why);
    case SLUICE_TYPE_DOUBLE: return add_real(values, text, size, ret_why);
    case SLUICE_TYPE_HANDLE:
        *ret_why = "is not an object's name";
        if (size == 0 || strlen(text) != size)
            return false;
        push(values, sluice_object(sluice_named(text), 0), size);
        return true;
    default: push(values, sluice_bytes_of(type, text, size), size); return true;
    }
}

/* ---- Decoded JSON */

static int base64_digit(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c == '\0' ? NULL : strchr(digits, c);
    return at == NULL ? -1 : (int)(at - digits);
}

/* Decodes in place. False: it is not base64 with its padding. */
static bool base64_decode(char *text, size_t *size)
{
    size_t n = strlen(text), out = 0;
    if (n % 4 != 0)
        return false;
    for (size_t i = 0; i < n; i += 4) {
        bool last = i + 4 == n;
        int padding = last ? (text[i + 3] == '=') + (text[i + 3] == '=' && text[i + 2] == '=') : 0;
        uint32_t three = 0;
        for (int k = 0; k < 4; k++) {
            int digit = k >= 4 - padding ? 0 : base64_digit(text[i + (size_t)k]);
            if (digit < 0)
                return false;
            three = three << 6 | (uint32_t)digit;
        }
        for (int k = 0; k < 3 - padding; k++)
            text[out++] = (char)(three >> (16 - 8 * k) & 255);
    }
    *size = out;
    return true;
}

static bool add_decoded_bytes(struct values *values, enum sluice_type type, json_t *json)
{
    const json_t *base64 = json_object_get(json, "base64");
    if (json_is_string(json)) {
        push(values, sluice_bytes_of(type, json_string_value(json), json_string_length(json)),
             json_string_length(json));
        return true;
    }
    char *data =
        json_object_size(json) == 1 && json_is_string(base64) ? strdup(json_string_value(base64)) : NULL;
    size_t size = 0;
    if (type != SLUICE_TYPE_BYTES || data == NULL || !base64_decode(data, &size)) {
        free(data);
        return false;
    }
    json_t *keeper = json_stringn_nocheck(data, size);
    free(data);
    if (keeper == NULL)
        abort();
    hold(values, keeper);
    push(values, sluice_bytes(json_string_value(keeper), size), size);
    return true;
}

static bool add_decoded(struct values *values, enum sluice_type type, json_t *json, const char **ret_why)
{
    switch (type) {
    case SLUICE_TYPE_INT64:
        *ret_why = "is not a JSON integer";
        if (json_is_integer(json))
            push(values, sluice_int(json_integer_value(json)), sizeof(int64_t));
        return json_is_integer(json);
    case SLUICE_TYPE_DOUBLE:
        *ret_why = "is not a JSON number";
        if (json_is_number(json))
            push(values, sluice_real(json_number_value(json)), sizeof(double));
        return json_is_number(json);
    case SLUICE_TYPE_HANDLE:
        *ret_why = "is not a JSON string with an object's name";
        return json_is_string(json) &&
               add_text(values, type, json_string_value(json), json_string_length(json), ret_why);
    default:
        *ret_why = type == SLUICE_TYPE_BYTES ? "is neither a JSON string nor {\"base64\":\"...\"}"
                                             : "is not a JSON string";
        return add_decoded_bytes(values, type, json);
    }
}

bool values_add(struct values *values, enum sluice_type type, bool json, const char *text, size_t size,
                const char **ret_why)
{
    if (!json || type == SLUICE_TYPE_JSON)
        return add_text(values, type, text, size, ret_why);
    json_t *decoded = json_loadb(text, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    *ret_why = "is not JSON";
    if (decoded == NULL)
        return false;
    hold(values, decoded);
    return add_decoded(values, type, decoded, ret_why);
}

void values_clear(struct values *values)
{
    for (size_t i = 0; i < values->held_count; i++)
        json_decref(values->held[i]);
    values->count = values->bytes = values->held_count = 0;
}

void values_done(struct values *values)
{
    values_clear(values);
    free(values->values);
    free(values->held);
    *values = (struct values){0};
}

char *value_number(const struct sluice_value *value, char text[static VALUE_NUMBER_SIZE])
{
    if (value->type == SLUICE_TYPE_INT64) {
        snprintf(text, VALUE_NUMBER_SIZE, "%" PRId64, value->integer);
        return text;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, VALUE_NUMBER_SIZE, "%.*g", digits, value->real);
        if (strtod(text, NULL) == value->real)
            break;
    }
    return text;
}
