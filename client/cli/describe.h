/*
 * describe.h - an object as text and as JSON.
 *
 * One snapshot of the daemon in three forms: lines for people, a row of a table, and an object for programs.
 */
#ifndef CLI_DESCRIBE_H
#define CLI_DESCRIBE_H

#include <jansson.h>

#include "out.h"

/* Lines of a name and a value, as `sluice show` prints them. wall_offset_ns turns instants into wall clock times. */
void describe_print(const struct sluice_description *d, int64_t wall_offset_ns);
/* The same as a JSON object. */
json_t *describe_json(const struct sluice_description *d);
/* What they are made of, for other listings: a word for its state; what is in it, and how much there may be (false: it has none);
 * of what type that is, "-" for none. */
const char *describe_state(const struct sluice_description *d);
bool describe_items(const struct sluice_description *d, int64_t *ret);
bool describe_cap(const struct sluice_description *d, int64_t *ret);
const char *describe_type(const struct sluice_description *d);
/* A value on a line of its own, behind what it is; as JSON, null when it is none. */
void describe_value(const char *what, const struct sluice_value *v);
json_t *describe_value_json(const struct sluice_value *v);
/* Who holds it, as members of JSON. */
json_t *describe_hold_json(const struct sluice_description *d);
/* The head of a table of objects, and a row of it. */
void describe_head(struct out_table *table);
void describe_row(struct out_table *table, const struct sluice_description *d, int64_t now_ns);
/* Prints a JSON object on a line of its own and releases it. */
void json_line(json_t *json);

#endif
