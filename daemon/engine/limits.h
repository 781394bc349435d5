/*
 * limits.h - every limit of the engine and the protocol, once.
 *
 * A limit is either a constant of the protocol (a client may rely on it for ever) or a default that the configuration may
 * lower or raise within its bounds (struct limits in engine.h). Reaching one is STATUS_LIMIT, STATUS_TOO_LARGE or STATUS_BAD_NAME with the name of
 * the limit, its value and the use in the reply: nobody is disconnected and nothing is changed.
 */

/* This file stands before the system's own limits.h on the include path: who wants that one gets both. */
#if defined(__clang__)
#pragma clang diagnostic ignored "-Winclude-next-absolute-path"
#endif
#include_next <limits.h>

#ifndef ENGINE_LIMITS_H
#define ENGINE_LIMITS_H

#include <assert.h>
#include <stdint.h>

/* Constants of the protocol. */
enum {
    NAME_SIZE_MAX = 255,        /* bytes of an object's name */
    SESSION_ID_SIZE = 16,       /* bytes of a session's random id */
    SELECT_ARMS_MAX = 65536,    /* arms of one select: reflect.Select's own limit */
    BATCH_ITEMS_MAX = 65536,    /* values of one SEND_MANY, items of one RECV_MANY, leases of one ACK */
    CONTEXT_VALUES_MAX = 64,    /* values given to one context */
    CONTEXT_TEXT_MAX = 4096,    /* bytes of a cause, or of a context value's key parts */
    SESSION_NAME_MAX = 64,      /* bytes of the program name a session gives in HELLO */
    ACKED_EXTRA_MAX = 4096,     /* single acknowledgements in one request, beyond acked_below */
    LIST_PAGE_MAX = 1024,       /* rows of one LIST or DUMP page */
    DESCRIBE_WAITERS_MAX = 256, /* waiters named in one DESCRIBE */
    CONTEXT_DEPTH_MAX = 8192,   /* contexts from a root down to one that is derived */
    QUIESCE_MAX = 64,           /* parked QUIESCE of one session */
    KEY_SIZE_MAX = 255,         /* bytes of a key of a limiter or a flight */
    ACQUIRE_ALL_MAX = 64,       /* locks and permits of one ACQUIRE_ALL */
    ERROR_TEXT_MAX = 4096,      /* bytes of a group's error, which becomes a context's cause */
    BARRIER_PARTIES_MAX = 1 << 30,
    PRIORITY_MAX = 1000, /* of a task, either way */
    AFTER_MAX = 64,      /* tasks that one comes after */
    GO_ON_MAX = 61,      /* tasks of a pool that go on while one waits to begin: as Go's scheduler has it */
    FUNCTIONS_MAX = 256, /* of one worker */
    SLOTS_MAX = 1 << 20, /* of one worker */
    SIGNAL_MAX = 64,
};

/* What describes a channel's messages. */
#define SCHEMA_SIZE_MAX ((size_t)256 << 10)

/* The largest capacity of a channel. Storage is taken as items come, so this bounds a number, not memory. */
#define CHANNEL_CAP_MAX ((int64_t)1 << 40)

/* The largest count of a rate, and the largest burst: with them, debts and products stay within 128 bits. */
#define LIMITER_COUNT_MAX ((uint64_t)1 << 40)

/* The most permits a semaphore can have. */
#define SEMAPHORE_SIZE_MAX ((uint64_t)1 << 62)

/* "Never": the end of time, to which longer durations saturate. */
#define NEVER_NS INT64_MAX

/* A finished context that only its name keeps alive stays readable this long. */
#define CONTEXT_LINGER_NS (INT64_C(600) * 1000000000)

/* How long a finished task keeps its result, unless it says otherwise. */
#define TASK_KEEP_NS (INT64_C(3600) * 1000000000)

/* Defaults of what the configuration may change, and their bounds. */
#define PAYLOAD_SIZE_DEFAULT     (UINT32_C(1) << 20)
#define PAYLOAD_SIZE_CEILING     (UINT32_C(64) << 20)
#define MEMORY_DEFAULT           (UINT64_C(4) << 30)
#define MEMORY_SPARE_MAX         (UINT64_C(16) << 20) /* of it, at most a sixteenth: not for values */
#define SESSIONS_DEFAULT         UINT32_C(65536)
#define OBJECTS_DEFAULT          UINT32_C(4194304)
#define HANDLES_DEFAULT          UINT32_C(1048576) /* per session */
#define CALLS_DEFAULT            UINT32_C(2097152) /* per session: parked, and finished but not acknowledged */
#define RESUME_WINDOW_DEFAULT_NS (INT64_C(3600) * 1000000000)

/* What a frame needs around its payloads: 65 536 arms with short names, or 65 536 small values. */
#define FRAME_SLACK (UINT32_C(4) << 20)

static_assert(PAYLOAD_SIZE_DEFAULT <= PAYLOAD_SIZE_CEILING, "the default lies within its bound");
static_assert(SELECT_ARMS_MAX * 48 <= FRAME_SLACK, "a full select fits a frame");
static_assert(BATCH_ITEMS_MAX * 48 <= FRAME_SLACK, "a full batch of small values fits a frame");
static_assert(NAME_SIZE_MAX < UINT16_MAX, "a name's size fits struct ref");

#endif
