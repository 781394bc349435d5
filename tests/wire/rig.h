/*
 * rig.h - a daemon without sockets: codec, engine, codec, for tests that ask and are answered.
 *
 * Time stands still but for rig.now_ns. Every reply of the engine is written both ways, by hand and through the generated code, and the rig fails when
 * the bytes differ; so every test with a rig tests that too.
 */
#ifndef TESTS_WIRE_RIG_H
#define TESTS_WIRE_RIG_H

#include "client.h"

enum { RIG_REPLIES_MAX = 64 };

struct rig {
    struct engine *engine;
    struct wire *wire;
    struct wire_world world;
    struct sink sink, other;
    int64_t now_ns;
    uint64_t session, route;
    Sluice__V1__Reply *replies[RIG_REPLIES_MAX]; /* of parked requests, by route */
};

/* An engine without a session. */
void rig_start(struct rig *r);
/* An engine, and one session in it. */
void rig_init(struct rig *r);
void rig_done(struct rig *r);

/* Ask and return the answer, which must come at once; reply_free it. */
Sluice__V1__Reply *rig_ask(struct rig *r, const Sluice__V1__Request *m);
/* Ask, and expect no answer yet. The route by which it will come. */
uint64_t rig_park(struct rig *r, const Sluice__V1__Request *m);
/* Take the answer that came to a parked request. */
Sluice__V1__Reply *rig_take(struct rig *r, uint64_t route);

/* Ask, and expect this status at once. */
Sluice__V1__Reply *rig_expect(struct rig *r, const Sluice__V1__Request *m, Sluice__V1__Status status);
/* Ask, and expect nothing but OK. */
void rig_ok(struct rig *r, const Sluice__V1__Request *m);
/* Make a named object of the kind, whose specification is the message. */
void rig_make(struct rig *r, const char *name, Sluice__V1__Make__SpecCase kind, void *spec);
/* Describe a named object, which must be there: reply->description. */
Sluice__V1__Reply *rig_describe(struct rig *r, const char *name);

/* A channel of this type and capacity; its handle. */
uint64_t rig_channel(struct rig *r, const char *name, Sluice__V1__Type type, int64_t cap);
/* A Request with nothing but the operation. */
void request_init(Sluice__V1__Request *m, Sluice__V1__Request__OpCase op, void *message);
/* A Ref by handle, or by name. */
Sluice__V1__Ref ref_handle(uint64_t handle);
Sluice__V1__Ref ref_name(const char *name);

#endif
