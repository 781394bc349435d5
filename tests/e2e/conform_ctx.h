/*
 * conform_ctx.h - short words for contexts, for the conformance cases of part C and the deaths of owners.
 *
 * All work on the test's own session. A context made here is anonymous; one that other sessions must name is made with named_ctx. Texts
 * are kept in the library's thread, so that comparing two takes a copy.
 */
#ifndef E2E_CONFORM_CTX_H
#define E2E_CONFORM_CTX_H

#include "conform.h"

static inline sluice_ctx background(void)
{
    sluice_ctx c;
    is(sluice_ctx_background(me, &c), SLUICE_OK);
    return c;
}

static inline sluice_ctx with_cancel(sluice_ctx parent)
{
    sluice_ctx c;
    is(sluice_ctx_with_cancel(me, parent, &c), SLUICE_OK);
    return c;
}

static inline sluice_ctx with_timeout(sluice_ctx parent, int64_t timeout_ns, const char *cause)
{
    sluice_ctx c;
    is(sluice_ctx_with_timeout(me, parent, timeout_ns, cause, &c), SLUICE_OK);
    return c;
}

static inline sluice_ctx without_cancel(sluice_ctx parent)
{
    sluice_ctx c;
    is(sluice_ctx_without_cancel(me, parent, &c), SLUICE_OK);
    return c;
}

static inline struct sluice_ctx_key key(const char *type, const char *name)
{
    return (struct sluice_ctx_key){"conform", type, name};
}

static inline sluice_ctx with_value(sluice_ctx parent, const char *type, const char *name, int64_t value)
{
    sluice_ctx c;
    is(sluice_ctx_with_value(me, parent, key(type, name), sluice_int(value), &c), SLUICE_OK);
    return c;
}

/* The value, or -1 when there is none. */
static inline int64_t value_of(sluice_ctx c, const char *type, const char *name)
{
    struct sluice_item item;
    is(sluice_ctx_value(me, c, key(type, name), &item), SLUICE_OK);
    int64_t value = item.value.type == SLUICE_TYPE_INT64 ? item.value.integer : -1;
    sluice_item_free(&item);
    return value;
}

static inline void cancel(sluice_ctx c, const char *cause)
{
    is(sluice_ctx_cancel(me, c, cause), SLUICE_OK);
}

static inline enum sluice_status err_of(sluice_ctx c)
{
    enum sluice_status status;
    is(sluice_ctx_err(me, c, &status), SLUICE_OK);
    return status;
}

/* Is Done ready? */
static inline bool done(sluice_ctx c)
{
    return sluice_ctx_wait(me, c, sluice_no_wait()) == SLUICE_OK;
}

static inline uint64_t children(sluice_ctx c)
{
    struct sluice_description *d;
    is(sluice_describe(me, c.ref, &d), SLUICE_OK);
    uint64_t n = d->context.children;
    sluice_description_free(d);
    return n;
}

/* Err and Cause are these; expected NULL: no cause, since it is alive. */
static inline void ended(sluice_ctx c, enum sluice_status error, const char *cause)
{
    char *text = NULL;
    is(err_of(c), error);
    assert_int_equal(done(c), error != SLUICE_OK);
    is(sluice_ctx_cause(me, c, &text), SLUICE_OK);
    if (cause)
        assert_string_equal(text ? text : "(none)", cause);
    else
        assert_null(text);
    sluice_free(text);
}
#define alive(c)    ended((c), SLUICE_OK, NULL)
#define canceled(c) ended((c), SLUICE_CANCELED, "context canceled")
#define expired(c)  ended((c), SLUICE_DEADLINE_EXCEEDED, "context deadline exceeded")

/* A cancelable context under a name of its own. */
static inline const char *named_ctx(bool has_parent, sluice_ctx parent)
{
    struct sluice_make how = SLUICE_MAKE_INIT;
    struct sluice_ctx_spec spec = SLUICE_CTX_SPEC_INIT;
    sluice_ctx made;
    how.name = fresh("x");
    how.exclusive = true;
    spec.cancelable = true;
    spec.has_parent = has_parent;
    spec.parent = parent;
    is(sluice_ctx_make_with(me, &how, &spec, &made, NULL), SLUICE_OK);
    return how.name;
}

#endif
