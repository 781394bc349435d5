/*
 * out.c - what goes to stdout: see out.h.
 *
 * stdio buffers; where the outside world is met, printing items and flushing, a signal ends the process at once. When the reader of a
 * pipe has gone the process dies by SIGPIPE, and where that is ignored, with the exit code it would have had: quietly, and with what
 * was not acknowledged back in its channel.
 *
 * JSON is written by hand around jansson's strings, because a JSON payload passes through as it is: no number in it is read and
 * printed again.
 */
#include "out.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "duration.h"
#include "link.h"
#include "value.h"

bool out_is_terminal(void)
{
    static int known = -1;
    if (known < 0)
        known = isatty(STDOUT_FILENO);
    return known == 1;
}

static bool wants_colour(void)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    return out_is_terminal() && (no == NULL || *no == '\0') && (term == NULL || strcmp(term, "dumb") != 0);
}

const char *out_bold(void)
{
    return wants_colour() ? "\033[1m" : "";
}

const char *out_plain(void)
{
    return wants_colour() ? "\033[m" : "";
}

/* stdio keeps that a write failed, not why: a pipe without a reader can still be told from the rest. */
static int lost_error(void)
{
    struct pollfd out = {STDOUT_FILENO, POLLOUT, 0};
    return poll(&out, 1, 0) > 0 && (out.revents & POLLERR) ? EPIPE : EIO;
}

int out_flush(void)
{
    int error = 0;
    bool good = interrupt_local_begin();
    if (good) {
        bool lost = ferror(stdout);
        good = fflush(stdout) == 0 && !lost;
        error = lost ? lost_error() : errno;
    }
    interrupt_local_end();
    if (good)
        return 0;
    if (interrupt_signal() != 0)
        return 128 + interrupt_signal();
    if (error == EPIPE)
        return 128 + SIGPIPE;
    return fail_text(EX_IOERR, "cannot write to stdout: %s", strerror(error));
}

/* ---- Items */

static bool is_payload(enum sluice_type type)
{
    return type == SLUICE_TYPE_BYTES || type == SLUICE_TYPE_STRING || type == SLUICE_TYPE_JSON;
}

/* The name of a received object, or KIND#SERIAL when it has none. */
static char *object_text(sluice *s, const struct sluice_value *value)
{
    struct sluice_description *d = NULL;
    char *text = NULL;
    int printed = -1;
    if (sluice_describe(s, value->object, &d) != SLUICE_OK)
        printed = asprintf(&text, "%s", sluice_kind_name((enum sluice_kind)value->kind));
    else if (*d->name != '\0')
        printed = asprintf(&text, "%s", d->name);
    else
        printed = asprintf(&text, "%s#%" PRIu64, sluice_kind_name(d->kind), d->serial);
    sluice_description_free(d);
    return printed < 0 ? NULL : text;
}

static bool is_instant(const struct out_format *format, const struct sluice_value *v)
{
    return v->type == SLUICE_TYPE_INT64 &&
           (format->kind == SLUICE_KIND_TIMER || format->kind == SLUICE_KIND_TICKER);
}

char *out_text(const struct out_format *format, sluice *s, const struct sluice_item *item, size_t *ret_size)
{
    const struct sluice_value *v = &item->value;
    char *text = NULL, number[VALUE_NUMBER_SIZE], wall[WALL_TEXT_SIZE];
    if (is_payload(v->type)) {
        text = malloc(v->bytes.size + 1);
        if (text != NULL && v->bytes.size > 0)
            memcpy(text, v->bytes.data, v->bytes.size);
        if (text != NULL)
            text[v->bytes.size] = '\0';
        *ret_size = v->bytes.size;
        return text;
    }
    if (is_instant(format, v))
        text = strdup(wall_text(v->integer + format->wall_offset_ns, wall));
    else if (v->type == SLUICE_TYPE_HANDLE)
        text = object_text(s, v);
    else
        text = strdup(v->type == SLUICE_TYPE_NONE ? "" : value_number(v, number));
    *ret_size = text == NULL ? 0 : strlen(text);
    return text;
}

static void print_text(const struct out_format *format, sluice *s, const struct sluice_item *item)
{
    if (is_payload(item->value.type)) {
        if (item->value.bytes.size > 0)
            fwrite(item->value.bytes.data, 1, item->value.bytes.size, stdout);
        return;
    }
    size_t size = 0;
    char *text = out_text(format, s, item, &size);
    if (text != NULL)
        fwrite(text, 1, size, stdout);
    free(text);
}

/* On a terminal the next line begins at its left. */
static bool needs_newline(const struct sluice_value *v)
{
    if (!is_payload(v->type))
        return v->type != SLUICE_TYPE_NONE;
    size_t size = v->bytes.size;
    return out_is_terminal() && (size == 0 || ((const char *)v->bytes.data)[size - 1] != '\n');
}

static void print_item(const struct out_format *format, sluice *s, const struct sluice_item *item)
{
    if (format->ranked && format->how != OUT_JSON)
        printf("%" PRId64 "\t", item->rank);
    switch (format->how) {
    case OUT_RAW:
        print_text(format, s, item);
        if (needs_newline(&item->value))
            putchar('\n');
        break;
    case OUT_DELIMITED:
        print_text(format, s, item);
        putchar(format->delimiter);
        break;
    case OUT_JSONL:
        out_json_value(s, &item->value);
        putchar('\n');
        break;
    case OUT_JSON:
        putchar('{');
        out_json_members(format, s, item);
        fputs("}\n", stdout);
        break;
    }
}

