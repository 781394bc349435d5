/*
 * object.c - making, opening, duplicating, dropping and removing objects of any kind.
 *
 * A reference by name needs no opening; a handle is a number in the session's table together with the number of that
 * session. Dropping what is no handle is nothing, so that cleaning up needs no questions.
 */
#include "object.h"

#include <string.h>

#include "error.h"

enum sluice_status options_take(void *to, size_t to_size, const void *given)
{
    size_t size;
    if (given == NULL)
        return SLUICE_OK;
    memcpy(&size, given, sizeof size);
    if (size < sizeof size || size > to_size)
        return error_text(SLUICE_INVALID, "a structure of options has no valid size: start from its _INIT");
    memcpy(to, given, size);
    return SLUICE_OK;
}

struct sluice_make make_named(const char *name)
{
    struct sluice_make how = SLUICE_MAKE_INIT;
    how.name = name;
    return how;
}

enum sluice_status make_begin(struct call *c, Sluice__V1__Make *make, const struct sluice_make *how)
{
    struct sluice_make h = SLUICE_MAKE_INIT;
    enum sluice_status status = options_take(&h, sizeof h, how);
    if (status != SLUICE_OK)
        return status;
    call_init(c, SLUICE__V1__REQUEST__OP_MAKE);
    c->request.make = make;
    sluice__v1__make__init(make);
    make->has_name = h.name != NULL;
    if (h.name != NULL)
        make->name = (ProtobufCBinaryData){strlen(h.name), (uint8_t *)h.name};
    make->has_exclusive = make->exclusive = h.exclusive;
    make->has_rights = h.rights != 0;
    make->rights = h.rights;
    make->has_lifetime = h.lifetime != SLUICE_OWNED;
    make->lifetime = (Sluice__V1__Lifetime)h.lifetime;
    make->has_for_pid = h.for_pid != 0;
    make->for_pid = h.for_pid;
    return SLUICE_OK;
}

/* A call whose reply is a Made. */
static enum sluice_status run_made(sluice *s, struct call *c, sluice_ref *ret, struct sluice_made *ret_made)
{
    struct reply reply;
    enum sluice_status status = call_run(s, c, &reply);
    if (status == SLUICE_OK) {
        Sluice__V1__Made *made = sluice__v1__made__unpack(NULL, reply.result.size, reply.result.data);
        if (made == NULL || reply.result_tag != SLUICE__V1__REPLY__RESULT_MADE) {
            status = error_text(SLUICE_INTERNAL, "the daemon's reply cannot be read");
        } else {
            if (ret != NULL)
                *ret = (sluice_ref){.handle = made->handle, .session = c->session, .task = made->number};
            if (ret_made != NULL)
                *ret_made = (struct sluice_made){
                    .created = made->created,
                    .kind = (enum sluice_kind)made->kind,
                    .type = (enum sluice_type)made->type,
                    .cap = made->cap,
                    .rights = made->rights,
                };
        }
        if (made != NULL)
            sluice__v1__made__free_unpacked(made, NULL);
    }
    call_done(c);
    return status;
}

enum sluice_status make_run(sluice *s, struct call *c, Sluice__V1__Make__SpecCase which, void *spec,
                            sluice_ref *ret, struct sluice_made *ret_made)
{
    Sluice__V1__Make *make = c->request.make;
    make->spec_case = which;
    make->channel = spec; /* which shares its place with the other kinds' */
    return run_made(s, c, ret, ret_made);
}

enum sluice_status make_object(sluice *s, const struct sluice_make *how, Sluice__V1__Make__SpecCase which,
                               void *spec, sluice_ref *ret, struct sluice_made *ret_made)
{
    struct call c;
    Sluice__V1__Make make;
    enum sluice_status status = make_begin(&c, &make, how);
    return status == SLUICE_OK ? make_run(s, &c, which, spec, ret, ret_made) : status;
}

enum sluice_status run_plain(sluice *s, struct call *c)
{
    struct reply reply;
    enum sluice_status status = call_run(s, c, &reply);
    call_done(c);
    return status;
}

enum sluice_status run_truth(sluice *s, struct call *c, bool *ret)
{
    struct reply reply;
    enum sluice_status status = call_run(s, c, &reply);
    if (status == SLUICE_OK && ret != NULL)
        *ret = reply.truth;
    call_done(c);
    return status;
}

enum sluice_status run_count(sluice *s, struct call *c, uint64_t *ret)
{
    struct reply reply;
    enum sluice_status status = call_run(s, c, &reply);
    if (status == SLUICE_OK && ret != NULL)
        *ret = reply.count;
    call_done(c);
    return status;
}

enum sluice_status sluice_open_ref(sluice *s, sluice_ref ref, uint32_t rights, enum sluice_kind kind,
                                   sluice_ref *ret, struct sluice_made *ret_made)
{
    struct call c;
    Ref r;
    Sluice__V1__Open open = SLUICE__V1__OPEN__INIT;
    call_init(&c, SLUICE__V1__REQUEST__OP_OPEN);
    c.request.open = &open;
    open.ref = call_ref(&c, ref, &r);
    open.has_rights = rights != 0;
    open.rights = rights;
    open.has_kind = kind != SLUICE_KIND_NONE;
    open.kind = (Sluice__V1__Kind)kind;
    return run_made(s, &c, ret, ret_made);
}

enum sluice_status sluice_dup(sluice *s, sluice_ref ref, uint32_t rights, sluice_ref *ret)
{
    struct call c;
    Ref r;
    Sluice__V1__Dup dup = SLUICE__V1__DUP__INIT;
    call_init(&c, SLUICE__V1__REQUEST__OP_DUP);
    c.request.dup = &dup;
    dup.ref = call_ref(&c, ref, &r);
    dup.has_rights = rights != 0;
    dup.rights = rights;
    return run_made(s, &c, ret, NULL);
}

enum sluice_status sluice_drop(sluice *s, sluice_ref ref)
{
    struct call c;
    Ref r;
    Sluice__V1__Drop drop = SLUICE__V1__DROP__INIT;
    if (ref.handle == 0)
        return SLUICE_OK;
    call_init(&c, SLUICE__V1__REQUEST__OP_DROP);
    c.request.drop = &drop;
    call_ref(&c, ref, &r); /* for the check of its session */
    drop.has_handle = true;
    drop.handle = ref.handle;
    return run_plain(s, &c);
}

enum sluice_status sluice_remove(sluice *s, sluice_ref ref)
{
    struct call c;
    Ref r;
    Sluice__V1__Remove remove = SLUICE__V1__REMOVE__INIT;
    call_init(&c, SLUICE__V1__REQUEST__OP_REMOVE);
    c.request.remove = &remove;
    remove.ref = call_ref(&c, ref, &r);
    return run_plain(s, &c);
}
