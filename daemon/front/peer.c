/*
 * peer.c - see peer.h.
 *
 * Slots that become free are used again in the order in which they did, so that a generation comes round only after many
 * thousands of connections. Should it come round while a reply is still on its way, the reply's session differs from that of the new
 * peer and the reply is taken for lost (front.c).
 */
#include "peer.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SLOT_NONE = UINT32_MAX, GENERATION_MAX = (1 << (32 - PEER_INDEX_BITS)) - 1 };

struct slot {
    struct peer *peer;   /* NULL: free */
    uint32_t generation; /* of the peer, or of the next one; 1..GENERATION_MAX */
    uint32_t next_free;
};

struct uid_use {
    uint32_t uid, count;
};

struct peers {
    struct slot *slots;
    uint32_t slots_count, slots_cap;
    uint32_t free_first, free_last;
    uint32_t count;
    struct uid_use *uids; /* users who have a connection */
    uint32_t uids_count, uids_cap;
    struct peer_list *buckets; /* peers by session; a power of two of them */
    uint32_t buckets_count;
};

struct peers *peers_new(void)
{
    struct peers *ps = calloc(1, sizeof(*ps));
    if (!ps)
        return NULL;
    ps->free_first = ps->free_last = SLOT_NONE;
    ps->buckets_count = 64;
    ps->buckets = calloc(ps->buckets_count, sizeof(*ps->buckets));
    if (!ps->buckets) {
        free(ps);
        return NULL;
    }
    return ps;
}

struct peers *peers_free(struct peers *ps)
{
    if (!ps)
        return NULL;
    assert(ps->count == 0);
    free(ps->slots);
    free(ps->uids);
    free(ps->buckets);
    free(ps);
    return NULL;
}

static struct peer_list *bucket_of(const struct peers *ps, uint64_t session)
{
    uint64_t mixed = session * UINT64_C(0x9E3779B97F4A7C15);
    return &ps->buckets[(mixed >> 32) & (ps->buckets_count - 1)];
}

/* Twice the buckets; without memory the chains are longer, that is all. */
static void peers_rehash(struct peers *ps)
{
    struct peer_list *old = ps->buckets;
    uint32_t old_count = ps->buckets_count;
    struct peer_list *buckets = calloc((size_t)old_count * 2, sizeof(*buckets));
    if (!buckets)
        return;
    ps->buckets = buckets;
    ps->buckets_count = old_count * 2;
    for (uint32_t i = 0; i < old_count; i++) {
        struct peer *p;
        while ((p = LIST_FIRST(&old[i]))) {
            LIST_REMOVE(p, session_link);
            LIST_INSERT_HEAD(bucket_of(ps, p->session), p, session_link);
        }
    }
    free(old);
}

static struct uid_use *uid_find(const struct peers *ps, uint32_t uid)
{
    for (uint32_t i = 0; i < ps->uids_count; i++) {
        if (ps->uids[i].uid == uid)
            return &ps->uids[i];
    }
    return NULL;
}

static int uid_add(struct peers *ps, uint32_t uid)
{
    struct uid_use *use = uid_find(ps, uid);
    if (!use) {
        if (ps->uids_count == ps->uids_cap) {
            uint32_t cap = ps->uids_cap ? ps->uids_cap * 2 : 4;
            struct uid_use *uids = realloc(ps->uids, cap * sizeof(*uids));
            if (!uids)
                return -ENOMEM;
            ps->uids = uids;
            ps->uids_cap = cap;
        }
        use = &ps->uids[ps->uids_count++];
        *use = (struct uid_use){.uid = uid};
    }
    use->count++;
    return 0;
}

static void uid_remove(struct peers *ps, uint32_t uid)
{
    struct uid_use *use = uid_find(ps, uid);
    assert(use && use->count > 0);
    if (--use->count == 0)
        *use = ps->uids[--ps->uids_count];
}

/* Make sure that there is a free slot. */
static int slots_grow(struct peers *ps)
{
    if (ps->free_first != SLOT_NONE)
        return 0;
    if (ps->slots_count == PEER_INDEX_MAX)
        return -ENFILE;
    if (ps->slots_count == ps->slots_cap) {
        uint32_t cap = ps->slots_cap ? ps->slots_cap * 2 : 16;
        struct slot *slots = realloc(ps->slots, cap * sizeof(*slots));
        if (!slots)
            return -ENOMEM;
        ps->slots = slots;
        ps->slots_cap = cap;
    }
    ps->free_first = ps->free_last = ps->slots_count;
    ps->slots[ps->slots_count++] = (struct slot){.generation = 1, .next_free = SLOT_NONE};
    return 0;
}

int peers_add(struct peers *ps, const struct carrier *carrier, void *owner, uint32_t uid, struct peer **ret)
{
    int r = slots_grow(ps);
    if (r < 0)
        return r;
    struct peer *p = calloc(1, sizeof(*p));
    if (!p)
        return -ENOMEM;
    r = uid_add(ps, uid);
    if (r < 0) {
        free(p);
        return r;
    }
    uint32_t index = ps->free_first;
    struct slot *slot = &ps->slots[index];
    ps->free_first = slot->next_free;
    if (ps->free_first == SLOT_NONE)
        ps->free_last = SLOT_NONE;
    slot->peer = p;
    p->number = slot->generation << PEER_INDEX_BITS | index;
    p->carrier = carrier;
    p->owner = owner;
    p->uid = uid;
    p->fd = -1;
    ps->count++;
    *ret = p;
    return 0;
}

