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
/* The head of a table of objects, and a row of it. */
void describe_head(struct out_table *table);
void describe_row(struct out_table *table, const struct sluice_description *d, int64_t now_ns);
/* Prints a JSON object on a line of its own and releases it. */
void json_line(json_t *json);

#endif
