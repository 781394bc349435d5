/*
 * environment.c - the environment of a command that a worker runs: see environment.h.
 *
 * All variables are gathered in one array and sorted by name, the last that was given first; of each name the first is taken. So it
 * costs n log n, whoever sends however many.
 */
#include "environment.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct entry {
    const char *name;
    size_t name_size;
    const char *value; /* NULL: not set */
    size_t order;
};

/* What a process was told about itself is of no use to its children. */
static const char *const private_names[] = {"LISTEN_FDS",    "LISTEN_PID",     "LISTEN_FDNAMES",
                                            "NOTIFY_SOCKET", "WATCHDOG_USEC",  "WATCHDOG_PID",
                                            "SLUICE_TASK",   "SLUICE_ATTEMPT", "SLUICE_TASK_NUMBER"};

static bool is_private(const struct entry *e)
{
    for (size_t i = 0; i < sizeof private_names / sizeof *private_names; i++)
        if (strlen(private_names[i]) == e->name_size && memcmp(private_names[i], e->name, e->name_size) == 0)
            return true;
    return false;
}

static int compare_names(const struct entry *x, const struct entry *y)
{
    size_t size = x->name_size < y->name_size ? x->name_size : y->name_size;
    int order = memcmp(x->name, y->name, size);
    if (order == 0 && x->name_size != y->name_size)
        order = x->name_size < y->name_size ? -1 : 1;
    return order;
}

static int compare(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int order = compare_names(x, y);
    return order != 0 ? order : x->order > y->order ? -1 : 1;
}

/* All there is, in order of age; how many. */
static size_t gather(struct entry *entries, const struct environment_part *parts, size_t count)
{
    size_t n = 0;
    for (char **own = environ; *own != NULL; own++) {
        const char *equals = strchr(*own, '=');
        if (equals == NULL)
            continue;
        entries[n] = (struct entry){*own, (size_t)(equals - *own), equals + 1, n};
        n += is_private(&entries[n]) ? 0 : 1;
    }
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < parts[i].count; j++, n++) {
            const struct sluice_variable *v = &parts[i].variables[j];
            entries[n] = (struct entry){v->name, strlen(v->name), v->value, n};
        }
    return n;
}

/* Leaves of each name the last that was given, if that is set. */
static size_t choose(struct entry *entries, size_t count, size_t *ret_size)
{
    size_t n = 0;
    struct entry last = {0};
    *ret_size = 0;
    qsort(entries, count, sizeof *entries, compare);
    for (size_t i = 0; i < count; i++) {
        struct entry e = entries[i];
        if (i > 0 && compare_names(&last, &e) == 0)
            continue;
        last = e;
        if (e.value == NULL)
            continue;
        entries[n++] = e;
        *ret_size += e.name_size + strlen(e.value) + 2;
    }
    return n;
}

static char **build(const struct entry *entries, size_t count, size_t size)
{
    char **list = malloc((count + 1) * sizeof *list + size);
    if (list == NULL)
        return NULL;
    char *at = (char *)(list + count + 1);
    for (size_t i = 0; i < count; i++) {
        list[i] = at;
        at = mempcpy(at, entries[i].name, entries[i].name_size);
        *at++ = '=';
        at = stpcpy(at, entries[i].value) + 1;
    }
    list[count] = NULL;
    return list;
}

char **environment_make(const struct environment_part *parts, size_t count)
{
    size_t room = 1, size;
    for (char **own = environ; *own != NULL; own++)
        room++;
    for (size_t i = 0; i < count; i++)
        room += parts[i].count;
    struct entry *entries = calloc(room, sizeof *entries);
    if (entries == NULL)
        return NULL;
    size_t n = choose(entries, gather(entries, parts, count), &size);
    char **list = build(entries, n, size);
    free(entries);
    return list;
}

const char *environment_get(char *const *environment, const char *name)
{
    size_t size = strlen(name);
    for (; *environment != NULL; environment++)
        if (strncmp(*environment, name, size) == 0 && (*environment)[size] == '=')
            return *environment + size + 1;
    return NULL;
}