void out_item(const struct out_format *format, sluice *s, const struct sluice_item *item)
{
    if (interrupt_local_begin()) /* a full buffer is written */
        print_item(format, s, item);
    interrupt_local_end();
}

/* ---- JSON */

static void write_string(FILE *to, const char *data, size_t size)
{
    json_t *string = json_stringn(data, size); /* NULL: no UTF-8 */
    if (string == NULL)
        fputs("null", to);
    else
        json_dumpf(string, to, JSON_ENCODE_ANY);
    json_decref(string);
}

void out_json_string(const char *data, size_t size)
{
    write_string(stdout, data, size);
}

static void write_bytes(FILE *to, const unsigned char *data, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    fputs("{\"base64\":\"", to);
    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i;
        uint32_t three = (uint32_t)data[i] << 16 | (left > 1 ? (uint32_t)data[i + 1] << 8 : 0) |
                         (left > 2 ? data[i + 2] : 0);
        putc(digits[three >> 18], to);
        putc(digits[three >> 12 & 63], to);
        putc(left > 1 ? digits[three >> 6 & 63] : '=', to);
        putc(left > 2 ? digits[three & 63] : '=', to);
    }
    fputs("\"}", to);
}

/* A JSON text as it is, without the space between its tokens. */
static void write_compact(FILE *to, const char *data, size_t size)
{
    bool in_string = false;
    for (size_t i = 0; i < size; i++) {
        char c = data[i];
        if (in_string && c == '\\' && i + 1 < size) {
            putc(c, to);
            c = data[++i];
        } else if (c == '"') {
            in_string = !in_string;
        } else if (!in_string && strchr(" \t\r\n", c) != NULL) {
            continue;
        }
        putc(c, to);
    }
}

void out_json_write(FILE *to, sluice *s, const struct sluice_value *v)
{
    char number[VALUE_NUMBER_SIZE];
    switch (v->type) {
    case SLUICE_TYPE_NONE: fputs("null", to); break;
    case SLUICE_TYPE_INT64: fputs(value_number(v, number), to); break;
    case SLUICE_TYPE_DOUBLE: fputs(isfinite(v->real) ? value_number(v, number) : "null", to); break;
    case SLUICE_TYPE_JSON: write_compact(to, v->bytes.data, v->bytes.size); break;
    case SLUICE_TYPE_HANDLE: {
        char *name = object_text(s, v);
        write_string(to, name == NULL ? "" : name, name == NULL ? 0 : strlen(name));
        free(name);
        break;
    }
    default: {
        json_t *string = json_stringn(v->bytes.size == 0 ? "" : v->bytes.data, v->bytes.size);
        if (string == NULL)
            write_bytes(to, v->bytes.data, v->bytes.size);
        else
            json_dumpf(string, to, JSON_ENCODE_ANY);
        json_decref(string);
        break;
    }
    }
}

void out_json_value(sluice *s, const struct sluice_value *v)
{
    out_json_write(stdout, s, v);
}

void out_json_members(const struct out_format *format, sluice *s, const struct sluice_item *item)
{
    fputs("\"value\":", stdout);
    if (is_instant(format, &item->value)) {
        char wall[WALL_TEXT_SIZE];
        wall_text(item->value.integer + format->wall_offset_ns, wall);
        out_json_string(wall, strlen(wall));
        printf(",\"due_ns\":%" PRId64, item->value.integer);
        return;
    }
    out_json_value(s, &item->value);
    printf(",\"type\":\"%s\",\"deliveries\":%" PRIu32, sluice_type_name(item->value.type), item->deliveries);
    if (format->ranked)
        printf(",\"rank\":%" PRId64, item->rank);
}

/* ---- Tables */

void out_cell(struct out_table *table, const char *format, ...)
{
    if (table->count == table->room) {
        table->room = table->room == 0 ? 64 : table->room * 2;
        table->cells = reallocarray(table->cells, table->room, sizeof *table->cells);
        if (table->cells == NULL)
            abort();
    }
    va_list rest;
    va_start(rest, format);
    if (vasprintf(&table->cells[table->count++], format, rest) < 0)
        abort();
    va_end(rest);
}

static size_t column_width(const struct out_table *table, unsigned column)
{
    size_t width = 0;
    for (size_t i = column; i < table->count; i += table->columns)
        if (strlen(table->cells[i]) > width)
            width = strlen(table->cells[i]);
    return width;
}

void out_table_end(struct out_table *table)
{
    size_t *widths = calloc(table->columns, sizeof *widths);
    for (unsigned i = 0; widths != NULL && i < table->columns; i++)
        widths[i] = column_width(table, i);
    for (size_t i = 0; widths != NULL && i < table->count; i++) {
        unsigned column = (unsigned)(i % table->columns);
        bool last = column + 1 == table->columns, head = i < table->columns;
        printf("%s%-*s%s%s", head ? out_bold() : "", last ? 0 : (int)widths[column], table->cells[i],
               head ? out_plain() : "", last ? "\n" : "  ");
    }
    for (size_t i = 0; i < table->count; i++)
        free(table->cells[i]);
    free(table->cells);
    free(widths);
    *table = (struct out_table){.columns = table->columns};
}
