/*
 * codec.h - what the files of the wire share, and nobody else sees.
 *
 * Decoding runs in three stages: unpack.c gives the generated struct, decode.c reads the envelope, and one function an operation
 * (decode_NAME) turns its message into the op. The functions are called by X-macro from ops.def, so a row without one does not compile. Encoding runs through
 * a struct Sluice__V1__Reply that borrows everything, packed once into the room the front gives; the replies that run millions of
 * times are written by hand in pack.c.
 */
#ifndef WIRE_CODEC_H
#define WIRE_CODEC_H

#include <string.h>

#include "arena.h"
#include "sluice.pb-c.h"
#include "wire.h"

struct wire {
    struct limits limits;
    struct arena arena;   /* what wire_decode returned last */
    struct arena scratch; /* what is being encoded */
    char message[128];    /* a refusal's text that is made up */
};

/* One decoding: what it takes from, and why it was refused. */
struct decode {
    struct wire *w;
    struct wire_refusal refusal;
};

/* ---- Refusing. Each returns false, so that a decoder can return it. ---- */

bool refuse(struct decode *d, enum status status, const char *message);
bool refuse_limit(struct decode *d, enum status status, const char *name, uint64_t value, uint64_t use);
/* The bytes are at most max, else TOO_LARGE with the limit's name. */
bool check_size(struct decode *d, size_t size, uint64_t max, const char *limit);
/* Memory in the arena for an array, or NULL, refused with NO_MEMORY. count may be 0. */
void *take_array(struct decode *d, size_t count, size_t size);

/* ---- Nouns: decode_value.c ---- */

/* An absent message is nil. */
bool decode_ref(struct decode *d, const Sluice__V1__Ref *m, struct ref *ret);
bool decode_name(struct decode *d, const ProtobufCBinaryData *name, struct ref *ret);
/* An absent message, or one without a kind, gives VALUE_NONE. */
bool decode_value(struct decode *d, const Sluice__V1__Value *m, struct value *ret);
/* The same, but there must be one. */
bool decode_value_required(struct decode *d, const Sluice__V1__Value *m, struct value *ret);
/* Like decode_value, but no handle: fault says so. */
bool decode_plain(struct decode *d, const Sluice__V1__Value *m, const char *fault, struct value *ret);
/* Absent rights are 0, which stands for all there are. Present, they are a set that is not empty. */
bool decode_rights(struct decode *d, bool has, uint32_t rights, uint8_t *ret);
/* How long a lease is asked for; absent: 0. */
bool decode_lease(struct decode *d, bool has, int64_t lease_ns, int64_t *ret);
/* The values of a batch, in the arena, and their ranks, or NULL where it has none. */
bool decode_batch(struct decode *d, const Sluice__V1__Batch *m, const struct value **ret_values,
                  const int64_t **ret_ranks, uint32_t *ret_count);
/* A list of refs, in the arena. */
bool decode_refs(struct decode *d, Sluice__V1__Ref *const *list, size_t count, const struct ref **ret);
/* An absent cause is NULL. */
bool decode_cause(struct decode *d, bool has, const ProtobufCBinaryData *cause, struct bytes *ret);
/* A part of a context value's key. */
bool decode_key_part(struct decode *d, const ProtobufCBinaryData *part, struct bytes *ret);
/* A key of a flight, a limiter or a task, a function's name, a share's. An absent one is the empty one. */
bool decode_key(struct decode *d, const ProtobufCBinaryData *key, struct bytes *ret);
bool decode_kind(struct decode *d, Sluice__V1__Kind kind, enum kind_code *ret);
bool decode_type(struct decode *d, Sluice__V1__Type type, enum value_type *ret);

static inline struct bytes borrow(const ProtobufCBinaryData *b)
{
    return (struct bytes){b->data, b->len};
}

/* ---- Nouns of locks, counters and limiters: decode_lock.c, decode_limit.c ---- */

/* How long a grant is asked for; absent: 0, which stands for no limit. */
bool decode_ttl(struct decode *d, bool has, int64_t ttl_ns, int64_t *ret);
/* Absent permits are one. */
uint64_t decode_permits(bool has, uint64_t permits);
/* An absent condition is COMPARE_NONE. */
bool decode_condition(struct decode *d, const Sluice__V1__Condition *m, struct condition *ret);

