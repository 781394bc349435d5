/*
 * json.c - whether bytes are a JSON text, by jansson.
 *
 * jansson takes its memory through two functions of the process; here they count, and refuse beyond the bound. Nothing else in
 * the daemon uses jansson, and one thread does all the work, so the count is that of the text being checked.
 */
#include "json.h"

#include <jansson.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static size_t json_used;
static bool json_refused;

static void *json_malloc(size_t size)
{
    if (size > JSON_MEMORY_MAX - json_used) {
        json_refused = true;
        return NULL;
    }
    void *p = malloc(size);
    size_t got = p ? malloc_usable_size(p) : 0;
    json_used = got > JSON_MEMORY_MAX - json_used ? JSON_MEMORY_MAX : json_used + got;
    return p;
}

static void json_release(void *p)
{
    size_t got = malloc_usable_size(p);
    json_used = got > json_used ? 0 : json_used - got;
    free(p);
}

enum json_verdict json_check(const void *bytes, size_t size)
{
    if (size == 0)
        return JSON_BAD;
    if (memchr(bytes, 0, size)) /* jansson takes a NUL behind the text for its end */
        return JSON_BAD;
    json_set_alloc_funcs(json_malloc, json_release);
    json_used = 0;
    json_refused = false;
    json_error_t error;
    json_t *tree = json_loadb(size ? bytes : "", size,
                              JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, &error);
    if (tree) {
        json_decref(tree);
        return JSON_GOOD;
    }
    if (json_refused)
        return JSON_TOO_BIG;
    return json_error_code(&error) == json_error_stack_overflow ? JSON_TOO_DEEP : JSON_BAD;
}
