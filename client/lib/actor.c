/*
 * actor.c - a state that one session owns, and that others reach by calls.
 *
 * Owning is the right to run, as of a once, whose grant comes with a state; giving up is its end. The queue of calls, and what becomes of them when an owner
 * dies, is the daemon's.
 */
#include "begin.h"
#include "error.h"
#include "future.h"
#include "item.h"
#include "job.h"
#include "object.h"

enum sluice_status sluice_actor_make_with(sluice *s, const struct sluice_make *how,
                                          const struct sluice_actor_spec *spec, sluice_actor *ret,
                                          struct sluice_made *ret_made)
{
    struct sluice_actor_spec p = SLUICE_ACTOR_SPEC_INIT;
    Sluice__V1__ActorSpec actor = SLUICE__V1__ACTOR_SPEC__INIT;
    enum sluice_status status = options_take(&p, sizeof p, spec);
    if (status != SLUICE_OK)
        return status;
    actor.has_fail = actor.fail = p.fail;
    return make_object(s, how, SLUICE__V1__MAKE__SPEC_ACTOR, &actor, REF_OF(ret), ret_made);
}

enum sluice_status sluice_actor_make(sluice *s, const char *name, sluice_actor *ret)
{
    struct sluice_make how = make_named(name);
    return sluice_actor_make_with(s, &how, NULL, ret, NULL);
}

enum sluice_status sluice_actor_open(sluice *s, const char *name, uint32_t rights, sluice_actor *ret)
{
    return sluice_open_ref(s, sluice_named(name), rights, SLUICE_KIND_ACTOR, &ret->ref, NULL);
}

/* ---- Owning. */

enum sluice_status sluice_actor_own(sluice *s, sluice_actor actor, int64_t ttl_ns,
                                    const struct sluice_wait *wait, struct sluice_owner *ret)
{
    struct call c;
    struct begin_parts p;
    struct reply reply;
    struct sluice_item item;
    build_begin(&c, &p, actor.ref, NULL, ttl_ns, wait);
    enum sluice_status status = call_run(s, &c, &reply);
    if (status == SLUICE_OK && reply.result_tag != SLUICE__V1__REPLY__RESULT_LEADER)
        status = unreadable();
    if (status == SLUICE_OK)
        status = item_take(&c, &reply, &item);
    if (status == SLUICE_OK)
        *ret = (struct sluice_owner){
            .token = reply.grant.token,
            .owner_died = reply.grant.owner_died,
            .epoch = reply.epoch,
            .item = item,
        };
    call_done(&c);
    return status;
}

enum sluice_status sluice_actor_own_start(sluice *s, sluice_actor actor, int64_t ttl_ns,
                                          const struct sluice_wait *wait, sluice_future **ret)
{
    return start_begin(s, actor.ref, NULL, ttl_ns, wait, ret);
}

enum sluice_status sluice_actor_resign(sluice *s, sluice_actor actor, uint64_t token,
                                       struct sluice_value checkpoint)
{
    return run_end(s, actor.ref, token, false, &checkpoint, NULL);
}

struct checkpoint_parts {
    Sluice__V1__Checkpoint checkpoint;
    Ref ref;
    struct value_parts value;
};

static enum sluice_status build_checkpoint(struct call *c, struct checkpoint_parts *p, sluice_actor actor,
                                           uint64_t token, const struct sluice_value *checkpoint)
{
    call_init(c, SLUICE__V1__REQUEST__OP_CHECKPOINT);
    sluice__v1__checkpoint__init(&p->checkpoint);
    c->request.checkpoint = &p->checkpoint;
    p->checkpoint.ref = call_ref(c, actor.ref, &p->ref);
    p->checkpoint.has_token = true;
    p->checkpoint.token = token;
    return value_out(c, checkpoint, &p->value, &p->checkpoint.value);
}

enum sluice_status sluice_actor_checkpoint(sluice *s, sluice_actor actor, uint64_t token,
                                           struct sluice_value checkpoint)
{
    struct call c;
    struct checkpoint_parts p;
    enum sluice_status status = build_checkpoint(&c, &p, actor, token, &checkpoint);
    return status == SLUICE_OK ? run_plain(s, &c) : status;
}

enum sluice_status sluice_actor_checkpoint_start(sluice *s, sluice_actor actor, uint64_t token,
                                                 struct sluice_value checkpoint, sluice_future **ret)
{
    struct checkpoint_parts p;
    struct sluice_future *f = future_new(s);
    if (f == NULL)
        return SLUICE_NO_MEMORY;
    return future_start(f, build_checkpoint(&f->call, &p, actor, token, &checkpoint), ret);
}

