/*
 * sp.c - see sp.h.
 *
 * A frame that claims more than SP_CLAIM_MAX is no frame: a peer that sends text or another protocol is caught by its first byte or
 * by this. Between that and the caller's limit lies SP_LARGE, so that an honest client with too much to say is told so.
 */
#include "sp.h"

#include <endian.h>
#include <string.h>

#define SP_CLAIM_MAX (UINT64_C(1) << 40)

static const uint8_t greeting[SP_GREETING_SIZE] = {0, 'S', 'P', 0, 0, 0, 0, 0};

static uint32_t word_at(const uint8_t *from)
{
    uint32_t word;
    memcpy(&word, from, sizeof(word));
    return be32toh(word);
}

void sp_greet(enum sp_protocol protocol, uint8_t ret[static SP_GREETING_SIZE])
{
    memcpy(ret, greeting, SP_GREETING_SIZE);
    ret[4] = (uint8_t)(protocol >> 8);
    ret[5] = (uint8_t)protocol;
}

enum sp_verdict sp_greeted(enum sp_protocol protocol, const uint8_t *data, size_t size,
                           const char **ret_reason)
{
    uint8_t wanted[SP_GREETING_SIZE];
    sp_greet(protocol, wanted);
    size_t seen = size < SP_GREETING_SIZE ? size : SP_GREETING_SIZE;
    for (size_t i = 0; i < seen; i++) {
        if (data[i] != wanted[i]) {
            *ret_reason = i < 4 ? "it does not speak SP" : "it does not speak the REQ protocol";
            return SP_BAD;
        }
    }
    return seen == SP_GREETING_SIZE ? SP_DONE : SP_MORE;
}

enum sp_verdict sp_parse(const uint8_t *data, size_t size, uint64_t body_size_max, struct sp_frame *ret,
                         const char **ret_reason)
{
    *ret = (struct sp_frame){0};
    if (size > 0 && data[0] != 1) {
        *ret_reason = "a frame does not begin with 01";
        return SP_BAD;
    }
    if (size < SP_LENGTH_SIZE)
        return SP_MORE;
    uint64_t length;
    memcpy(&length, data + 1, sizeof(length));
    length = be64toh(length);
    if (length > SP_CLAIM_MAX) {
        *ret_reason = "a frame claims an impossible length";
        return SP_BAD;
    }
    uint64_t frame_size = SP_LENGTH_SIZE + length;
    for (uint32_t hops = 0;; hops++) {
        size_t header_size = sp_header_size(hops);
        if (hops > SP_HOPS_MAX || header_size > frame_size) {
            *ret_reason =
                hops > SP_HOPS_MAX ? "a request came over too many devices" : "a frame has no request id";
            return SP_BAD;
        }
        if (header_size > size) {
            ret->frame_size = frame_size;
            return SP_MORE;
        }
        uint32_t word = word_at(data + header_size - SP_WORD_SIZE);
        if (!(word & SP_ID_BIT))
            continue;
        *ret = (struct sp_frame){
            .header = data + SP_LENGTH_SIZE,
            .hops = hops,
            .id = word,
            .body = data + header_size,
            .body_size = frame_size - header_size,
            .frame_size = frame_size,
        };
        if (ret->body_size > body_size_max)
            return SP_LARGE;
        return size < frame_size ? SP_MORE : SP_DONE;
    }
}

void sp_put_header(uint8_t *to, const uint8_t *hops_words, uint32_t hops, uint32_t id, uint64_t body_size)
{
    size_t words_size = (size_t)hops * SP_WORD_SIZE;
    uint64_t length = htobe64(words_size + SP_WORD_SIZE + body_size);
    uint32_t last = htobe32(id);
    to[0] = 1;
    memcpy(to + 1, &length, sizeof(length));
    if (words_size > 0)
        memcpy(to + SP_LENGTH_SIZE, hops_words, words_size);
    memcpy(to + SP_LENGTH_SIZE + words_size, &last, sizeof(last));
}
