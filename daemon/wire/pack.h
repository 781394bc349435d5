/*
 * pack.h - the field numbers that pack.c writes and the generated header has no names for.
 *
 *   FIELD(NAME, Message, name, number)
 *
 * They are the schema's; tests/wire/schema_test.c looks each up in the descriptor of its message.
 */
#ifndef WIRE_PACK_H
#define WIRE_PACK_H

#define PACKED_FIELDS(FIELD)                      \
    FIELD(REPLY_STATUS, reply, status, 1)         \
    FIELD(REPLY_INDEX, reply, index, 5)           \
    FIELD(ITEM_VALUE, item, value, 1)             \
    FIELD(ITEM_LEASE, item, lease, 2)             \
    FIELD(ITEM_DELIVERIES, item, deliveries, 3)   \
    FIELD(ITEM_RANK, item, rank, 4)               \
    FIELD(BATCH_TYPE, batch, type, 1)             \
    FIELD(BATCH_BLOBS, batch, blobs, 2)           \
    FIELD(BATCH_INTEGERS, batch, integers, 3)     \
    FIELD(BATCH_REALS, batch, reals, 4)           \
    FIELD(BATCH_LEASES, batch, leases, 6)         \
    FIELD(BATCH_DELIVERIES, batch, deliveries, 7) \
    FIELD(BATCH_RANKS, batch, ranks, 8)           \
    FIELD(MADE_HANDLE, made, handle, 1)           \
    FIELD(MADE_CREATED, made, created, 2)         \
    FIELD(MADE_KIND, made, kind, 3)               \
    FIELD(MADE_TYPE, made, type, 4)               \
    FIELD(MADE_CAP, made, cap, 5)                 \
    FIELD(MADE_RIGHTS, made, rights, 6)           \
    FIELD(MADE_NUMBER, made, number, 7)           \
    FIELD(OUTCOME_FAILED, outcome, failed, 1)     \
    FIELD(OUTCOME_VALUE, outcome, value, 2)       \
    FIELD(OUTCOME_SHARED, outcome, shared, 3)     \
    FIELD(OUTCOME_EPOCH, outcome, epoch, 4)       \
    FIELD(OUTCOME_ENDING, outcome, ending, 5)     \
    FIELD(OUTCOME_EXIT, outcome, exit, 6)         \
    FIELD(JOB_NUMBER, job, number, 1)             \
    FIELD(JOB_VALUE, job, value, 2)               \
    FIELD(JOB_CALLER, job, caller, 3)             \
    FIELD(JOB_EPOCH, job, epoch, 4)               \
    FIELD(JOB_DELIVERIES, job, deliveries, 5)     \
    FIELD(JOB_TOKEN, job, token, 6)               \
    FIELD(JOB_FUNCTION, job, function, 7)         \
    FIELD(JOB_RUN, job, run_ns, 8)                \
    FIELD(GRANT_TOKEN, grant, token, 1)           \
    FIELD(GRANT_OWNER_DIED, grant, owner_died, 2) \
    FIELD(NUMBER_VALUE, number, value, 1)         \
    FIELD(NUMBER_SWAPPED, number, swapped, 2)     \
    FIELD(QUOTA_ALLOWED, quota, allowed, 1)       \
    FIELD(QUOTA_REMAINING, quota, remaining, 2)   \
    FIELD(QUOTA_RETRY, quota, retry_after_ns, 3)  \
    FIELD(QUOTA_DELAY, quota, delay_ns, 4)        \
    FIELD(QUOTA_TOKEN, quota, token, 5)

enum packed_field {
#define FIELD(NAME, message, name, number) NAME = (number),
    PACKED_FIELDS(FIELD)
#undef FIELD
};

#endif