/* What a holder says of itself: a value that is no handle, or none. */
bool decode_said(struct decode *d, const Sluice__V1__Value *m, struct value *ret);
bool decode_limiter_spec(struct decode *d, const Sluice__V1__LimiterSpec *m, struct make_op *ret);

/* ---- Nouns of actors and tasks: decode_actor.c, decode_task.c ---- */

/* What an actor is called with, answers or remembers: no handle. An absent one is VALUE_NONE. */
bool decode_told(struct decode *d, const Sluice__V1__Value *m, struct value *ret);
bool decode_actor_spec(struct decode *d, const Sluice__V1__ActorSpec *m, struct make_op *ret);
bool decode_pool_spec(struct decode *d, const Sluice__V1__PoolSpec *m, struct make_op *ret);
/* Always refuses. */
bool decode_task_spec(struct decode *d, const Sluice__V1__TaskSpec *m, struct make_op *ret);

/*
 * ---- Operations with more to them than a line: decode_channel.c, decode_make.c, decode_lock.c, decode_limit.c, decode_actor.c, decode_task.c,
 * decode_daemon.c ----
 */

bool decode_send(struct decode *d, const Sluice__V1__Send *m, struct wire_request *ret);
bool decode_recv(struct decode *d, const Sluice__V1__Recv *m, struct wire_request *ret);
bool decode_select(struct decode *d, const Sluice__V1__Select *m, struct wire_request *ret);
bool decode_send_many(struct decode *d, const Sluice__V1__SendMany *m, struct wire_request *ret);
bool decode_recv_many(struct decode *d, const Sluice__V1__RecvMany *m, struct wire_request *ret);
bool decode_ack(struct decode *d, const Sluice__V1__Ack *m, struct wire_request *ret);
bool decode_nack(struct decode *d, const Sluice__V1__Nack *m, struct wire_request *ret);
bool decode_extend(struct decode *d, const Sluice__V1__Extend *m, struct wire_request *ret);
bool decode_make(struct decode *d, const Sluice__V1__Make *m, struct wire_request *ret);
bool decode_lock(struct decode *d, const Sluice__V1__Lock *m, struct wire_request *ret);
bool decode_unlock(struct decode *d, const Sluice__V1__Unlock *m, struct wire_request *ret);
bool decode_acquire(struct decode *d, const Sluice__V1__Acquire *m, struct wire_request *ret);
bool decode_release(struct decode *d, const Sluice__V1__Release *m, struct wire_request *ret);
bool decode_adopt(struct decode *d, const Sluice__V1__Adopt *m, struct wire_request *ret);
bool decode_wait(struct decode *d, const Sluice__V1__Wait *m, struct wire_request *ret);
bool decode_add(struct decode *d, const Sluice__V1__Add *m, struct wire_request *ret);
bool decode_update(struct decode *d, const Sluice__V1__Update *m, struct wire_request *ret);
bool decode_exchange(struct decode *d, const Sluice__V1__Exchange *m, struct wire_request *ret);
bool decode_begin(struct decode *d, const Sluice__V1__Begin *m, struct wire_request *ret);
bool decode_end(struct decode *d, const Sluice__V1__End *m, struct wire_request *ret);
bool decode_acquire_all(struct decode *d, const Sluice__V1__AcquireAll *m, struct wire_request *ret);
bool decode_cond_wait(struct decode *d, const Sluice__V1__CondWait *m, struct wire_request *ret);
bool decode_signal(struct decode *d, const Sluice__V1__Signal *m, struct wire_request *ret);
bool decode_take(struct decode *d, const Sluice__V1__Take *m, struct wire_request *ret);
bool decode_reserve(struct decode *d, const Sluice__V1__Reserve *m, struct wire_request *ret);
bool decode_refund(struct decode *d, const Sluice__V1__Refund *m, struct wire_request *ret);
bool decode_tune(struct decode *d, const Sluice__V1__Tune *m, struct wire_request *ret);
bool decode_forget(struct decode *d, const Sluice__V1__Forget *m, struct wire_request *ret);
bool decode_call(struct decode *d, const Sluice__V1__Call *m, struct wire_request *ret);
bool decode_serve(struct decode *d, const Sluice__V1__Serve *m, struct wire_request *ret);
bool decode_reply(struct decode *d, const Sluice__V1__Respond *m, struct wire_request *ret);
bool decode_checkpoint(struct decode *d, const Sluice__V1__Checkpoint *m, struct wire_request *ret);
bool decode_go(struct decode *d, const Sluice__V1__Go *m, struct wire_request *ret);
bool decode_work(struct decode *d, const Sluice__V1__Work *m, struct wire_request *ret);
bool decode_pull(struct decode *d, const Sluice__V1__Pull *m, struct wire_request *ret);
bool decode_watch(struct decode *d, const Sluice__V1__Watch *m, struct wire_request *ret);
bool decode_kill(struct decode *d, const Sluice__V1__Kill *m, struct wire_request *ret);
bool decode_hello(struct decode *d, const Sluice__V1__Hello *m, struct wire_request *ret);
bool decode_list(struct decode *d, const Sluice__V1__List *m, struct wire_request *ret);
bool decode_dump(struct decode *d, const Sluice__V1__Dump *m, struct wire_request *ret);
bool decode_clock(struct decode *d, const Sluice__V1__Clock *m, struct wire_request *ret);

