/*
 * log.c - what happens in the simulation, for people (log.h).
 *
 * A step is "number @time session/seq operation", a reply "session/seq operation status", with values as they are and leases in
 * parentheses.
 */
#include "log.h"

#include <inttypes.h>
#include <stdio.h>

void log_op(const struct sim *s, const struct op *op)
{
    const struct ref *ref = &op->send.ref; /* where most operations have theirs */
    printf("%" PRIu64 " @%" PRId64 " %" PRIu64 "/%" PRIu64 " %s", s->oracle.step, s->now_ns, op->session,
           op->seq, op_rows[op->code].name);
    if (op_rows[op->code].class == CLASS_WAIT && op->code != OP_SELECT && op->code != OP_QUIESCE)
        printf(" %.*s%%%" PRIu64, ref->name_size, ref->name_size ? ref->name : "", ref->handle);
    for (uint32_t i = 0; op->code == OP_SELECT && i < op->select.count; i++)
        printf(" | %s %.*s%%%" PRIu64 " %" PRId64, arm_name(op->select.arms[i].verb),
               op->select.arms[i].ref.name_size,
               op->select.arms[i].ref.name_size ? op->select.arms[i].ref.name : "",
               op->select.arms[i].ref.handle, op->select.arms[i].value.int64);
    if (op->code == OP_SEND)
        printf(" %" PRId64, op->send.value.int64);
    putchar('\n');
}

void log_reply(const struct reply *r)
{
    struct item_cursor at = r->items.first;
    struct item_view item = r->item;
    printf("    %" PRIu64 "/%" PRIu64 " %s %s count=%" PRIu64, r->session, r->seq, op_rows[r->op].name,
           status_name(r->status), r->count);
    if (r->has_index)
        printf(" arm %" PRIu32, r->index);
    bool more = r->result == RESULT_ITEM || (r->result == RESULT_ITEMS && engine_item_next(&at, &item));
    while (more) {
        printf(" %" PRId64 "(%" PRIu64 ")", item.value.type == VALUE_INT64 ? item.value.int64 : -2,
               item.lease);
        more = r->result == RESULT_ITEMS && engine_item_next(&at, &item);
    }
    putchar('\n');
}
