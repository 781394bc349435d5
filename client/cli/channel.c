/*
 * channel.c - finding, or making, the channel to work on: see channel.h.
 *
 * A verb opens its object first: that tells the element type by which texts become values, and the handle stays with
 * this very object, should its name be given to another. --make asks for a channel only when there is none, so
 * that a --cap that differs from what is there is no error.
 */
#include "channel.h"

struct sluice_chan_spec channel_spec(const struct args *args)
{
    struct sluice_chan_spec spec = SLUICE_CHAN_SPEC_INIT;
    spec.cap = args->cap;
    spec.type = args->type;
    spec.ordered = args->ordered;
    return spec;
}

enum sluice_status channel_open(sluice *s, const struct args *args, const char *name, uint32_t rights,
                                sluice_ref *ret, struct sluice_made *ret_made)
{
    enum sluice_status status =
        sluice_open_ref(s, sluice_named(name), rights, SLUICE_KIND_NONE, ret, ret_made);
    if (status != SLUICE_NOT_FOUND || !args->make)
        return status;
    struct sluice_make how = SLUICE_MAKE_INIT;
    how.name = name;
    how.rights = rights;
    struct sluice_chan_spec spec = channel_spec(args);
    sluice_chan made = SLUICE_NIL;
    status = sluice_chan_make_with(s, &how, &spec, &made, ret_made);
    if (status == SLUICE_OK)
        *ret = made.ref;
    return status;
}

bool channel_is_ordered(sluice *s, const char *name)
{
    struct sluice_description *d = NULL;
    bool ordered = sluice_describe(s, sluice_named(name), &d) == SLUICE_OK && d->channel.ordered;
    sluice_description_free(d);
    return ordered;
}