/* ---- Encoding ---- */

/* Pack a message into the room of out. */
void ship(const Sluice__V1__Reply *m, struct wire_out *out);
/* What ship does for a status alone: NO_MEMORY where the arena is out. */
void ship_status(enum status status, struct wire_out *out);

/* A reservation that is given does not say what remains. */
static inline bool quota_says_remaining(const struct reply *reply)
{
    return reply->op != OP_RESERVE || !reply->truth;
}

/* Write a reply that runs millions of times by hand. False: it is none of them, and nothing was written. */
bool pack_reply(const struct reply *reply, struct wire_out *out);
/* The same reply through the generated code. Any reply goes. */
void encode_reply(struct wire *w, const struct engine *e, const struct reply *reply,
                  const struct wire_world *world, struct wire_out *out);

/* The answers to questions, each ships one reply. */
void answer_describe(struct wire *w, const struct engine *e, const struct wire_request *req,
                     const struct wire_world *world, struct wire_out *out);
void answer_list(struct wire *w, const struct engine *e, const struct wire_request *req,
                 const struct wire_world *world, struct wire_out *out);
/* A parked request with its first arms. False: the arena is out. */
bool fill_dump_call(struct wire *w, const struct engine *e, const struct call *c, Sluice__V1__DumpCall *m);
/* The object of an arm, without its verb; o may be NULL. */
void fill_dump_object(const struct engine *e, const struct object *o, Sluice__V1__DumpArm *m);
void answer_deadlock(struct wire *w, const struct engine *e, const struct wire_request *req,
                     const struct wire_world *world, struct wire_out *out);
void answer_dump(struct wire *w, const struct engine *e, const struct wire_request *req,
                 const struct wire_world *world, struct wire_out *out);
void answer_status(struct wire *w, const struct engine *e, const struct wire_request *req,
                   const struct wire_world *world, struct wire_out *out);
void answer_reflect(struct wire *w, const struct engine *e, const struct wire_request *req,
                    const struct wire_world *world, struct wire_out *out);
void answer_clock(struct wire *w, const struct engine *e, const struct wire_request *req,
                  const struct wire_world *world, struct wire_out *out);

/* A page of LIST or DUMP ends when its rows take more bytes than this, so that any reply fits a frame. */
#define PAGE_SIZE_MAX ((size_t)1 << 20)

static inline struct bytes text_bytes(const char *s)
{
    return (struct bytes){s, s ? strlen(s) : 0};
}

/* Fill a message with a value that is no handle. */
void fill_value(const struct value *v, Sluice__V1__Value *m);

/* protobuf-c's structs have no const. Nobody writes through what is lent to them. */
static inline ProtobufCBinaryData lend(struct bytes b)
{
    return (ProtobufCBinaryData){.len = b.size, .data = (uint8_t *)b.data};
}

#endif
