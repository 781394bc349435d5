/*
 * chan.c - channels: making, closing, sending, receiving, one value or a batch.
 *
 * Sending and receiving one value is what runs millions of times. Such a request is packed straight into the output, since
 * a bound of its size is known without walking it; nothing is allocated but a received value's memory.
 */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "future.h"
#include "item.h"
#include "object.h"

#define BATCH_MAX     65536
#define REQUEST_BOUND 128 /* all of a request but values and references */

const struct sluice_wait *sluice_no_wait(void)
{
    static const struct sluice_wait no_wait = {.timeout_ns = -1, .no_wait = true};
    return &no_wait;
}

/* ---- Making. */

enum sluice_status sluice_chan_make_with(sluice *s, const struct sluice_make *how,
                                         const struct sluice_chan_spec *spec, sluice_chan *ret,
                                         struct sluice_made *ret_made)
{
    struct call c;
    struct sluice_chan_spec p = SLUICE_CHAN_SPEC_INIT;
    Ref dead_letter;
    Sluice__V1__Make make;
    Sluice__V1__ChannelSpec channel = SLUICE__V1__CHANNEL_SPEC__INIT;
    enum sluice_status status = options_take(&p, sizeof p, spec);
    if (status == SLUICE_OK)
        status = make_begin(&c, &make, how);
    if (status != SLUICE_OK)
        return status;
    channel.has_cap = true;
    channel.cap = p.cap;
    channel.has_type = p.type != SLUICE_TYPE_NONE;
    channel.type = (Sluice__V1__Type)p.type;
    channel.has_deliveries_max = p.deliveries_max != 0;
    channel.deliveries_max = p.deliveries_max;
    channel.dead_letter = call_ref(&c, p.dead_letter.ref, &dead_letter);
    channel.has_fenced = channel.fenced = p.fenced;
    channel.has_ordered = channel.ordered = p.ordered;
    channel.has_message = p.message != NULL;
    if (p.message != NULL)
        channel.message = (ProtobufCBinaryData){strlen(p.message), (uint8_t *)p.message};
    channel.has_schema = p.schema.size > 0;
    channel.schema = (ProtobufCBinaryData){p.schema.size, (uint8_t *)p.schema.data};
    return make_run(s, &c, SLUICE__V1__MAKE__SPEC_CHANNEL, &channel, REF_OF(ret), ret_made);
}

enum sluice_status sluice_chan_make(sluice *s, const char *name, int64_t cap, sluice_chan *ret)
{
    struct sluice_make how = make_named(name);
    struct sluice_chan_spec spec = SLUICE_CHAN_SPEC_INIT;
    spec.cap = cap;
    return sluice_chan_make_with(s, &how, &spec, ret, NULL);
}

enum sluice_status sluice_chan_open(sluice *s, const char *name, uint32_t rights, sluice_chan *ret)
{
    return sluice_open_ref(s, sluice_named(name), rights, SLUICE_KIND_CHANNEL, &ret->ref, NULL);
}

enum sluice_status sluice_chan_dup(sluice *s, sluice_chan ch, uint32_t rights, sluice_chan *ret)
{
    return sluice_dup(s, ch.ref, rights, &ret->ref);
}

enum sluice_status sluice_chan_close(sluice *s, sluice_chan ch)
{
    return sluice_chan_close_fenced(s, ch, 0);
}

enum sluice_status sluice_chan_close_fenced(sluice *s, sluice_chan ch, uint64_t fence)
{
    struct call c;
    Ref r;
    Sluice__V1__Close close = SLUICE__V1__CLOSE__INIT;
    call_init(&c, SLUICE__V1__REQUEST__OP_CLOSE);
    c.request.close = &close;
    close.ref = call_ref(&c, ch.ref, &r);
    close.has_fence = fence != 0;
    close.fence = fence;
    return run_plain(s, &c);
}

/* One look at a channel; nil has nothing in it. */
static enum sluice_status look(sluice *s, sluice_chan ch, uint64_t *len, int64_t *cap)
{
    struct sluice_description *d;
    *len = 0;
    *cap = 0;
    if (sluice_is_nil(ch.ref))
        return SLUICE_OK;
    enum sluice_status status = sluice_describe(s, ch.ref, &d);
    if (status != SLUICE_OK)
        return status;
    if (d->kind == SLUICE_KIND_CONTEXT || d->kind == SLUICE_KIND_TRIGGER)
        status = error_status(SLUICE_WRONG_KIND);
    *len = d->channel.len;
    *cap = d->channel.cap;
    sluice_description_free(d);
    return status;
}

