/*
 * context.c - contexts: Go's context package over the daemon.
 *
 * All contexts are made by one operation that says everything about the new one at once (parent, deadline, cause, values); the
 * functions named after Go's are its usual forms. What Go asks of a context (Err, Cause, Deadline, String) is read from one
 * description, so that the answers of one call fit together.
 */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "item.h"
#include "object.h"

#define VALUES_MAX 64

struct entry_parts {
    Sluice__V1__ContextEntry entry;
    struct value_parts value;
};

static ProtobufCBinaryData text_out(const char *text)
{
    return (ProtobufCBinaryData){text != NULL ? strlen(text) : 0, (uint8_t *)text};
}

static enum sluice_status values_out(struct call *c, const struct sluice_ctx_spec *spec,
                                     struct entry_parts *parts, Sluice__V1__ContextEntry **pointers)
{
    for (size_t i = 0; i < spec->values_count; i++) {
        const struct sluice_ctx_entry *given = &spec->values[i];
        Sluice__V1__ContextEntry *e = &parts[i].entry;
        sluice__v1__context_entry__init(e);
        e->has_space = given->key.space != NULL;
        e->space = text_out(given->key.space);
        e->has_type = given->key.type != NULL;
        e->type = text_out(given->key.type);
        e->has_name = given->key.name != NULL;
        e->name = text_out(given->key.name);
        enum sluice_status status = value_out(c, &given->value, &parts[i].value, &e->value);
        if (status != SLUICE_OK)
            return status;
        pointers[i] = e;
    }
    return SLUICE_OK;
}

static void spec_out(struct call *c, const struct sluice_ctx_spec *spec, Sluice__V1__ContextSpec *out,
                     Ref *parent)
{
    sluice__v1__context_spec__init(out);
    if (spec->background || spec->todo) {
        out->has_root = true;
        out->root =
            spec->todo ? SLUICE__V1__CONTEXT_SPEC__ROOT__TODO : SLUICE__V1__CONTEXT_SPEC__ROOT__BACKGROUND;
        return;
    }
    if (spec->has_parent) {
        out->parent = call_ref(c, spec->parent.ref, parent);
        if (out->parent == NULL)
            out->parent = parent; /* a nil reference, which is not the same as none */
    }
    out->has_without_cancel = out->without_cancel = spec->without_cancel;
    out->has_cancelable = out->cancelable = spec->cancelable;
    out->has_timeout_ns = spec->has_timeout;
    out->timeout_ns = spec->timeout_ns;
    out->has_deadline_ns = spec->has_deadline;
    out->deadline_ns = spec->deadline_ns;
    out->has_cause = spec->cause != NULL;
    out->cause = text_out(spec->cause);
}

enum sluice_status sluice_ctx_make_with(sluice *s, const struct sluice_make *how,
                                        const struct sluice_ctx_spec *spec, sluice_ctx *ret,
                                        struct sluice_made *ret_made)
{
    struct call c;
    Ref parent;
    Sluice__V1__Make make;
    Sluice__V1__ContextSpec out;
    struct sluice_ctx_spec p = SLUICE_CTX_SPEC_INIT;
    p.cancelable = spec == NULL;
    enum sluice_status status = options_take(&p, sizeof p, spec);
    if (status == SLUICE_OK)
        status = make_begin(&c, &make, how);
    if (status == SLUICE_OK && p.values_count > VALUES_MAX)
        status = error_text(SLUICE_LIMIT, "a context has at most 64 values of its own");
    if (status != SLUICE_OK)
        return status;
    spec_out(&c, &p, &out, &parent);
    struct entry_parts *parts = NULL;
    Sluice__V1__ContextEntry *pointers[VALUES_MAX];
    if (p.values_count > 0) {
        parts = calloc(p.values_count, sizeof *parts);
        status = parts == NULL ? error_status(SLUICE_NO_MEMORY) : values_out(&c, &p, parts, pointers);
        out.n_values = p.values_count;
        out.values = pointers;
    }
    if (status == SLUICE_OK)
        status = make_run(s, &c, SLUICE__V1__MAKE__SPEC_CONTEXT, &out, REF_OF(ret), ret_made);
    free(parts);
    return status;
}

