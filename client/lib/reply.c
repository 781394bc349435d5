/*
 * reply.c - reading a Reply's bytes in place.
 *
 * A reader walks fields: each step gives the field's number and either a number or a run of bytes. Fields that are not known are
 * skipped, as protobuf wants it, so that a newer daemon is understood. The bytes come from the daemon, but are checked as if they
 * came from anywhere: every length against what is left, every run against its end.
 */
#include "reply.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "sluice.pb-c.h"

enum wire { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

struct reader {
    const uint8_t *at, *end;
    bool bad;
};

struct field {
    uint32_t number;
    enum wire wire;
    uint64_t value; /* varint, fixed */
    struct sluice_blob bytes;
};

static uint64_t read_varint(struct reader *r)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && r->at < r->end; shift += 7) {
        uint8_t byte = *r->at++;
        value |= (uint64_t)(byte & 127) << shift;
        if (byte < 128)
            return value;
    }
    r->bad = true;
    return 0;
}

static uint64_t read_fixed(struct reader *r, size_t size)
{
    uint64_t value = 0;
    if ((size_t)(r->end - r->at) < size) {
        r->bad = true;
        return 0;
    }
    for (size_t i = 0; i < size; i++)
        value |= (uint64_t)r->at[i] << (8 * i);
    r->at += size;
    return value;
}

/* The next field; false at the end, and when the bytes are bad. */
static bool read_field(struct reader *r, struct field *f)
{
    if (r->at == r->end || r->bad)
        return false;
    uint64_t tag = read_varint(r);
    f->number = (uint32_t)(tag >> 3);
    f->wire = (enum wire)(tag & 7);
    f->value = 0;
    f->bytes = (struct sluice_blob){NULL, 0};
    switch (f->wire) {
    case WIRE_VARINT: f->value = read_varint(r); break;
    case WIRE_64: f->value = read_fixed(r, 8); break;
    case WIRE_32: f->value = read_fixed(r, 4); break;
    case WIRE_BYTES: {
        uint64_t size = read_varint(r);
        if (r->bad || size > (uint64_t)(r->end - r->at)) {
            r->bad = true;
            break;
        }
        f->bytes = (struct sluice_blob){r->at, (size_t)size};
        r->at += size;
        break;
    }
    default: r->bad = true;
    }
    return !r->bad;
}

static struct reader reader_of(struct sluice_blob b)
{
    const uint8_t *at = b.data;
    return (struct reader){.at = at, .end = at + b.size};
}

static int64_t unzigzag(uint64_t n)
{
    return (int64_t)(n >> 1) ^ -(int64_t)(n & 1);
}

static double real_of(uint64_t bits)
{
    double real;
    memcpy(&real, &bits, sizeof real);
    return real;
}

static bool read_handle(struct sluice_blob bytes, struct sluice_value *v)
{
    struct reader r = reader_of(bytes);
    struct field f;
    *v = (struct sluice_value){.type = SLUICE_TYPE_HANDLE};
    v->object = (sluice_ref)SLUICE_NIL_REF;
    while (read_field(&r, &f)) {
        switch (f.number) {
        case 2: v->rights = (uint16_t)f.value; break;
        case 3: v->object.handle = f.value; break;
        case 4: v->kind = (uint16_t)f.value; break;
        default: break;
        }
    }
    return !r.bad;
}

static bool read_value(struct sluice_blob bytes, struct sluice_value *v)
{
    struct reader r = reader_of(bytes);
    struct field f;
    while (read_field(&r, &f)) {
        switch (f.number) {
        case SLUICE__V1__VALUE__KIND_RAW:
        case SLUICE__V1__VALUE__KIND_TEXT:
        case SLUICE__V1__VALUE__KIND_JSON:
            v->type = f.number == SLUICE__V1__VALUE__KIND_RAW    ? SLUICE_TYPE_BYTES
                      : f.number == SLUICE__V1__VALUE__KIND_TEXT ? SLUICE_TYPE_STRING
                                                                 : SLUICE_TYPE_JSON;
            v->bytes = f.bytes;
            break;
        case SLUICE__V1__VALUE__KIND_INTEGER:
            v->type = SLUICE_TYPE_INT64;
            v->integer = unzigzag(f.value);
            break;
        case SLUICE__V1__VALUE__KIND_REAL:
            v->type = SLUICE_TYPE_DOUBLE;
            v->real = real_of(f.value);
            break;
        case SLUICE__V1__VALUE__KIND_HANDLE:
            if (!read_handle(f.bytes, v))
                return false;
            break;
        default: break;
        }
    }
    return !r.bad;
}