struct peer *peers_remove(struct peers *ps, struct peer *p)
{
    assert(peers_get(ps, p->number) == p && p->session == 0);
    assert(!p->dirty && p->wait == PEER_NOT_WAITING && !p->outbox.data);
    uint32_t index = p->number & (PEER_INDEX_MAX - 1);
    struct slot *slot = &ps->slots[index];
    slot->peer = NULL;
    slot->generation = slot->generation == GENERATION_MAX ? 1 : slot->generation + 1;
    slot->next_free = SLOT_NONE;
    if (ps->free_last == SLOT_NONE)
        ps->free_first = index;
    else
        ps->slots[ps->free_last].next_free = index;
    ps->free_last = index;
    ps->count--;
    uid_remove(ps, p->uid);
    free(p->traces);
    inbox_clear(&p->inbox);
    free(p);
    return NULL;
}

struct peer *peers_get(const struct peers *ps, uint32_t number)
{
    uint32_t index = number & (PEER_INDEX_MAX - 1);
    if (index >= ps->slots_count)
        return NULL;
    struct peer *p = ps->slots[index].peer;
    return p && p->number == number ? p : NULL;
}

struct peer *peers_next(const struct peers *ps, const struct peer *prev)
{
    uint32_t index = prev ? (prev->number & (PEER_INDEX_MAX - 1)) + 1 : 0;
    while (index < ps->slots_count && !ps->slots[index].peer)
        index++;
    return index < ps->slots_count ? ps->slots[index].peer : NULL;
}

uint32_t peers_count(const struct peers *ps)
{
    return ps->count;
}

uint32_t peers_count_uid(const struct peers *ps, uint32_t uid)
{
    const struct uid_use *use = uid_find(ps, uid);
    return use ? use->count : 0;
}

void peers_join(struct peers *ps, struct peer *p, uint64_t session)
{
    assert(p->session == 0 && session != 0);
    if (ps->count > ps->buckets_count)
        peers_rehash(ps);
    p->session = session;
    LIST_INSERT_HEAD(bucket_of(ps, session), p, session_link);
}

void peers_leave(struct peer *p)
{
    if (p->session == 0)
        return;
    LIST_REMOVE(p, session_link);
    p->session = 0;
    p->anonymous = p->named = false;
}

struct peer *peers_of_session(const struct peers *ps, uint64_t session, const struct peer *prev)
{
    struct peer *p = prev ? LIST_NEXT(prev, session_link) : LIST_FIRST(bucket_of(ps, session));
    while (p && p->session != session)
        p = LIST_NEXT(p, session_link);
    return p;
}

/* A free row of the peer's table. */
static int trace_new(struct peer *p, uint32_t *ret_row)
{
    uint32_t row = 0;
    while (row < p->traces_count && p->traces[row].hops > 0)
        row++;
    if (row == PEER_TRACES_MAX)
        return -ENOBUFS;
    if (row == p->traces_count) {
        uint32_t count = row ? row * 2 : 4;
        struct trace *traces = realloc(p->traces, count * sizeof(*traces));
        if (!traces)
            return -ENOMEM;
        memset(traces + row, 0, (count - row) * sizeof(*traces));
        p->traces = traces;
        p->traces_count = count;
    }
    *ret_row = row;
    return 0;
}

static bool trace_is(const struct trace *t, const struct sp_frame *frame)
{
    return t->hops == frame->hops && t->id == frame->id &&
           memcmp(t->words, frame->header, (size_t)frame->hops * SP_WORD_SIZE) == 0;
}

int peer_word(struct peer *p, const struct sp_frame *frame, uint32_t *ret)
{
    if (frame->hops == 0) {
        *ret = frame->id;
        return 0;
    }
    /* A device's client that asks again, its request still pending, takes the row it has. */
    for (uint32_t row = 0; row < p->traces_count; row++) {
        if (trace_is(&p->traces[row], frame)) {
            p->traces[row].answered = false;
            *ret = row;
            return 0;
        }
    }
    uint32_t row;
    int r = trace_new(p, &row);
    if (r < 0)
        return r;
    struct trace *t = &p->traces[row];
    t->hops = frame->hops;
    t->id = frame->id;
    memcpy(t->words, frame->header, (size_t)frame->hops * SP_WORD_SIZE);
    *ret = row;
    return 0;
}

struct trace *peer_trace(const struct peer *p, uint32_t word)
{
    if (word & SP_ID_BIT || word >= p->traces_count || p->traces[word].hops == 0)
        return NULL;
    return &p->traces[word];
}

uint64_t peer_unsent_route(const struct peer *p, const struct sp_frame *frame)
{
    if (frame->hops == 0)
        return route_make(p, frame->id);
    for (uint32_t row = 0; row < p->traces_count; row++) {
        if (trace_is(&p->traces[row], frame))
            return route_make(p, row);
    }
    return 0;
}

void peer_written(struct peer *p)
{
    for (uint32_t row = 0; row < p->traces_count; row++) {
        if (p->traces[row].answered)
            p->traces[row] = (struct trace){0};
    }
}