static struct sluice_ctx_spec child_of(sluice_ctx parent)
{
    struct sluice_ctx_spec spec = SLUICE_CTX_SPEC_INIT;
    spec.has_parent = true;
    spec.parent = parent;
    return spec;
}

enum sluice_status sluice_ctx_background(sluice *s, sluice_ctx *ret)
{
    struct sluice_ctx_spec spec = SLUICE_CTX_SPEC_INIT;
    spec.background = true;
    return sluice_ctx_make_with(s, NULL, &spec, ret, NULL);
}

enum sluice_status sluice_ctx_todo(sluice *s, sluice_ctx *ret)
{
    struct sluice_ctx_spec spec = SLUICE_CTX_SPEC_INIT;
    spec.todo = true;
    return sluice_ctx_make_with(s, NULL, &spec, ret, NULL);
}

enum sluice_status sluice_ctx_with_cancel(sluice *s, sluice_ctx parent, sluice_ctx *ret)
{
    struct sluice_ctx_spec spec = child_of(parent);
    spec.cancelable = true;
    return sluice_ctx_make_with(s, NULL, &spec, ret, NULL);
}

enum sluice_status sluice_ctx_with_timeout(sluice *s, sluice_ctx parent, int64_t timeout_ns,
                                           const char *cause, sluice_ctx *ret)
{
    struct sluice_ctx_spec spec = child_of(parent);
    spec.has_timeout = true;
    spec.timeout_ns = timeout_ns;
    spec.cause = cause;
    return sluice_ctx_make_with(s, NULL, &spec, ret, NULL);
}

enum sluice_status sluice_ctx_with_deadline(sluice *s, sluice_ctx parent, int64_t deadline_ns,
                                            const char *cause, sluice_ctx *ret)
{
    struct sluice_ctx_spec spec = child_of(parent);
    spec.has_deadline = true;
    spec.deadline_ns = deadline_ns;
    spec.cause = cause;
    return sluice_ctx_make_with(s, NULL, &spec, ret, NULL);
}

enum sluice_status sluice_ctx_without_cancel(sluice *s, sluice_ctx parent, sluice_ctx *ret)
{
    struct sluice_ctx_spec spec = child_of(parent);
    spec.without_cancel = true;
    return sluice_ctx_make_with(s, NULL, &spec, ret, NULL);
}

enum sluice_status sluice_ctx_with_value(sluice *s, sluice_ctx parent, struct sluice_ctx_key key,
                                         struct sluice_value value, sluice_ctx *ret)
{
    struct sluice_ctx_entry entry = {key, value};
    struct sluice_ctx_spec spec = child_of(parent);
    spec.values = &entry;
    spec.values_count = 1;
    return sluice_ctx_make_with(s, NULL, &spec, ret, NULL);
}

enum sluice_status sluice_ctx_open(sluice *s, const char *name, uint32_t rights, sluice_ctx *ret)
{
    return sluice_open_ref(s, sluice_named(name), rights, SLUICE_KIND_CONTEXT, &ret->ref, NULL);
}

enum sluice_status sluice_ctx_cancel(sluice *s, sluice_ctx ctx, const char *cause)
{
    struct call c;
    Ref r;
    Sluice__V1__ContextCancel cancel = SLUICE__V1__CONTEXT_CANCEL__INIT;
    call_init(&c, SLUICE__V1__REQUEST__OP_CONTEXT_CANCEL);
    c.request.context_cancel = &cancel;
    cancel.ref = call_ref(&c, ctx.ref, &r);
    cancel.has_cause = cause != NULL;
    cancel.cause = text_out(cause);
    return run_plain(s, &c);
}

