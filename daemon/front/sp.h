/*
 * sp.h - the SP framing of ipc:// REQ/REP as a pure function of bytes.
 *
 * Both ends of a connection first send a greeting of 8 bytes: 00 'S' 'P' 00, the sender's protocol as 16 bits, 00 00. Then come
 * frames: 01, the length of what follows as 64 bits, and that many bytes. They begin with the request's header, which the reply
 * carries back unchanged: any number of 32-bit words whose top bit is clear (a device on the way puts one there to find its own
 * way back) and a last one whose top bit is set, the request's id. All numbers are big-endian. The rest is the body.
 *
 * Nothing here holds memory or reads a socket. Any bytes give one of three answers: a frame, a wish for more, or a reason to
 * refuse. What is asked for never depends on a length that was only claimed: the caller reads as bytes come.
 */
#ifndef FRONT_SP_H
#define FRONT_SP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SP_GREETING_SIZE = 8,
    SP_LENGTH_SIZE = 9, /* 01 and the length */
    SP_WORD_SIZE = 4,
    SP_HOPS_MAX = 8, /* words before the id: nng's own limit of devices on a way */
    SP_HEADER_SIZE_MAX = SP_LENGTH_SIZE + (SP_HOPS_MAX + 1) * SP_WORD_SIZE,
};

/* The top bit of the last word of a header. */
#define SP_ID_BIT (UINT32_C(1) << 31)

enum sp_protocol { SP_REQ = 0x30, SP_REP = 0x31 };

enum sp_verdict {
    SP_MORE,  /* the bytes are good so far, and too few */
    SP_DONE,  /* a whole greeting or frame stands at the front */
    SP_LARGE, /* a good header, but the body is larger than allowed: refuse it by its id and skip it */
    SP_BAD,   /* nothing good can follow: close, for the reason given */
};

struct sp_frame {
    const uint8_t *header; /* the words before the id */
    uint32_t hops;         /* how many */
    uint32_t id;           /* the last word, with SP_ID_BIT */
    const uint8_t *body;
    uint64_t body_size;
    uint64_t frame_size; /* from the 01 to the end of the body */
};

/* Write the greeting of a protocol. */
void sp_greet(enum sp_protocol protocol, uint8_t ret[static SP_GREETING_SIZE]);
/* Read a greeting, which has to be of that protocol. *ret_reason (static) only with SP_BAD. */
enum sp_verdict sp_greeted(enum sp_protocol protocol, const uint8_t *data, size_t size,
                           const char **ret_reason);

/*
 * Read the frame at the front of data. SP_DONE: *ret tells it, borrowing from data. SP_LARGE: the same, but its body is longer than
 * body_size_max and not all there. SP_MORE: ret->frame_size is the size of the whole frame, or 0 when that is not yet known.
 * SP_BAD: *ret_reason (static) says why.
 */
enum sp_verdict sp_parse(const uint8_t *data, size_t size, uint64_t body_size_max, struct sp_frame *ret,
                         const char **ret_reason);

/* The size of the header of a frame with so many hops. */
static inline size_t sp_header_size(uint32_t hops)
{
    return SP_LENGTH_SIZE + ((size_t)hops + 1) * SP_WORD_SIZE;
}

/* Write the header of a frame with a body of body_size bytes: sp_header_size(hops) bytes. */
void sp_put_header(uint8_t *to, const uint8_t *hops_words, uint32_t hops, uint32_t id, uint64_t body_size);

#endif