static bool read_item(struct sluice_blob bytes, struct reply_item *item)
{
    struct reader r = reader_of(bytes);
    struct field f;
    item->deliveries = 1;
    while (read_field(&r, &f)) {
        switch (f.number) {
        case 1:
            if (!read_value(f.bytes, &item->value))
                return false;
            break;
        case 2: item->lease = f.value; break;
        case 3: item->deliveries = (uint32_t)f.value; break;
        case 4: item->rank = unzigzag(f.value); break;
        default: break;
        }
    }
    return !r.bad;
}

static bool read_grant(struct sluice_blob bytes, struct sluice_grant *grant)
{
    struct reader r = reader_of(bytes);
    struct field f;
    while (read_field(&r, &f)) {
        switch (f.number) {
        case 1: grant->token = f.value; break;
        case 2: grant->owner_died = f.value != 0; break;
        default: break;
        }
    }
    return !r.bad;
}

static bool read_number(struct sluice_blob bytes, struct reply *ret)
{
    struct reader r = reader_of(bytes);
    struct field f;
    while (read_field(&r, &f)) {
        switch (f.number) {
        case 1: ret->number = unzigzag(f.value); break;
        case 2: ret->swapped = f.value != 0; break;
        default: break;
        }
    }
    return !r.bad;
}

static bool read_outcome(struct sluice_blob bytes, struct reply *ret)
{
    struct reader r = reader_of(bytes);
    struct field f;
    ret->has_item = true;
    ret->item.deliveries = 1;
    while (read_field(&r, &f)) {
        switch (f.number) {
        case 1: ret->failed = f.value != 0; break;
        case 2:
            if (!read_value(f.bytes, &ret->item.value))
                return false;
            break;
        case 3: ret->shared = f.value != 0; break;
        case 4: ret->epoch = f.value; break;
        case 5: ret->ending = (enum sluice_status)f.value; break;
        case 6:
            ret->has_exit = true;
            ret->exit = (int32_t)unzigzag(f.value);
            break;
        default: break;
        }
    }
    return !r.bad;
}

static bool read_leader(struct sluice_blob bytes, struct reply *ret)
{
    struct reader r = reader_of(bytes);
    struct field f;
    ret->has_item = true;
    ret->item.deliveries = 1;
    while (read_field(&r, &f)) {
        switch (f.number) {
        case 1: ret->grant.token = f.value; break;
        case 2:
            if (!read_value(f.bytes, &ret->item.value))
                return false;
            break;
        case 3: ret->grant.owner_died = f.value != 0; break;
        case 4: ret->epoch = f.value; break;
        default: break;
        }
    }
    return !r.bad;
}

static bool read_job(struct sluice_blob bytes, struct reply *ret)
{
    struct reader r = reader_of(bytes);
    struct field f;
    ret->has_item = true;
    ret->item.deliveries = 1;
    while (read_field(&r, &f)) {
        switch (f.number) {
        case 1: ret->job.number = f.value; break;
        case 2:
            if (!read_value(f.bytes, &ret->item.value))
                return false;
            break;
        case 3: ret->job.caller = f.value; break;
        case 4: ret->epoch = f.value; break;
        case 5: ret->item.deliveries = (uint32_t)f.value; break;
        case 6: ret->job.token = f.value; break;
        case 7: ret->job.function = f.bytes; break;
        case 8: ret->job.run_ns = (int64_t)f.value; break;
        default: break;
        }
    }
    return !r.bad;
}