enum sluice_status sluice_ctx_wait(sluice *s, sluice_ctx ctx, const struct sluice_wait *wait)
{
    struct sluice_item item;
    enum sluice_status status = sluice_recv(s, sluice_chan_of(ctx.ref), wait, &item);
    if (status == SLUICE_OK)
        sluice_item_free(&item);
    return status == SLUICE_CLOSED ? SLUICE_OK : status;
}

/* ---- Asking. */

static enum sluice_status look(sluice *s, sluice_ctx ctx, struct sluice_description **ret)
{
    enum sluice_status status = sluice_describe(s, ctx.ref, ret);
    if (status == SLUICE_OK && (*ret)->kind != SLUICE_KIND_CONTEXT) {
        *ret = sluice_description_free(*ret);
        return error_status(SLUICE_WRONG_KIND);
    }
    return status;
}

/* A copy for the caller; NULL stays NULL. */
static enum sluice_status give_text(const char *text, char **ret)
{
    char *copy = text != NULL ? strdup(text) : NULL;
    if (text != NULL && copy == NULL)
        return error_status(SLUICE_NO_MEMORY);
    *ret = copy;
    return SLUICE_OK;
}

enum sluice_status sluice_ctx_err(sluice *s, sluice_ctx ctx, enum sluice_status *ret)
{
    struct sluice_description *d;
    enum sluice_status status = look(s, ctx, &d);
    if (status != SLUICE_OK)
        return status;
    *ret = d->context.error;
    sluice_description_free(d);
    return SLUICE_OK;
}

enum sluice_status sluice_ctx_cause(sluice *s, sluice_ctx ctx, char **ret)
{
    struct sluice_description *d;
    enum sluice_status status = look(s, ctx, &d);
    if (status != SLUICE_OK)
        return status;
    const char *cause = NULL;
    if (d->context.error != SLUICE_OK)
        cause = d->context.cause != NULL ? d->context.cause : sluice_strstatus(d->context.error);
    status = give_text(cause, ret);
    sluice_description_free(d);
    return status;
}

enum sluice_status sluice_ctx_string(sluice *s, sluice_ctx ctx, char **ret)
{
    struct sluice_description *d;
    enum sluice_status status = look(s, ctx, &d);
    if (status != SLUICE_OK)
        return status;
    status = give_text(d->context.string, ret);
    sluice_description_free(d);
    return status;
}

enum sluice_status sluice_ctx_deadline(sluice *s, sluice_ctx ctx, bool *ret_has, int64_t *ret_ns)
{
    struct sluice_description *d;
    enum sluice_status status = look(s, ctx, &d);
    if (status != SLUICE_OK)
        return status;
    *ret_has = d->context.has_deadline;
    if (ret_ns != NULL && d->context.has_deadline)
        *ret_ns = d->context.deadline_ns;
    sluice_description_free(d);
    return SLUICE_OK;
}

enum sluice_status sluice_ctx_value(sluice *s, sluice_ctx ctx, struct sluice_ctx_key key,
                                    struct sluice_item *ret)
{
    struct call c;
    Ref r;
    struct reply reply;
    Sluice__V1__ContextValue ask = SLUICE__V1__CONTEXT_VALUE__INIT;
    call_init(&c, SLUICE__V1__REQUEST__OP_CONTEXT_VALUE);
    c.request.context_value = &ask;
    ask.ref = call_ref(&c, ctx.ref, &r);
    ask.has_space = key.space != NULL;
    ask.space = text_out(key.space);
    ask.has_type = key.type != NULL;
    ask.type = text_out(key.type);
    ask.has_name = key.name != NULL;
    ask.name = text_out(key.name);
    enum sluice_status status = call_run(s, &c, &reply);
    if (status == SLUICE_OK)
        status = item_take(&c, &reply, ret);
    call_done(&c);
    return status;
}
