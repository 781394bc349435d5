/*
 * json.h - whether bytes are a JSON text.
 *
 * jansson judges: RFC 8259 with any value at the top, UTF-8 throughout, no half surrogate pairs, no number beyond a double. It builds
 * a tree to do so, which is dropped at once; what the tree may take is bounded, for a text like [0,0,0...] grows fifty-fold.
 */
#ifndef WIRE_JSON_H
#define WIRE_JSON_H

#include <stddef.h>

/* The deepest nesting of arrays and objects: jansson's own bound. */
#define JSON_DEPTH_MAX 2048u
/* Bytes that one check may take. */
#define JSON_MEMORY_MAX (64u << 20)

enum json_verdict { JSON_GOOD, JSON_BAD, JSON_TOO_DEEP, JSON_TOO_BIG };

enum json_verdict json_check(const void *bytes, size_t size);

#endif