static bool read_made(struct sluice_blob bytes, struct reply *ret)
{
    struct reader r = reader_of(bytes);
    struct field f;
    while (read_field(&r, &f)) {
        switch (f.number) {
        case 1: ret->made.handle = f.value; break;
        case 2: ret->made.created = f.value != 0; break;
        case 7: ret->made.number = f.value; break;
        default: break;
        }
    }
    return !r.bad;
}

static bool read_cell(struct sluice_blob bytes, struct reply *ret)
{
    struct reader r = reader_of(bytes);
    struct field f;
    ret->has_item = true;
    ret->item.deliveries = 1;
    while (read_field(&r, &f)) {
        switch (f.number) {
        case 1:
            if (!read_value(f.bytes, &ret->item.value))
                return false;
            break;
        case 2: ret->swapped = f.value != 0; break;
        case 3: ret->revision = f.value; break;
        default: break;
        }
    }
    return !r.bad;
}

static bool read_quota(struct sluice_blob bytes, struct sluice_quota *quota)
{
    struct reader r = reader_of(bytes);
    struct field f;
    while (read_field(&r, &f)) {
        switch (f.number) {
        case 1: quota->allowed = f.value != 0; break;
        case 2: quota->remaining = unzigzag(f.value); break;
        case 3: quota->retry_after_ns = (int64_t)f.value; break;
        case 4: quota->delay_ns = (int64_t)f.value; break;
        case 5: quota->token = f.value; break;
        default: break;
        }
    }
    return !r.bad;
}

ptrdiff_t reply_read_grants(struct sluice_blob grants, struct sluice_grant *ret, size_t max)
{
    struct reader r = reader_of(grants);
    struct field f;
    size_t count = 0;
    while (read_field(&r, &f)) {
        struct sluice_grant grant = {0, false};
        if (f.number != 1)
            continue;
        if (!read_grant(f.bytes, &grant))
            return -EBADMSG;
        if (count < max)
            ret[count] = grant;
        count++;
    }
    return r.bad ? -EBADMSG : (ptrdiff_t)count;
}

static bool read_limit(struct sluice_blob bytes, struct reply *ret)
{
    struct reader r = reader_of(bytes);
    struct field f;
    ret->has_limit = true;
    while (read_field(&r, &f)) {
        switch (f.number) {
        case 1: ret->limit_name = f.bytes; break;
        case 2: ret->limit_value = f.value; break;
        case 3: ret->limit_use = f.value; break;
        default: break;
        }
    }
    return !r.bad;
}

static bool read_result(const struct field *f, struct reply *ret)
{
    ret->result_tag = f->number;
    ret->result = f->bytes;
    switch (f->number) {
    case SLUICE__V1__REPLY__RESULT_COUNT: ret->count = f->value; return true;
    case SLUICE__V1__REPLY__RESULT_TRUTH: ret->truth = f->value != 0; return true;
    case SLUICE__V1__REPLY__RESULT_GRANT: return read_grant(f->bytes, &ret->grant);
    case SLUICE__V1__REPLY__RESULT_NUMBER: return read_number(f->bytes, ret);
    case SLUICE__V1__REPLY__RESULT_OUTCOME: return read_outcome(f->bytes, ret);
    case SLUICE__V1__REPLY__RESULT_LEADER: return read_leader(f->bytes, ret);
    case SLUICE__V1__REPLY__RESULT_CELL: return read_cell(f->bytes, ret);
    case SLUICE__V1__REPLY__RESULT_JOB: return read_job(f->bytes, ret);
    case SLUICE__V1__REPLY__RESULT_MADE: return read_made(f->bytes, ret);
    case SLUICE__V1__REPLY__RESULT_QUOTA: return read_quota(f->bytes, &ret->quota);
    case SLUICE__V1__REPLY__RESULT_VALUE: /* whose one field is an item's first */
    case SLUICE__V1__REPLY__RESULT_ITEM: ret->has_item = true; return read_item(f->bytes, &ret->item);
    default: return true;
    }
}

