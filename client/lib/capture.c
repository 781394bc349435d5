/*
 * capture.c - both ends of an output, however long it is.
 *
 * The first bytes fill the head; what comes after goes round in a ring, and what it overwrites has been dropped. A result holds the ring's bytes in
 * order: they are turned round when somebody asks, in a second array.
 */
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include <sluice.h>

struct sluice_capture {
    uint64_t size; /* of all that came */
    char head[SLUICE_OUTPUT_SIZE], ring[SLUICE_OUTPUT_SIZE], tail[SLUICE_OUTPUT_SIZE];
};

sluice_capture *sluice_capture_new(void)
{
    sluice_capture *c = malloc(sizeof *c);
    if (c != NULL)
        c->size = 0;
    return c;
}

void sluice_capture_add(sluice_capture *capture, const void *data, size_t size)
{
    const char *at = data;
    while (size > 0) {
        bool heads = capture->size < SLUICE_OUTPUT_SIZE;
        size_t place = capture->size % SLUICE_OUTPUT_SIZE;
        size_t room = SLUICE_OUTPUT_SIZE - place;
        size_t n = size < room ? size : room;
        memcpy((heads ? capture->head : capture->ring) + place, at, n);
        capture->size += n;
        at += n;
        size -= n;
    }
}

struct sluice_output sluice_capture_get(sluice_capture *capture)
{
    uint64_t size = capture->size;
    size_t head = size < SLUICE_OUTPUT_SIZE ? size : SLUICE_OUTPUT_SIZE;
    uint64_t rest = size - head;
    size_t tail = rest < SLUICE_OUTPUT_SIZE ? rest : SLUICE_OUTPUT_SIZE;
    size_t start = (size - tail) % SLUICE_OUTPUT_SIZE, first = SLUICE_OUTPUT_SIZE - start;
    first = first < tail ? first : tail;
    memcpy(capture->tail, capture->ring + start, first);
    memcpy(capture->tail + first, capture->ring, tail - first);
    return (struct sluice_output){{capture->head, head}, {capture->tail, tail}, rest - tail};
}

sluice_capture *sluice_capture_free(sluice_capture *capture)
{
    free(capture);
    return NULL;
}
