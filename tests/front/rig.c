/*
 * rig.c - see rig.h.
 *
 * The engine audits itself after every turn, so that whatever a test does to the connections is seen there too. The hooks that the loop
 * would answer are answered from the rig's own fields.
 */
#include "rig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int64_t rig_now(void *user)
{
    const struct rig *r = user;
    return r->now_ns;
}

static void rig_world(void *user, struct wire_world *ret)
{
    static const char *const addresses[] = {"ipc:///test", NULL};
    const struct rig *r = user;
    *ret = (struct wire_world){.version = "test",
                               .addresses = addresses,
                               .now_ns = r->now_ns,
                               .frame_size_max = r->limits.body_size_max,
                               .next_deadline_ns = NEVER_NS};
}

static bool rig_clock(void *user, const struct wire_request *request, struct wire_refusal *ret)
{
    struct rig *r = user;
    *ret = (struct wire_refusal){.status = STATUS_NOT_VIRTUAL};
    r->clock = *request;
    return r->clock_taken;
}

static uint64_t rig_process(void *user, const struct peer *p, int32_t pid, struct wire_refusal *ret)
{
    const struct rig *r = user;
    (void)p;
    (void)pid;
    *ret = (struct wire_refusal){.status = STATUS_NOT_PERMITTED};
    return r->process_session;
}

static void rig_note(void *user, enum front_event event, const struct peer *p, const char *reason)
{
    struct rig *r = user;
    (void)p;
    r->closed += event == FRONT_CLOSED;
    r->refused += event == FRONT_REFUSED;
    r->gone += event == FRONT_GONE;
    (void)snprintf(r->reason, sizeof(r->reason), "%s", reason);
}

struct rig *rig_open(void)
{
    struct rig *r = calloc(1, sizeof(*r));
    assert_non_null(r);
    struct engine_options options = {.seed = 7};
    struct front_hooks hooks = {r, rig_now, rig_world, rig_clock, rig_process, rig_note};
    r->engine = engine_new(&options);
    r->wire = wire_new(engine_limits(r->engine));
    r->limits = (struct ipc_limits){
        .body_size_max = wire_frame_size_max(engine_limits(r->engine)),
        .peers_max = 5000,
        .peers_uid_max = 5000,
        .unread_pause = 8 << 20,
        .unread_max = 64 << 20,
        .greeting_ns = 1000000000,
        .stall_ns = 1000000000,
    };
    assert_int_equal(front_init(&r->front, r->engine, r->wire, &hooks), 0);
    r->ipc = ipc_new(&r->front, &r->limits);
    assert_non_null(r->ipc);
    char path[96], why[256] = "";
    (void)snprintf(r->folder, sizeof(r->folder), "/tmp/sluice-front-XXXXXX");
    assert_non_null(mkdtemp(r->folder));
    (void)snprintf(path, sizeof(path), "%s/s", r->folder);
    struct bind_options bind_options = {.path = path, .mode = 0600, .gid = (gid_t)-1};
    if (bound_open(&r->bound, &bind_options, why, sizeof(why)) < 0)
        fail_msg("%s", why);
    assert_int_equal(ipc_listen(r->ipc, r->bound.fd), 0);
    return r;
}

void rig_close(struct rig *r)
{
    engine_audit(r->engine);
    bound_close(&r->bound);
    ipc_free(r->ipc);
    front_done(&r->front);
    wire_free(r->wire);
    engine_free(r->engine);
    assert_int_equal(rmdir(r->folder), 0);
    free(r);
}

void rig_limit(struct rig *r, struct ipc_limits limits)
{
    r->limits = limits;
    ipc_set_limits(r->ipc, &limits);
}

void rig_turn(struct rig *r)
{
    bool watched;
    while (ipc_round(r->ipc, false, &watched) > 0 || ipc_dirty(r->ipc)) {
        ipc_flush(r->ipc);
        engine_audit(r->engine);
    }
}

int rig_connect(struct rig *r)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", r->bound.path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

int rig_greet(struct rig *r)
{
    int fd = rig_connect(r);
    uint8_t mine[SP_GREETING_SIZE], theirs[SP_GREETING_SIZE];
    const char *reason;
    sp_greet(SP_REQ, mine);
    put(fd, mine, sizeof(mine));
    rig_turn(r);
    assert_int_equal(recv(fd, theirs, sizeof(theirs), MSG_DONTWAIT), sizeof(theirs));
    assert_int_equal(sp_greeted(SP_REP, theirs, sizeof(theirs), &reason), SP_DONE);
    return fd;
}

uint32_t rig_peers(const struct rig *r)
{
    return ipc_count(r->ipc);
}

uint64_t rig_sessions(const struct rig *r)
{
    struct stats stats;
    engine_stats(r->engine, &stats);
    return stats.sessions;
}

void put(int fd, const void *data, size_t size)
{
    assert_int_equal(send(fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT), size);
}

size_t make_frame(uint8_t *to, uint32_t id, const void *body, size_t size)
{
    sp_put_header(to, NULL, 0, SP_ID_BIT | id, size);
    if (size > 0)
        memcpy(to + sp_header_size(0), body, size);
    return sp_header_size(0) + size;
}

