/*
 * sort.c - the rows of a listing in the order that was asked for: see sort.h.
 *
 * The keys of all rows are taken once, then rows are compared by their first field, by the next where that is equal, and at last by where they
 * stood: the order is total, and the same each time. Texts are compared byte by byte.
 */
#include "sort.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The field of this name, or NULL. */
static const struct sort_field *find(const struct sort_field *fields, const char *name, size_t size)
{
    for (; fields->name != NULL; fields++)
        if (strlen(fields->name) == size && strncmp(fields->name, name, size) == 0)
            return fields;
    return NULL;
}

static void refuse(struct argp_state *state, const char *name, size_t size, const struct sort_field *fields)
{
    char known[512] = "";
    size_t used = 0;
    for (; fields->name != NULL && used < sizeof known; fields++)
        used += (size_t)snprintf(known + used, sizeof known - used, " %s", fields->name);
    argp_error(state, "--sort: '%.*s' is none of%s", (int)size, name, known);
}

void sort_parse(struct sort *sort, struct argp_state *state, const char *text,
                const struct sort_field *fields)
{
    for (const char *at = text;; at++) {
        bool reverse = *at == '-';
        at += reverse;
        size_t size = strcspn(at, ",");
        const struct sort_field *field = find(fields, at, size);
        if (field == NULL)
            refuse(state, at, size, fields);
        if (sort->count == SORT_FIELDS_MAX)
            argp_error(state, "--sort: more than %d fields", SORT_FIELDS_MAX);
        sort->by[sort->count].field = field;
        sort->by[sort->count++].reverse = reverse;
        at += size;
        if (*at == '\0')
            return;
    }
}

struct entry {
    const void *row;
    size_t at; /* where it stood */
    struct sort_key keys[SORT_FIELDS_MAX];
};

static int compare_keys(const struct sort_key *a, const struct sort_key *b)
{
    if (a->text != NULL && b->text != NULL)
        return strcmp(a->text, b->text);
    return (a->number > b->number) - (a->number < b->number);
}

static int compare(const void *a_, const void *b_, void *with)
{
    const struct entry *a = a_, *b = b_;
    const struct sort *sort = with;
    for (size_t i = 0; i < sort->count; i++) {
        int order = compare_keys(&a->keys[i], &b->keys[i]);
        if (order != 0)
            return sort->by[i].reverse ? -order : order;
    }
    return a->at < b->at ? -1 : 1;
}

void sort_rows(const struct sort *sort, const void **rows, size_t count)
{
    if (sort->count == 0 || count == 0)
        return;
    struct entry *entries = calloc(count, sizeof *entries);
    if (entries == NULL)
        abort();
    for (size_t i = 0; i < count; i++) {
        entries[i].row = rows[i];
        entries[i].at = i;
        for (size_t k = 0; k < sort->count; k++)
            entries[i].keys[k] = sort->by[k].field->by(rows[i]);
    }
    struct sort by = *sort;
    qsort_r(entries, count, sizeof *entries, compare, &by);
    for (size_t i = 0; i < count; i++)
        rows[i] = entries[i].row;
    free(entries);
}
