/*
 * trigger.c - leaving a send behind: see trigger.h.
 *
 * The value is converted here, by the channel's element type, so that what is wrong with it is said now and not when nobody listens.
 * The names of what the shell leaves behind are random, so that holding a name is as good as holding the thing.
 */
#include "trigger.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "channel.h"
#include "link.h"
#include "value.h"

char *name_generate(const char *prefix)
{
    uint64_t number = 0;
    char *name = NULL;
    if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number ||
        asprintf(&name, "%s-%016" PRIx64, prefix, number) < 0)
        abort();
    return name;
}

int trigger_leave(sluice *s, const struct args *args, sluice_ctx ctx, int64_t delay_ns, const char *channel,
                  const char *value)
{
    struct sluice_trigger_spec spec = SLUICE_TRIGGER_SPEC_INIT;
    spec.ctx = ctx;
    spec.delay_ns = delay_ns;
    struct sluice_made made = {0};
    enum sluice_status status = sluice_open_ref(s, sluice_named(channel), SLUICE_RIGHT_SEND,
                                                SLUICE_KIND_CHANNEL, &spec.channel.ref, &made);
    if (status != SLUICE_OK)
        return fail(status, channel);
    struct values values = {0};
    const char *why = NULL;
    value = value == NULL ? "" : value;
    if (!values_add(&values, made.type, false, value, strlen(value), &why)) {
        values_done(&values);
        return fail_text(sluice_exit_code(SLUICE_WRONG_TYPE), "%s: '%s' %s", channel, value, why);
    }
    spec.value = values.values[0];
    char *name = args->name == NULL ? name_generate("after") : strdup(args->name);
    struct sluice_make how = args_make(args, name);
    status = sluice_trigger_make_with(s, &how, &spec, NULL, NULL);
    values_done(&values);
    if (status == SLUICE_OK)
        puts(name);
    int code = fail(status, name);
    free(name);
    return code;
}
