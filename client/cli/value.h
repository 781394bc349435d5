/*
 * value.h - values from text, by a channel's element type, and numbers as text.
 *
 * A list of values gathers what goes to the daemon in one request, and owns what its values borrow from decoded JSON.
 */
#ifndef CLI_VALUE_H
#define CLI_VALUE_H

#include <stdbool.h>
#include <stddef.h>

#include "sluice.h"

enum { VALUE_NUMBER_SIZE = 40 };

/* Values on their way to the daemon, with what they borrow. */
struct values {
    struct sluice_value *values;
    size_t count, room;
    size_t bytes; /* of all their payloads */
    void **held;  /* decoded JSON the values point into */
    size_t held_count, held_room;
};

/* Adds the value that a text stands for in a channel of this type. The text is borrowed, and a NUL must stand behind it. json: the text is JSON,
 * and the value what it decodes to. False: *ret_why says what is wrong with it. */
bool values_add(struct values *values, enum sluice_type type, bool json, const char *text, size_t size,
                const char **ret_why);
/* Takes them all out. */
void values_clear(struct values *values);
/* Frees what it holds. */
void values_done(struct values *values);

/* An INT64 or DOUBLE in decimal, such that reading it gives the same number. Returns text. */
char *value_number(const struct sluice_value *value, char text[static VALUE_NUMBER_SIZE]);

#endif
