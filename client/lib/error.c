/*
 * error.c - the calling thread's last error, and what statuses, kinds, verbs and types are called.
 *
 * The daemon's text comes first; a limit adds its name, its value and the use; else it is the status's own text, which is Go's
 * where Go has one. Common statuses (CLOSED, WOULD_BLOCK) come by the million, so that setting one stores a number and a
 * byte, no text. The names come from the same tables as the daemon's.
 */
#include "error.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE_SIZE 1024
#define CAUSE_SIZE   4097
#define LIMIT_SIZE   64

static _Thread_local struct {
    enum sluice_status status;
    bool has_cause;
    char message[MESSAGE_SIZE]; /* "": the status's own */
    char cause[CAUSE_SIZE];
    char limit[LIMIT_SIZE]; /* "": none */
    uint64_t limit_value, limit_use;
} last;

static void copy(char *to, size_t size, struct sluice_blob from)
{
    size_t n = from.size < size ? from.size : size - 1;
    if (n > 0)
        memcpy(to, from.data, n);
    to[n] = '\0';
}

enum sluice_status error_status(enum sluice_status status)
{
    last.status = status;
    last.has_cause = false;
    last.message[0] = last.limit[0] = '\0';
    return status;
}

enum sluice_status error_text(enum sluice_status status, const char *text)
{
    error_status(status);
    if (text != NULL)
        copy(last.message, sizeof last.message, (struct sluice_blob){text, strlen(text)});
    return status;
}

enum sluice_status error_reply(const struct reply *reply)
{
    error_status(reply->status);
    copy(last.message, sizeof last.message, reply->message);
    if (reply->cause.size > 0) {
        last.has_cause = true;
        copy(last.cause, sizeof last.cause, reply->cause);
    }
    if (reply->has_limit) {
        copy(last.limit, sizeof last.limit, reply->limit_name);
        last.limit_value = reply->limit_value;
        last.limit_use = reply->limit_use;
        if (last.message[0] == '\0')
            snprintf(last.message, sizeof last.message, "%s: %s is %llu, this would make it %llu",
                     sluice_strstatus(reply->status), last.limit, (unsigned long long)last.limit_value,
                     (unsigned long long)last.limit_use);
    }
    return reply->status;
}

enum sluice_status error_errno(int error, const char *doing)
{
    enum sluice_status status = error == -ENOMEM    ? SLUICE_NO_MEMORY
                                : error == -EBADMSG ? SLUICE_INTERNAL
                                                    : SLUICE_UNAVAILABLE;
    error_status(status);
    snprintf(last.message, sizeof last.message, "%s: %s", doing, strerrordesc_np(-error));
    return status;
}

const char *sluice_errmsg(void)
{
    return last.message[0] != '\0' ? last.message : sluice_strstatus(last.status);
}

const char *sluice_errcause(void)
{
    return last.has_cause ? last.cause : NULL;
}

struct sluice_limit sluice_errlimit(void)
{
    if (last.limit[0] == '\0')
        return (struct sluice_limit){NULL, 0, 0};
    return (struct sluice_limit){last.limit, last.limit_value, last.limit_use};
}

void sluice_free(void *memory)
{
    free(memory);
}

const char *sluice_version(void)
{
    return SLUICE_VERSION;
}

/* The tables' rows as cases: NAME, number, ... */
struct status_row {
    const char *name, *text;
    int exit_code;
};
static const struct status_row statuses[] = {
#define STATUS(NAME, number, exit, text) [number] = {#NAME, text, exit},
#include "status.def"
#undef STATUS
};

static const struct status_row *row_of(enum sluice_status status)
{
    static const struct status_row unknown = {"UNKNOWN", "unknown status", 70};
    if ((size_t)status >= sizeof statuses / sizeof *statuses || statuses[status].name == NULL)
        return &unknown;
    return &statuses[status];
}

const char *sluice_strstatus(enum sluice_status status)
{
    return row_of(status)->text;
}

const char *sluice_status_name(enum sluice_status status)
{
    return row_of(status)->name;
}

int sluice_exit_code(enum sluice_status status)
{
    return row_of(status)->exit_code;
}

static const char *const kinds[] = {
    "none",
#define KIND(NAME, name, number, help) [number] = #name,
#include "kinds.def"
#undef KIND
};
static const char *const verbs[] = {
    "none",
#define ARM(NAME, name, number, help) [number] = #name,
#include "arms.def"
#undef ARM
};
static const char *const types[] = {
    "none",
#define TYPE(NAME, name, number, help) [number] = #name,
#include "types.def"
#undef TYPE
};

static const char *name_in(const char *const *names, size_t count, unsigned number)
{
    return number < count && names[number] != NULL ? names[number] : "unknown";
}

const char *sluice_kind_name(enum sluice_kind kind)
{
    return name_in(kinds, sizeof kinds / sizeof *kinds, kind);
}

const char *sluice_verb_name(enum sluice_verb verb)
{
    return name_in(verbs, sizeof verbs / sizeof *verbs, verb);
}

const char *sluice_type_name(enum sluice_type type)
{
    return name_in(types, sizeof types / sizeof *types, type);
}
