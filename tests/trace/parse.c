/*
 * parse.c - the words of a trace (parse.h).
 *
 * Everything here is strict: a number with a tail, an unknown unit or an open quote ends the run. Nothing is guessed, because the same
 * text is the specification that people read.
 */
#include "parse.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

struct place place;

void bad(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fflush(stdout);
    fprintf(stderr, "%s:%d: ", place.file, place.line);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n    %s\n", place.text ? place.text : "");
    va_end(arguments);
    exit(2);
}

struct chunk {
    struct chunk *next;
    max_align_t data[];
};
static struct chunk *chunks;

void *arena_get(size_t size)
{
    struct chunk *c = calloc(1, sizeof *c + size + sizeof(max_align_t));
    if (!c)
        bad("out of memory");
    c->next = chunks;
    chunks = c;
    return c->data;
}

void arena_reset(void)
{
    while (chunks) {
        struct chunk *next = chunks->next;
        free(chunks);
        chunks = next;
    }
}

/* The end of the word that begins at p. */
static const char *word_end(const char *p)
{
    char quote = 0;
    for (; *p && (quote || *p != ' '); p++) {
        if (quote && *p == '\\' && p[1])
            p++;
        else if (quote && *p == quote)
            quote = 0;
        else if (!quote && (*p == '"' || *p == '\''))
            quote = *p;
    }
    if (quote)
        bad("a quote is open");
    return p;
}

struct words words_of(const char *line)
{
    struct words w = {arena_get((strlen(line) / 2 + 1) * sizeof(char *)), 0};
    for (const char *p = line + strspn(line, " "); *p && *p != '#'; p += strspn(p, " ")) {
        const char *end = word_end(p);
        char *word = arena_get((size_t)(end - p) + 1);
        memcpy(word, p, (size_t)(end - p));
        w.at[w.count++] = word;
        p = end;
    }
    return w;
}

char *option(char *word, const char *key)
{
    size_t size = strlen(key);
    return strncmp(word, key, size) == 0 && word[size] == '=' ? word + size + 1 : NULL;
}

uint64_t parse_number(const char *word)
{
    char *end;
    errno = 0;
    uint64_t n = strtoull(word, &end, 10);
    if (errno || end == word || *end)
        bad("not a number: %s", word);
    return n;
}

int64_t parse_integer(const char *word)
{
    char *end;
    errno = 0;
    int64_t n = strtoll(word, &end, 10);
    if (errno || end == word || *end)
        bad("not an integer: %s", word);
    return n;
}

uint64_t parse_token(const struct world *w, const char *word)
{
    return *word == '$' ? world_variable(w, word + 1) : parse_number(word);
}

struct rate parse_rate(const char *word)
{
    if (strcmp(word, "inf") == 0)
        return (struct rate){.infinite = true};
    char *end;
    errno = 0;
    struct rate r = {.count = strtoull(word, &end, 10)};
    if (errno || end == word || *end != '/')
        bad("not a rate: %s", word);
    r.period_ns = (uint64_t)parse_duration(end + 1);
    return r;
}

static const struct unit {
    const char *name;
    int64_t ns;
} units[] = {{"h", 3600000000000}, {"s", 1000000000}, {"ms", 1000000}, {"us", 1000}, {"ns", 1}};

int64_t parse_duration(const char *word)
{
    if (strcmp(word, "max") == 0)
        return INT64_MAX;
    if (strcmp(word, "min") == 0)
        return INT64_MIN;
    char *end;
    errno = 0;
    int64_t n = strtoll(word, &end, 10);
    if (errno == 0 && end != word && n == 0 && *end == 0)
        return 0;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (errno == 0 && end != word && strcmp(end, units[i].name) == 0)
            return n * units[i].ns;
    bad("not a duration: %s", word);
}

const char *show_duration(int64_t ns, char *buf)
{
    size_t i = 1;
    if (ns == INT64_MAX)
        return memcpy(buf, "never", sizeof "never");
    if (ns == 0)
        return memcpy(buf, "0s", sizeof "0s");
    while (ns % units[i].ns)
        i++;
    snprintf(buf, 32, "%lld%s", (long long)(ns / units[i].ns), units[i].name);
    return buf;
}

uint8_t parse_rights(const char *word)
{
    static const char *const names[] = {"send", "recv", "close", "observe"};
    unsigned rights = 0;
    while (*word) {
        size_t size = strcspn(word, "+"), i = 0;
        while (i < 4 && (strlen(names[i]) != size || strncmp(names[i], word, size) != 0))
            i++;
        if (i == 4)
            bad("no such right: %s", word);
        rights |= 1u << i;
        word += size + (word[size] == '+');
    }
    return (uint8_t)rights;
}

static char unescape(const char **p)
{
    switch (*++*p) {
    case 'n': return '\n';
    case 't': return '\t';
    case '0': return '\0';
    case '\\':
    case '\'':
    case '"': return **p;
    default: bad("unknown escape \\%c", **p);
    }
}

struct bytes parse_quoted(const char *word)
{
    char quote = *word;
    size_t size = strlen(word);
    if ((quote != '"' && quote != '\'') || size < 2 || word[size - 1] != quote)
        bad("not a quoted text: %s", word);
    char *data = arena_get(size);
    size_t n = 0;
    for (const char *p = word + 1; p < word + size - 1; p++)
        data[n++] = *p == '\\' ? unescape(&p) : *p;
    return (struct bytes){data, n};
}

struct ref parse_ref(const struct world *w, const char *word)
{
    if (strcmp(word, "nil") == 0)
        return (struct ref){0};
    if (*word == '$')
        return (struct ref){.handle = world_variable(w, word + 1)};
    if (*word == '%')
        return (struct ref){.handle = parse_number(word + 1)};
    if (strncmp(word, "task:", 5) == 0)
        return (struct ref){.task = parse_number(word + 5)};
    return (struct ref){.name = word, .name_size = (uint16_t)strlen(word)};
}

static struct value parse_handle(const struct world *w, const char *word)
{
    struct value v = {.type = VALUE_HANDLE};
    size_t size = strlen(word) + 1;
    char *name = memcpy(arena_get(size), word, size);
    char *slash = strchr(name, '/');
    if (slash) {
        *slash = 0;
        v.rights = parse_rights(slash + 1);
    }
    v.ref = parse_ref(w, name);
    return v;
}

static struct value parse_numeric(const char *word)
{
    char *end;
    errno = 0;
    struct value v = {.type = VALUE_INT64};
    v.int64 = strtoll(word, &end, 10);
    if (*end) {
        v.type = VALUE_DOUBLE;
        v.real = strtod(word, &end);
    }
    if (errno || end == word || *end)
        bad("not a value: %s", word);
    return v;
}

struct value parse_value(const struct world *w, const char *word)
{
    struct value v = {0};
    if (strcmp(word, "none") == 0)
        return v;
    if (*word == '&')
        return parse_handle(w, word + 1);
    if (strncmp(word, "json:", 5) == 0) {
        v.type = VALUE_JSON;
        v.bytes = (struct bytes){word + 5, strlen(word + 5)};
    } else if (strncmp(word, "fill:", 5) == 0) {
        size_t size = parse_number(word + 5);
        v.type = VALUE_BYTES;
        v.bytes = (struct bytes){memset(arena_get(size), 'x', size), size};
    } else if (*word == '"' || *word == '\'') {
        v.type = *word == '"' ? VALUE_BYTES : VALUE_STRING;
        v.bytes = parse_quoted(word);
    } else {
        v = parse_numeric(word);
    }
    return v;
}