enum sluice_status sluice_chan_len(sluice *s, sluice_chan ch, uint64_t *ret)
{
    uint64_t len;
    int64_t cap;
    enum sluice_status status = look(s, ch, &len, &cap);
    if (status == SLUICE_OK)
        *ret = len;
    return status;
}

enum sluice_status sluice_chan_cap(sluice *s, sluice_chan ch, int64_t *ret)
{
    uint64_t len;
    int64_t cap;
    enum sluice_status status = look(s, ch, &len, &cap);
    if (status == SLUICE_OK)
        *ret = cap;
    return status;
}

/* The token that a send or receive carries; 0: none. */
static uint64_t fence_of(const struct sluice_wait *wait)
{
    return wait == NULL ? 0 : wait->fence;
}

/* ---- One value. */

struct send_parts {
    Sluice__V1__Send send;
    Ref ref;
    struct value_parts value;
};

static enum sluice_status build_send(struct call *c, struct send_parts *p, sluice_chan ch,
                                     const struct sluice_value *value, const struct sluice_wait *wait)
{
    call_init(c, SLUICE__V1__REQUEST__OP_SEND);
    call_wait(c, wait);
    sluice__v1__send__init(&p->send);
    c->request.send = &p->send;
    p->send.ref = call_ref(c, ch.ref, &p->ref);
    p->send.fence = fence_of(wait);
    p->send.has_fence = p->send.fence != 0;
    p->send.rank = wait == NULL ? 0 : wait->rank;
    p->send.has_rank = p->send.rank != 0;
    c->size_bound = REQUEST_BOUND + ref_bound(ch.ref) + value_bound(value);
    if (wait != NULL)
        c->size_bound += ref_bound(wait->ctx.ref);
    return value_out(c, value, &p->value, &p->send.value);
}

enum sluice_status sluice_send(sluice *s, sluice_chan ch, struct sluice_value value,
                               const struct sluice_wait *wait)
{
    struct call c;
    struct send_parts p;
    enum sluice_status status = build_send(&c, &p, ch, &value, wait);
    return status == SLUICE_OK ? run_plain(s, &c) : status;
}

enum sluice_status sluice_send_start(sluice *s, sluice_chan ch, struct sluice_value value,
                                     const struct sluice_wait *wait, sluice_future **ret)
{
    struct send_parts p;
    struct sluice_future *f = future_new(s);
    if (f == NULL)
        return SLUICE_NO_MEMORY;
    return future_start(f, build_send(&f->call, &p, ch, &value, wait), ret);
}

struct recv_parts {
    Sluice__V1__Recv recv;
    Ref ref;
};

static void build_recv(struct call *c, struct recv_parts *p, sluice_chan ch, int64_t lease_ns,
                       const struct sluice_wait *wait)
{
    call_init(c, SLUICE__V1__REQUEST__OP_RECV);
    call_wait(c, wait);
    sluice__v1__recv__init(&p->recv);
    c->request.recv = &p->recv;
    p->recv.ref = call_ref(c, ch.ref, &p->ref);
    p->recv.has_lease_ns = lease_ns != 0;
    p->recv.lease_ns = lease_ns;
    p->recv.fence = fence_of(wait);
    p->recv.has_fence = p->recv.fence != 0;
    c->size_bound = REQUEST_BOUND + ref_bound(ch.ref);
    if (wait != NULL)
        c->size_bound += ref_bound(wait->ctx.ref);
}

enum sluice_status sluice_recv_lease(sluice *s, sluice_chan ch, int64_t lease_ns,
                                     const struct sluice_wait *wait, struct sluice_item *ret)
{
    struct call c;
    struct recv_parts p;
    struct reply reply;
    build_recv(&c, &p, ch, lease_ns, wait);
    enum sluice_status status = call_run(s, &c, &reply);
    if (status == SLUICE_OK)
        status = item_take(&c, &reply, ret);
    call_done(&c);
    return status;
}

enum sluice_status sluice_recv(sluice *s, sluice_chan ch, const struct sluice_wait *wait,
                               struct sluice_item *ret)
{
    return sluice_recv_lease(s, ch, 0, wait, ret);
}

