/*
 * reply.h - reading a Reply's bytes.
 *
 * The top level of a Reply, an Item, a Batch, and what locks and counters give are read by hand, in place: millions of them pass, and reading them so needs no
 * memory and no copy. Everything else stays a run of bytes in `result` that the file of its noun unpacks with protobuf-c.
 */
#ifndef SLUICE_REPLY_H
#define SLUICE_REPLY_H

#include <sluice.h>

/* A value in a reply, its bytes still those of the reply. */
struct reply_item {
    struct sluice_value value; /* an object without its session */
    uint64_t lease;
    uint32_t deliveries;
    int64_t rank;
};

/* A call to be served, or a task to be run, in a reply; its value is the item. */
struct reply_job {
    uint64_t number, token, caller;
    struct sluice_blob function;
    int64_t run_ns;
};

struct reply {
    enum sluice_status status;
    int index; /* -1: none */
    struct sluice_blob message, cause, limit_name;
    uint64_t limit_value, limit_use;
    uint64_t count;
    struct reply_item item;
    struct sluice_grant grant; /* a leader's token, too; 0: none */
    struct sluice_quota quota;
    int64_t number;
    uint64_t revision;         /* of a cell */
    uint64_t epoch;            /* of an outcome, a leader or a job */
    enum sluice_status ending; /* of an outcome */
    bool has_exit;
    int32_t exit;
    struct reply_job job;
    struct {
        uint64_t handle, number;
        bool created;
    } made;
    struct sluice_blob result; /* its bytes, unless it is count or truth */
    uint32_t result_tag;       /* the field of the result that came; 0: none */
    bool has_limit;
    bool truth;
    bool has_item;       /* the value of an outcome or a job, and what a leader says, too */
    bool swapped;        /* of a number, of a cell */
    bool failed, shared; /* of an outcome */
};

/* Reads the top level, Item, Grant, Number, Outcome, Leader, Cell, Quota, Job, and of a Made what a task's needs. False: these bytes are no Reply. */
bool reply_read(const uint8_t *data, size_t size, struct reply *ret);
/* Reads a Grants. How many there are, of which the first `max` are written; -EBADMSG: these bytes are none. */
ptrdiff_t reply_read_grants(struct sluice_blob grants, struct sluice_grant *ret, size_t max);
/* Makes the items of a Batch from its bytes: *ret is malloc'd (NULL when empty). 0, -ENOMEM or -EBADMSG. */
int reply_read_batch(struct sluice_blob batch, uint32_t session, struct sluice_item **ret, size_t *ret_count);

#endif
