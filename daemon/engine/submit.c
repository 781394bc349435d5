/*
 * submit.c - what a task is made of: GO.
 *
 * All that a task will ever need is taken when it is prepared - its place in a lane, its deadline, its share, its links to the tasks before
 * it, the wait for its context - so that entering it, once the pool has room, cannot fail.
 */
#include <string.h>

#include "call.h"
#include "case.h"
#include "context.h"
#include "handlers.h"
#include "item.h"
#include "keys.h"
#include "session.h"
#include "state.h"
#include "task.h"
#include "text.h"
#include "wait.h"

/* ---- Numbers and keys ---- */

enum { TASK_NAME_SIZE = 1 + 2 * sizeof(uint64_t) };

/* A task's name: what no client can write, and no key has, since no definition's serial is 0. */
static void task_name(uint64_t number, char name[TASK_NAME_SIZE])
{
    memset(name, 0, TASK_NAME_SIZE - sizeof number);
    memcpy(name + TASK_NAME_SIZE - sizeof number, &number, sizeof number);
}

struct object *task_by_number(const struct engine *e, uint64_t number)
{
    char name[TASK_NAME_SIZE];
    task_name(number, name);
    return object_by_name(e, name, sizeof name);
}

uint64_t task_key_hash(const struct engine *e, const struct task *t)
{
    return hash_bytes(&e->task_keys, t->key->data, t->key->size) ^ t->pool->object.serial;
}

static bool task_key_equal(const struct hash_node *node, const void *key)
{
    const struct task *t = container_of(node, struct task, by_key), *like = key;
    return t->pool == like->pool && t->key->size == like->key->size &&
           memcmp(t->key->data, like->key->data, t->key->size) == 0;
}

struct task *task_twin(const struct engine *e, const struct task *t)
{
    if (!t->key)
        return NULL;
    struct hash_node *node = hash_find(&e->task_keys, task_key_hash(e, t), task_key_equal, t);
    return node ? container_of(node, struct task, by_key) : NULL;
}

/* ---- After others ---- */

void task_follow(struct task *t, struct dependency *d)
{
    struct task *before = d->before;
    if (before->state == TASK_DEAD) {
        t->doomed |= before->failed;
        return;
    }
    t->before++;
    list_push_back(&before->dependents, &d->link);
}

void task_unfollow(struct engine *e, struct task *t)
{
    for (uint32_t i = 0; i < t->after_count; i++) {
        if (list_linked(&t->after[i].link))
            list_remove(&t->after[i].link);
        object_unref(e, &t->after[i].before->object);
    }
    mem_free(&e->mem, t->after, t->after_count * sizeof *t->after);
    t->after = NULL;
    t->after_count = 0;
}

static enum status task_take_after(struct engine *e, struct session *s, struct task *t,
                                   const struct go_spec *spec)
{
    if (spec->after_count == 0)
        return STATUS_OK;
    t->after = mem_alloc(&e->mem, spec->after_count * sizeof *t->after);
    if (!t->after)
        return STATUS_NO_MEMORY;
    enum status st = STATUS_OK;
    uint32_t i = 0;
    for (struct object *o; i < spec->after_count && st == STATUS_OK; i += st == STATUS_OK) {
        st = object_expect(e, s, &spec->after[i], KIND_TASK, RIGHT_RECV, &o);
        if (st != STATUS_OK)
            break;
        t->after[i] = (struct dependency){.task = t, .before = task_of(o)};
        object_ref(o);
    }
    t->after_count = i;
    if (st == STATUS_OK)
        return st;
    size_t size = spec->after_count * sizeof *t->after;
    for (uint32_t k = 0; k < i; k++)
        object_unref(e, &t->after[k].before->object);
    mem_free(&e->mem, t->after, size);
    t->after = NULL;
    t->after_count = 0;
    return st;
}

/* ---- The context ---- */

/* The engine's own call that will wait for the context to end. It refers to the task while it waits. */
static enum status task_take_leash(struct engine *e, struct session *s, struct task *t, const struct ref *ref)
{
    struct object *o;
    if (!ref->handle && !ref->name_size)
        return STATUS_OK;
    enum status st = object_expect(e, s, ref, KIND_CONTEXT, RIGHT_RECV, &o);
    if (st != STATUS_OK)
        return st;
    t->leash = call_new_own(e);
    if (!t->leash)
        return STATUS_NO_MEMORY;
    t->leash->source = &t->object;
    object_ref(t->leash->source);
    t->leash_context = context_of(o);
    object_ref(o);
    wait_case(t->leash, 0, ARM_RECV, o);
    return STATUS_OK;
}

/* ---- Preparing ---- */

static void task_init(struct engine *e, struct task *t, struct pool *p, const struct go_spec *spec)
{
    holds_init(&t->holds);
    list_init(&t->dependents);
    list_init(&t->joiners);
    list_init(&t->waits);
    list_init(&t->ears);
    list_init(&t->replies);
    t->object.kind = KIND_TASK;
    t->object.refs = 1;
    t->pool = p;
    object_ref(&p->object);
    t->priority = spec->priority;
    t->retries = spec->retries;
    t->backoff_ns = spec->backoff_ns > 0 ? spec->backoff_ns : 0;
    t->run_ns = spec->run_ns > 0 ? spec->run_ns : 0;
    t->keep_ns = spec->keep_ns > 0 ? spec->keep_ns : TASK_KEEP_NS;
    t->due_delay_ns = engine_after(e, spec->delay_ns);
    t->due_within_ns = spec->within_ns > 0 ? engine_after(e, spec->within_ns) : NEVER_NS;
    t->due_attempt_ns = t->due_keep_ns = NEVER_NS;
    t->since_ns = e->now_ns;
    t->state = TASK_BLOCKED;
}

