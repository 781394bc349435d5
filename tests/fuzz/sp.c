/*
 * sp.c - fuzzing the SP framing: any bytes, in any pieces.
 *
 * The input is what a peer sends: a greeting and frames. It is read as it stands, and frame by frame with every part of each frame before the
 * whole of it; both have to tell the same. A frame that was read and is written again has to be the same bytes. Each part is a block of
 * memory of its own, so that reading a byte too far is seen.
 *
 *     build/fuzz/targets/sp tests/fuzz/corpus/sp
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sp.h"

enum { BODY_SIZE_MAX = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Parse exactly these bytes, from a block of their own; a good frame points into it no more. */
static enum sp_verdict parse_alone(const uint8_t *data, size_t size, struct sp_frame *ret,
                                   const char **ret_reason)
{
    uint8_t *block = malloc(size + (size == 0));
    assert(block);
    if (size > 0)
        memcpy(block, data, size);
    enum sp_verdict verdict = sp_parse(block, size, BODY_SIZE_MAX, ret, ret_reason);
    free(block);
    return verdict;
}

/* A part of a frame never tells other than the whole. */
static void check_parts(const uint8_t *data, const struct sp_frame *whole)
{
    for (uint64_t part = 0; part < whole->frame_size; part++) {
        struct sp_frame frame;
        const char *reason = NULL;
        assert(parse_alone(data, (size_t)part, &frame, &reason) == SP_MORE);
        assert(frame.frame_size == 0 || frame.frame_size == whole->frame_size);
    }
}

static void check_rewrite(const uint8_t *data, const struct sp_frame *frame)
{
    uint8_t again[SP_HEADER_SIZE_MAX];
    sp_put_header(again, frame->header, frame->hops, frame->id, frame->body_size);
    assert(memcmp(again, data, sp_header_size(frame->hops)) == 0);
    assert(frame->body == data + sp_header_size(frame->hops));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *reason = NULL;
    enum sp_verdict verdict = sp_greeted(SP_REQ, data, size, &reason);
    size_t at = verdict == SP_DONE ? SP_GREETING_SIZE : 0;
    for (struct sp_frame frame; at < size; at += (size_t)frame.frame_size) {
        reason = NULL;
        verdict = sp_parse(data + at, size - at, BODY_SIZE_MAX, &frame, &reason);
        assert((verdict == SP_BAD) == (reason != NULL));
        if (verdict == SP_LARGE)
            assert(frame.body_size > BODY_SIZE_MAX);
        if (verdict != SP_DONE)
            break;
        assert(frame.frame_size <= size - at && frame.body_size <= BODY_SIZE_MAX);
        check_parts(data + at, &frame);
        check_rewrite(data + at, &frame);
    }
    return 0;
}