void put_request(int fd, uint32_t id, const Request *request)
{
    size_t size = sluice__v1__request__get_packed_size(request);
    uint8_t *body = malloc(size + 1), *frame = malloc(size + SP_HEADER_SIZE_MAX);
    assert_true(body && frame);
    assert_int_equal(sluice__v1__request__pack(request, body), size);
    put(fd, frame, make_frame(frame, id, body, size));
    free(body);
    free(frame);
}

Reply *get_reply(int fd, uint32_t *ret_id)
{
    uint8_t header[SP_HEADER_SIZE_MAX];
    ssize_t n = recv(fd, header, sp_header_size(0), MSG_DONTWAIT);
    if (n <= 0)
        return NULL;
    assert_int_equal(n, sp_header_size(0));
    struct sp_frame frame;
    const char *reason;
    enum sp_verdict verdict = sp_parse(header, sp_header_size(0), UINT32_MAX, &frame, &reason);
    assert_true(verdict == SP_MORE || verdict == SP_DONE);
    uint64_t body_size = frame.frame_size - sp_header_size(0);
    uint8_t *body = malloc(body_size + 1);
    assert_non_null(body);
    assert_true(body_size == 0 || recv(fd, body, body_size, MSG_DONTWAIT) == (ssize_t)body_size);
    *ret_id =
        ((uint32_t)header[9] << 24 | (uint32_t)header[10] << 16 | (uint32_t)header[11] << 8 | header[12]) &
        ~SP_ID_BIT;
    Reply *reply = sluice__v1__reply__unpack(NULL, body_size, body);
    assert_non_null(reply);
    free(body);
    return reply;
}

Reply *want_reply(int fd, uint32_t id, Sluice__V1__Status status)
{
    uint32_t got_id = 0;
    Reply *reply = get_reply(fd, &got_id);
    assert_non_null(reply);
    assert_int_equal(got_id, id);
    assert_int_equal(reply->status, status);
    return reply;
}

void want_status(int fd, uint32_t id, Sluice__V1__Status status)
{
    free_reply(want_reply(fd, id, status));
}

void free_reply(Reply *reply)
{
    sluice__v1__reply__free_unpacked(reply, NULL);
}

bool is_closed(int fd)
{
    char byte;
    ssize_t n = recv(fd, &byte, 1, MSG_DONTWAIT);
    return n == 0 || (n < 0 && errno == ECONNRESET);
}

/* ---- Requests. ---- */

static Request request;
static Sluice__V1__Ref ref;

static ProtobufCBinaryData bytes_of(const void *data, size_t size)
{
    return (ProtobufCBinaryData){.data = (uint8_t *)(uintptr_t)data, .len = size};
}

static void begin(Sluice__V1__Request__OpCase op)
{
    sluice__v1__request__init(&request);
    request.op_case = op;
}

static Sluice__V1__Ref *ref_of(const char *name)
{
    sluice__v1__ref__init(&ref);
    ref.has_name = 1;
    ref.name = bytes_of(name, strlen(name));
    return &ref;
}

Request *last_request(void)
{
    return &request;
}

const Request *ping(void)
{
    static Sluice__V1__Ping message;
    sluice__v1__ping__init(&message);
    begin(SLUICE__V1__REQUEST__OP_PING);
    request.ping = &message;
    return &request;
}

const Request *hello(const char id[static 16])
{
    static Sluice__V1__Hello message;
    sluice__v1__hello__init(&message);
    begin(SLUICE__V1__REQUEST__OP_HELLO);
    message.has_major = message.has_minor = message.has_session = 1;
    message.major = WIRE_MAJOR;
    message.minor = WIRE_MINOR;
    message.session = bytes_of(id, 16);
    request.hello = &message;
    return &request;
}

const Request *make_channel(const char *name, int64_t cap)
{
    static Sluice__V1__Make message;
    static Sluice__V1__ChannelSpec spec;
    sluice__v1__make__init(&message);
    sluice__v1__channel_spec__init(&spec);
    begin(SLUICE__V1__REQUEST__OP_MAKE);
    message.has_name = 1;
    message.name = bytes_of(name, strlen(name));
    message.spec_case = SLUICE__V1__MAKE__SPEC_CHANNEL;
    message.channel = &spec;
    spec.has_cap = 1;
    spec.cap = cap;
    request.make = &message;
    return &request;
}

const Request *send_bytes(const char *name, const void *data, size_t size)
{
    static Sluice__V1__Send message;
    static Sluice__V1__Value value;
    sluice__v1__send__init(&message);
    sluice__v1__value__init(&value);
    begin(SLUICE__V1__REQUEST__OP_SEND);
    message.ref = ref_of(name);
    message.value = &value;
    value.kind_case = SLUICE__V1__VALUE__KIND_RAW;
    value.raw = bytes_of(data, size);
    request.send = &message;
    return &request;
}

const Request *recv_from(const char *name)
{
    static Sluice__V1__Recv message;
    sluice__v1__recv__init(&message);
    begin(SLUICE__V1__REQUEST__OP_RECV);
    message.ref = ref_of(name);
    request.recv = &message;
    return &request;
}