enum sluice_status sluice_recv_start(sluice *s, sluice_chan ch, int64_t lease_ns,
                                     const struct sluice_wait *wait, sluice_future **ret)
{
    struct recv_parts p;
    struct sluice_future *f = future_new(s);
    if (f == NULL)
        return SLUICE_NO_MEMORY;
    build_recv(&f->call, &p, ch, lease_ns, wait);
    return future_start(f, SLUICE_OK, ret);
}

/* ---- Batches. */

struct send_many_parts {
    Sluice__V1__SendMany send_many;
    Sluice__V1__Batch batch;
    Ref ref;
    void *values;  /* the array that batch points to */
    void *handles; /* and, of handles, what its elements point to */
    int64_t *ranks;
};

static void send_many_free(struct send_many_parts *p)
{
    free(p->ranks);
    free(p->values);
    free(p->handles);
}

/* An object's place in the arrays of a batch. */
struct handle_parts {
    Sluice__V1__HandleValue handle;
    Ref ref;
};

static enum sluice_status batch_handles(struct call *c, struct send_many_parts *p,
                                        const struct sluice_value *values, size_t count)
{
    Sluice__V1__HandleValue **pointers = calloc(count, sizeof *pointers);
    struct handle_parts *parts = calloc(count, sizeof *parts);
    p->values = pointers;
    p->handles = parts;
    if (pointers == NULL || parts == NULL)
        return error_status(SLUICE_NO_MEMORY);
    for (size_t i = 0; i < count; i++) {
        sluice__v1__handle_value__init(&parts[i].handle);
        parts[i].handle.ref = call_ref(c, values[i].object, &parts[i].ref);
        parts[i].handle.has_rights = values[i].rights != 0;
        parts[i].handle.rights = values[i].rights;
        pointers[i] = &parts[i].handle;
    }
    p->batch.n_handles = count;
    p->batch.handles = pointers;
    return SLUICE_OK;
}

/* The values as protobuf-c wants them: one array of the type's own kind. */
static enum sluice_status batch_out(struct call *c, struct send_many_parts *p,
                                    const struct sluice_value *values, size_t count)
{
    enum sluice_type type = count > 0 ? values[0].type : SLUICE_TYPE_BYTES;
    for (size_t i = 0; i < count; i++)
        if (values[i].type != type)
            return error_text(SLUICE_INVALID, "the values of a batch are of one type");
    if (type == SLUICE_TYPE_NONE || type > SLUICE_TYPE_HANDLE)
        return error_text(SLUICE_INVALID, "a value of no known type");
    p->batch.has_type = true;
    p->batch.type = (Sluice__V1__Type)type;
    if (count == 0)
        return SLUICE_OK;
    if (type == SLUICE_TYPE_HANDLE)
        return batch_handles(c, p, values, count);
    static_assert(sizeof(ProtobufCBinaryData) >= sizeof(int64_t), "one array serves all");
    p->values = malloc(count * (type == SLUICE_TYPE_INT64 || type == SLUICE_TYPE_DOUBLE
                                    ? sizeof(int64_t)
                                    : sizeof(ProtobufCBinaryData)));
    if (p->values == NULL)
        return error_status(SLUICE_NO_MEMORY);
    if (type == SLUICE_TYPE_INT64) {
        p->batch.n_integers = count;
        p->batch.integers = p->values;
        for (size_t i = 0; i < count; i++)
            p->batch.integers[i] = values[i].integer;
    } else if (type == SLUICE_TYPE_DOUBLE) {
        p->batch.n_reals = count;
        p->batch.reals = p->values;
        for (size_t i = 0; i < count; i++)
            p->batch.reals[i] = values[i].real;
    } else {
        p->batch.n_blobs = count;
        p->batch.blobs = p->values;
        for (size_t i = 0; i < count; i++)
            p->batch.blobs[i] = (ProtobufCBinaryData){values[i].bytes.size, (uint8_t *)values[i].bytes.data};
    }
    return SLUICE_OK;
}

static enum sluice_status batch_ranks(struct send_many_parts *p, size_t count, const struct sluice_wait *wait)
{
    if (count == 0 || wait == NULL || (wait->ranks == NULL && wait->rank == 0))
        return SLUICE_OK;
    p->ranks = malloc(count * sizeof *p->ranks);
    if (p->ranks == NULL)
        return error_status(SLUICE_NO_MEMORY);
    for (size_t i = 0; i < count; i++)
        p->ranks[i] = wait->ranks != NULL ? wait->ranks[i] : wait->rank;
    p->batch.n_ranks = count;
    p->batch.ranks = p->ranks;
    return SLUICE_OK;
}

