/*
 * protocol_test.c - the worked example of proto/PROTOCOL.md is true to the byte.
 *
 * The document shows a conversation in hex: lines that begin with C are the client's, lines that begin with S the daemon's. Here the client's
 * frames are given to a codec and an engine, and the daemon's have to be what comes out.
 */
#include "rig.h"

#include <ctype.h>
#include <stdio.h>

enum { GREETING_SIZE = 8, HEADER_SIZE = 13 };

struct stream {
    uint8_t bytes[4096];
    size_t size, at;
};

/* Add the hex pairs of a line, up to the first thing that is none. */
static void add_hex(struct stream *s, const char *text)
{
    unsigned byte;
    int used;
    while (isxdigit((unsigned char)text[0]) && isxdigit((unsigned char)text[1]) &&
           !isalnum((unsigned char)text[2]) && sscanf(text, "%2x%n", &byte, &used) == 1) {
        assert_true(s->size < sizeof(s->bytes));
        s->bytes[s->size++] = (uint8_t)byte;
        text += used;
        if (*text == ' ')
            text++;
    }
}

static void read_document(struct stream *client, struct stream *server)
{
    char path[4096], line[1024];
    const char *source = getenv("SLUICE_SOURCE");
    snprintf(path, sizeof(path), "%s/proto/PROTOCOL.md", source ? source : ".");
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof(line), f)) {
        if (line[0] == 'C' && line[1] == ' ')
            add_hex(client, line + 2);
        else if (line[0] == 'S' && line[1] == ' ')
            add_hex(server, line + 2);
    }
    fclose(f);
}

/* The next frame's body. Its id must be this. */
static struct frame next_body(struct stream *s, uint32_t id)
{
    assert_true(s->size - s->at >= HEADER_SIZE);
    const uint8_t *head = s->bytes + s->at;
    uint64_t length = 0;
    uint32_t word = 0;
    assert_int_equal(head[0], 1);
    for (int i = 0; i < 8; i++)
        length = length << 8 | head[1 + i];
    for (int i = 0; i < 4; i++)
        word = word << 8 | head[9 + i];
    assert_int_equal(word, id);
    assert_in_range(length, 4, s->size - s->at - 9);
    s->at += 9 + length;
    return frame_copy(head + HEADER_SIZE, length - 4);
}

static void print_body(struct frame f)
{
    print_message("the body is");
    for (size_t i = 0; i < f.size; i++)
        print_message(" %02x", f.bytes[i]);
    print_message("\n");
}

static void the_example(void **state)
{
    (void)state;
    static struct stream client, server;
    static const uint8_t req[] = {0, 'S', 'P', 0, 0, 0x30, 0, 0}, rep[] = {0, 'S', 'P', 0, 0, 0x31, 0, 0};
    struct rig r;
    read_document(&client, &server);
    assert_memory_equal(client.bytes, req, GREETING_SIZE);
    assert_memory_equal(server.bytes, rep, GREETING_SIZE);
    client.at = server.at = GREETING_SIZE;
    rig_start(&r);
    r.now_ns = INT64_C(5000000000);
    r.world.wall_offset_ns = INT64_C(1700000000000000000);
    uint32_t id = 0x80000001;
    for (; client.at < client.size; id++) {
        struct frame request = next_body(&client, id), reply = next_body(&server, id);
        Sluice__V1__Request *m = sluice__v1__request__unpack(NULL, request.size, request.bytes);
        assert_non_null(m);
        assert_int_equal(m->base.n_unknown_fields, 0);
        reply_free(rig_ask(&r, m));
        if (r.sink.frame.size != reply.size || memcmp(r.sink.frame.bytes, reply.bytes, reply.size) != 0)
            print_body(r.sink.frame);
        assert_int_equal(r.sink.frame.size, reply.size);
        assert_memory_equal(r.sink.frame.bytes, reply.bytes, reply.size);
        sluice__v1__request__free_unpacked(m, NULL);
        frame_free(request);
        frame_free(reply);
    }
    assert_int_equal(id, 0x80000007);
    assert_int_equal(server.at, server.size);
    rig_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_example)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