/* Why a task cannot be as asked; NULL: it can. */
static const char *go_fault(const struct pool *p, const struct go_spec *spec)
{
    if (spec->priority < -PRIORITY_MAX || spec->priority > PRIORITY_MAX)
        return "a priority lies between -1000 and 1000";
    if (spec->value.type == VALUE_HANDLE)
        return "a task is not called with a handle";
    if (p->closed || list_empty(&p->workers))
        return NULL;
    const struct lane *l = lane_find(p, spec->function);
    if (l && l->workers > 0)
        return NULL;
    return spec->function.size ? "no worker of the pool serves this function"
                               : "no worker of the pool runs commands";
}

static struct bytes go_share(const struct session *s, const struct go_spec *spec, uint64_t *buf)
{
    *buf = s->number;
    return spec->share.size ? spec->share : (struct bytes){buf, sizeof *buf};
}

enum status task_prepare(struct engine *e, struct session *s, struct pool *p, const struct go_spec *spec,
                         struct task **ret, struct make_error *error)
{
    uint64_t session;
    if ((error->message = go_fault(p, spec)))
        return STATUS_INVALID;
    if (e->stats.objects >= e->limits.objects_max) {
        error->limit = (struct limit_hit){"objects_max", e->limits.objects_max, e->stats.objects + 1};
        return STATUS_LIMIT;
    }
    struct task *t = mem_alloc(&e->mem, sizeof *t);
    if (!t)
        return STATUS_NO_MEMORY;
    task_init(e, t, p, spec);
    enum status st = STATUS_NO_MEMORY;
    if ((t->promised = heap_reserve(&e->deadlines, 1)) &&
        (t->object.name = mem_alloc_raw(&e->mem, TASK_NAME_SIZE)) &&
        (t->lane = lane_get(e, p, spec->function)) && (t->placed = heap_reserve(&t->lane->queue, 1)) &&
        (t->share = share_get(e, p, spec->priority, go_share(s, spec, &session))) &&
        (spec->key.size == 0 || (t->key = text_new(&e->mem, spec->key))))
        st = STATUS_OK;
    if (t->object.name) {
        t->object.name_size = TASK_NAME_SIZE;
        task_name(0, t->object.name);
    }
    if (st == STATUS_OK && spec->value.type != VALUE_NONE)
        st = item_new(e, s, &spec->value, &t->value);
    if (st == STATUS_OK)
        st = task_take_after(e, s, t, spec);
    if (st == STATUS_OK)
        st = task_take_leash(e, s, t, &spec->context);
    if (st == STATUS_OK)
        *ret = t;
    else
        task_discard(e, t);
    return st;
}

/* What a task holds, whether it was ever entered or not. */
void task_drop(struct engine *e, struct task *t)
{
    task_unfollow(e, t);
    if (t->leash)
        call_free(e, t->leash); /* never started */
    if (t->leash_context)
        object_unref(e, &t->leash_context->object);
    if (t->share)
        share_put(e, t->share);
    if (t->placed)
        heap_release(&t->lane->queue, 1);
    if (t->lane)
        lane_put(e, t->lane);
    if (t->promised)
        heap_release(&e->deadlines, 1);
    if (t->value)
        item_unref(e, t->value);
    if (t->outcome)
        item_unref(e, t->outcome);
    text_unref(&e->mem, t->key);
    text_unref(&e->mem, t->cause);
    if (t->pool)
        object_unref(e, &t->pool->object);
}

void task_discard(struct engine *e, struct task *t)
{
    if (!t)
        return;
    task_drop(e, t);
    mem_free(&e->mem, t->object.name, t->object.name_size);
    mem_free(&e->mem, t, sizeof *t);
}

void op_go(struct engine *e, struct session *s, const struct op *op)
{
    struct object *o;
    enum status st = object_expect(e, s, &op->go.ref, KIND_POOL, RIGHT_SEND, &o);
    if (st != STATUS_OK) {
        call_refuse(e, NULL, op, st, NULL);
        return;
    }
    struct call *c = call_new(e, s, op, 1, 0);
    if (!c)
        return;
    if (!op->go.spec.bare && !session_promise_handles(e, s, 1)) {
        session_refuse_handle(e, s, c, op);
        return;
    }
    c->promised = !op->go.spec.bare;
    struct arm *a = wait_case(c, 0, ARM_GO, o);
    struct make_error error = {0};
    st = task_prepare(e, s, pool_of(o), &op->go.spec, &a->task, &error);
    struct case_error err = {.status = st, .message = error.message, .limit = error.limit};
    if (st == STATUS_OK)
        wait_start(e, c, op, UINT32_MAX);
    else
        case_refuse(e, c, op, &err);
}