/* Whatever it returns, send_many_free follows. */
static enum sluice_status build_send_many(struct call *c, struct send_many_parts *p, sluice_chan ch,
                                          const struct sluice_value *values, size_t count,
                                          const struct sluice_wait *wait)
{
    call_init(c, SLUICE__V1__REQUEST__OP_SEND_MANY);
    call_wait(c, wait);
    sluice__v1__send_many__init(&p->send_many);
    sluice__v1__batch__init(&p->batch);
    p->values = p->handles = NULL;
    p->ranks = NULL;
    c->request.send_many = &p->send_many;
    p->send_many.ref = call_ref(c, ch.ref, &p->ref);
    p->send_many.batch = &p->batch;
    p->send_many.fence = fence_of(wait);
    p->send_many.has_fence = p->send_many.fence != 0;
    enum sluice_status status = batch_ranks(p, count, wait);
    return status == SLUICE_OK ? batch_out(c, p, values, count) : status;
}

enum sluice_status sluice_send_many(sluice *s, sluice_chan ch, const struct sluice_value *values,
                                    size_t count, const struct sluice_wait *wait, size_t *ret_sent)
{
    struct call c;
    struct send_many_parts p;
    struct reply reply = {.count = 0};
    enum sluice_status status = build_send_many(&c, &p, ch, values, count, wait);
    if (status == SLUICE_OK) {
        status = call_run(s, &c, &reply);
        call_done(&c);
    }
    if (ret_sent != NULL)
        *ret_sent = (size_t)reply.count;
    send_many_free(&p);
    return status;
}

enum sluice_status sluice_send_many_start(sluice *s, sluice_chan ch, const struct sluice_value *values,
                                          size_t count, const struct sluice_wait *wait, sluice_future **ret)
{
    struct send_many_parts p;
    struct sluice_future *f = future_new(s);
    if (f == NULL)
        return SLUICE_NO_MEMORY;
    enum sluice_status status = build_send_many(&f->call, &p, ch, values, count, wait);
    status = future_start(f, status, ret);
    send_many_free(&p);
    return status;
}

struct recv_many_parts {
    Sluice__V1__RecvMany recv_many;
    Ref ref;
};

static enum sluice_status build_recv_many(struct call *c, struct recv_many_parts *p, sluice_chan ch,
                                          size_t max, int64_t lease_ns, const struct sluice_wait *wait)
{
    call_init(c, SLUICE__V1__REQUEST__OP_RECV_MANY);
    call_wait(c, wait);
    sluice__v1__recv_many__init(&p->recv_many);
    c->request.recv_many = &p->recv_many;
    p->recv_many.ref = call_ref(c, ch.ref, &p->ref);
    p->recv_many.has_max = max != 0;
    p->recv_many.max = (uint32_t)max;
    p->recv_many.has_lease_ns = lease_ns != 0;
    p->recv_many.lease_ns = lease_ns;
    p->recv_many.fence = fence_of(wait);
    p->recv_many.has_fence = p->recv_many.fence != 0;
    return max > BATCH_MAX ? error_text(SLUICE_INVALID, "a batch has at most 65536 items") : SLUICE_OK;
}

enum sluice_status sluice_recv_many(sluice *s, sluice_chan ch, size_t max, int64_t lease_ns,
                                    const struct sluice_wait *wait, struct sluice_batch *ret)
{
    struct call c;
    struct recv_many_parts p;
    struct reply reply;
    enum sluice_status status = build_recv_many(&c, &p, ch, max, lease_ns, wait);
    if (status != SLUICE_OK)
        return status;
    status = call_run(s, &c, &reply);
    if (status == SLUICE_OK)
        status = batch_take(&c, &reply, ret);
    call_done(&c);
    return status;
}

enum sluice_status sluice_recv_many_start(sluice *s, sluice_chan ch, size_t max, int64_t lease_ns,
                                          const struct sluice_wait *wait, sluice_future **ret)
{
    struct recv_many_parts p;
    struct sluice_future *f = future_new(s);
    if (f == NULL)
        return SLUICE_NO_MEMORY;
    return future_start(f, build_recv_many(&f->call, &p, ch, max, lease_ns, wait), ret);
}