bool reply_read(const uint8_t *data, size_t size, struct reply *ret)
{
    struct reader r = {.at = data, .end = data + size};
    struct field f;
    *ret = (struct reply){.index = -1};
    while (read_field(&r, &f)) {
        switch (f.number) {
        case 1: ret->status = (enum sluice_status)f.value; break;
        case 2: ret->message = f.bytes; break;
        case 3: ret->cause = f.bytes; break;
        case 4:
            if (!read_limit(f.bytes, ret))
                return false;
            break;
        case 5: ret->index = (int)(f.value & INT_MAX); break;
        default:
            if (f.number >= 8 && !read_result(&f, ret))
                return false;
        }
    }
    return !r.bad;
}

/* How many varints stand in a run. */
static size_t count_varints(struct sluice_blob b)
{
    const uint8_t *at = b.data;
    size_t n = 0;
    for (size_t i = 0; i < b.size; i++)
        n += at[i] < 128;
    return n;
}

/* The parts of a Batch: how many values, and where the parallel numbers are. Packed fields come in one run each. */
struct batch_parts {
    size_t count;
    enum sluice_type type;
    struct sluice_blob integers, reals, leases, deliveries, ranks;
};

static bool read_parts(struct sluice_blob batch, struct batch_parts *p)
{
    struct reader r = reader_of(batch);
    struct field f;
    size_t runs = 0;
    *p = (struct batch_parts){.type = SLUICE_TYPE_BYTES};
    while (read_field(&r, &f)) {
        switch (f.number) {
        case 1: p->type = (enum sluice_type)f.value; break;
        case 2:
        case 5: runs++; break;
        case 3: p->integers = f.bytes; break;
        case 4: p->reals = f.bytes; break;
        case 6: p->leases = f.bytes; break;
        case 7: p->deliveries = f.bytes; break;
        case 8: p->ranks = f.bytes; break;
        default: break;
        }
    }
    p->count = p->type == SLUICE_TYPE_INT64    ? count_varints(p->integers)
               : p->type == SLUICE_TYPE_DOUBLE ? p->reals.size / 8
                                               : runs;
    return !r.bad;
}

static bool fill_values(struct sluice_blob batch, const struct batch_parts *p, uint32_t session,
                        struct sluice_item *items)
{
    struct reader r = p->type == SLUICE_TYPE_INT64    ? reader_of(p->integers)
                      : p->type == SLUICE_TYPE_DOUBLE ? reader_of(p->reals)
                                                      : reader_of(batch);
    struct field f;
    for (size_t i = 0; i < p->count;) {
        struct sluice_value *v = &items[i].value;
        v->type = p->type;
        if (p->type == SLUICE_TYPE_INT64) {
            v->integer = unzigzag(read_varint(&r));
        } else if (p->type == SLUICE_TYPE_DOUBLE) {
            v->real = real_of(read_fixed(&r, 8));
        } else {
            if (!read_field(&r, &f))
                return false;
            if (f.number == 2)
                v->bytes = f.bytes;
            else if (f.number != 5)
                continue;
            else if (!read_handle(f.bytes, v))
                return false;
            else
                v->object.session = session;
        }
        i++;
    }
    return !r.bad;
}

int reply_read_batch(struct sluice_blob batch, uint32_t session, struct sluice_item **ret, size_t *ret_count)
{
    struct batch_parts p;
    if (!read_parts(batch, &p))
        return -EBADMSG;
    struct sluice_item *items = NULL;
    if (p.count > 0) {
        items = calloc(p.count, sizeof *items);
        if (items == NULL)
            return -ENOMEM;
    }
    struct reader leases = reader_of(p.leases), deliveries = reader_of(p.deliveries);
    struct reader ranks = reader_of(p.ranks);
    if (!fill_values(batch, &p, session, items)) {
        free(items);
        return -EBADMSG;
    }
    for (size_t i = 0; i < p.count; i++) {
        if (leases.at < leases.end)
            items[i].lease = (sluice_lease){read_varint(&leases), session};
        items[i].deliveries = deliveries.at < deliveries.end ? (uint32_t)read_varint(&deliveries) : 1;
        items[i].rank = ranks.at < ranks.end ? unzigzag(read_varint(&ranks)) : 0;
    }
    *ret = items;
    *ret_count = p.count;
    return 0;
}
