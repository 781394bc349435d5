/*
 * semaphore.h - what others ask of a semaphore.
 *
 * A concurrency limit keeps one under each of its keys, and ACQUIRE_ALL looks whether a request can ever fit.
 */
#ifndef ENGINE_SEMAPHORE_H
#define ENGINE_SEMAPHORE_H

#include "object.h"

/* Permits nobody holds. */
uint64_t semaphore_free(const struct object *o);
uint64_t semaphore_size(const struct object *o);
/* From now on there are so many. Who holds permits keeps them: until enough came back there are none. */
void semaphore_resize(struct engine *e, struct object *o, uint64_t size);

#endif
