/*
 * sort.h - the rows of a listing in the order that was asked for.
 *
 * A listing has a table of its fields, each with a function that says by what a row is ordered, and takes --sort FIELD[,FIELD...], a minus in front of a
 * field for its reverse:
 *
 *     #define FIELDS(FIELD) FIELD(name) FIELD(age)
 *     static const struct sort_field fields[] = {FIELDS(SORT_FIELD) {0}};       with by_name and by_age
 *     {"sort", KEY_SORT, "FIELD", 0, SORT_HELP FIELDS(SORT_NAME), 1},
 *
 * It keeps pointers to its rows and hands them to sort_rows. Equal rows stay in their order. Without --sort nothing need be kept.
 */
#ifndef CLI_SORT_H
#define CLI_SORT_H

#include <argp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* By what a row is ordered: a text, or a number when that is NULL. The text lives as long as the row. */
struct sort_key {
    const char *text;
    int64_t number;
};
typedef struct sort_key sort_by(const void *row);

struct sort_field {
    const char *name; /* NULL: the table ends */
    sort_by *by;
};
#define SORT_FIELD(name) {#name, by_##name},
#define SORT_NAME(name)  " " #name
#define SORT_HELP \
    "Order by this field, or by several with commas between; -FIELD: the other way round. Fields:"

enum { SORT_FIELDS_MAX = 8 };
struct sort {
    struct {
        const struct sort_field *field;
        bool reverse;
    } by[SORT_FIELDS_MAX];
    size_t count; /* 0: no --sort */
};

/* Reads what --sort says, or ends the process with a message that names the fields there are. */
void sort_parse(struct sort *sort, struct argp_state *state, const char *text,
                const struct sort_field *fields);
/* Orders the rows. */
void sort_rows(const struct sort *sort, const void **rows, size_t count);

#endif
