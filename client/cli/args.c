/*
 * args.c - what was asked for on the command line: see args.h.
 *
 * Here are the readers of single texts, which end the process with a message that says what was expected, and the few
 * structures of the library that several verbs derive from the same options.
 *
 * A timeout covers a whole command. Where a verb makes one call, that call carries it; where it makes several, a context of the
 * daemon does, so that the daemon's clock, which may be a virtual one, is the only one that counts.
 */
#include "args.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "duration.h"

int64_t args_duration(struct argp_state *state, const char *what, const char *text)
{
    int64_t ns = 0;
    if (!duration_parse(text, &ns))
        argp_error(state, "%s: '%s' is not a duration: write 250ms, 1m30s, 2h, or seconds", what, text);
    return ns;
}

int64_t args_number(struct argp_state *state, const char *what, const char *text, int64_t min, int64_t max)
{
    char *end = NULL;
    errno = 0;
    int64_t number = strtoimax(text, &end, 10);
    if (end == text || *end != '\0')
        argp_error(state, "%s: '%s' is not a whole number", what, text);
    if (errno != 0 || number < min || number > max)
        argp_error(state, "%s: %s is not between %" PRId64 " and %" PRId64, what, text, min, max);
    return number;
}

enum sluice_type args_type(struct argp_state *state, const char *text)
{
#define TYPE(NAME, name, number, help) \
    if (strcmp(text, #name) == 0)      \
        return SLUICE_TYPE_##NAME;
#include "types.def"
#undef TYPE
    argp_error(state, "--type: '%s' is none of"
#define TYPE(NAME, name, number, help) " " #name
#include "types.def"
#undef TYPE
               ,
               text);
    return SLUICE_TYPE_NONE;
}

int args_delimiter(struct argp_state *state, const char *text)
{
    static const char names[] = "nrt0\\", meanings[] = "\n\r\t\0\\";
    if (text[0] != '\0' && text[1] == '\0')
        return (unsigned char)text[0];
    const char *name = text[0] == '\\' && text[1] != '\0' && text[2] == '\0' ? strchr(names, text[1]) : NULL;
    if (name == NULL)
        argp_error(state, "--delimiter: '%s' is not one byte, nor \\n \\r \\t \\0 \\\\", text);
    return name == NULL ? 0 : (unsigned char)meanings[name - names];
}

int64_t args_wall(struct argp_state *state, const char *what, const char *text)
{
    int64_t ns = 0;
    if (!wall_parse(text, &ns))
        argp_error(state, "%s: '%s' is not a time: write 2006-01-02T15:04:05Z, or @SECONDS since the epoch",
                   what, text);
    return ns;
}

uint64_t args_task(const char *word)
{
    char *end = NULL;
    errno = 0;
    uint64_t number = strtoull(word, &end, 10);
    return *word >= '1' && *word <= '9' && *end == '\0' && errno == 0 ? number : 0;
}

struct sluice_wait args_wait(const struct args *args)
{
    struct sluice_wait wait = SLUICE_WAIT_INIT;
    if (args->has_timeout)
        wait.timeout_ns = args->timeout_ns;
    if (args->ctx != NULL)
        wait.ctx = sluice_ctx_named(args->ctx);
    wait.no_wait = args->no_wait;
    return wait;
}

enum sluice_status args_wait_all(const struct args *args, sluice *s, struct sluice_wait *ret)
{
    *ret = args_wait(args);
    if (!args->has_timeout || args->timeout_ns == 0)
        return SLUICE_OK;
    struct sluice_ctx_spec spec = SLUICE_CTX_SPEC_INIT;
    spec.has_parent = args->ctx != NULL;
    spec.parent = ret->ctx;
    spec.has_timeout = true;
    spec.timeout_ns = args->timeout_ns;
    sluice_ctx whole = SLUICE_NIL;
    enum sluice_status status = sluice_ctx_make_with(s, NULL, &spec, &whole, NULL);
    if (status == SLUICE_OK) {
        ret->ctx = whole;
        ret->timeout_ns = -1;
    }
    return status;
}

struct sluice_make args_make(const struct args *args, const char *name)
{
    struct sluice_make how = SLUICE_MAKE_INIT;
    how.name = name;
    how.exclusive = args->exclusive;
    how.lifetime = args->ephemeral ? SLUICE_EPHEMERAL : SLUICE_DETACHED;
    how.for_pid = args->for_pid;
    return how;
}