/* ---- Calling. */

struct call_parts {
    Sluice__V1__Call call;
    Ref ref;
    struct value_parts value;
};

static enum sluice_status build_call(struct call *c, struct call_parts *p, sluice_actor actor,
                                     const struct sluice_value *value, const struct sluice_wait *wait)
{
    call_init(c, SLUICE__V1__REQUEST__OP_CALL);
    call_wait(c, wait);
    sluice__v1__call__init(&p->call);
    c->request.call = &p->call;
    p->call.ref = call_ref(c, actor.ref, &p->ref);
    return value_out(c, value, &p->value, &p->call.value);
}

enum sluice_status sluice_actor_call(sluice *s, sluice_actor actor, struct sluice_value value,
                                     const struct sluice_wait *wait, struct sluice_outcome *ret)
{
    struct call c;
    struct call_parts p;
    enum sluice_status status = build_call(&c, &p, actor, &value, wait);
    return status == SLUICE_OK ? run_outcome(s, &c, NULL, ret) : status;
}

enum sluice_status sluice_actor_call_start(sluice *s, sluice_actor actor, struct sluice_value value,
                                           const struct sluice_wait *wait, sluice_future **ret)
{
    struct call_parts p;
    struct sluice_future *f = future_new(s);
    if (f == NULL)
        return SLUICE_NO_MEMORY;
    return future_start(f, build_call(&f->call, &p, actor, &value, wait), ret);
}

/* ---- Serving. */

struct serve_parts {
    Sluice__V1__Serve serve;
    Ref ref;
};

static void build_serve(struct call *c, struct serve_parts *p, sluice_actor actor, uint64_t token,
                        const struct sluice_wait *wait)
{
    call_init(c, SLUICE__V1__REQUEST__OP_SERVE);
    call_wait(c, wait);
    sluice__v1__serve__init(&p->serve);
    c->request.serve = &p->serve;
    p->serve.ref = call_ref(c, actor.ref, &p->ref);
    p->serve.has_token = true;
    p->serve.token = token;
}

enum sluice_status sluice_actor_serve(sluice *s, sluice_actor actor, uint64_t token,
                                      const struct sluice_wait *wait, struct sluice_job *ret)
{
    struct call c;
    struct serve_parts p;
    build_serve(&c, &p, actor, token, wait);
    return run_job(s, &c, ret);
}

enum sluice_status sluice_actor_serve_start(sluice *s, sluice_actor actor, uint64_t token,
                                            const struct sluice_wait *wait, sluice_future **ret)
{
    struct serve_parts p;
    struct sluice_future *f = future_new(s);
    if (f == NULL)
        return SLUICE_NO_MEMORY;
    build_serve(&f->call, &p, actor, token, wait);
    return future_start(f, SLUICE_OK, ret);
}

struct respond_parts {
    Sluice__V1__Respond respond;
    Ref ref;
    struct value_parts value;
};

static enum sluice_status build_respond(struct call *c, struct respond_parts *p, sluice_actor actor,
                                        uint64_t token, uint64_t number, bool failed,
                                        const struct sluice_value *value)
{
    call_init(c, SLUICE__V1__REQUEST__OP_REPLY);
    sluice__v1__respond__init(&p->respond);
    c->request.reply = &p->respond;
    p->respond.ref = call_ref(c, actor.ref, &p->ref);
    p->respond.has_token = p->respond.has_number = true;
    p->respond.token = token;
    p->respond.number = number;
    p->respond.has_failed = p->respond.failed = failed;
    return value_out(c, value, &p->value, &p->respond.value);
}

enum sluice_status sluice_actor_reply(sluice *s, sluice_actor actor, uint64_t token, uint64_t number,
                                      bool failed, struct sluice_value value, bool *ret_taken)
{
    struct call c;
    struct respond_parts p;
    enum sluice_status status = build_respond(&c, &p, actor, token, number, failed, &value);
    return status == SLUICE_OK ? run_truth(s, &c, ret_taken) : status;
}

enum sluice_status sluice_actor_reply_start(sluice *s, sluice_actor actor, uint64_t token, uint64_t number,
                                            bool failed, struct sluice_value value, sluice_future **ret)
{
    struct respond_parts p;
    struct sluice_future *f = future_new(s);
    if (f == NULL)
        return SLUICE_NO_MEMORY;
    return future_start(f, build_respond(&f->call, &p, actor, token, number, failed, &value), ret);
}
