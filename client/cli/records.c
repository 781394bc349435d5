/*
 * records.c - stdin as records: see records.h.
 *
 * Each read takes what is there, so records are given as soon as they arrive (tail -f | sluice send), and many at a time when they
 * come fast. A last record without its delimiter counts; two delimiters side by side hold an empty record. A record may be
 * as large as the daemon takes and no larger: memory stays bounded whatever comes.
 */
#include "records.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "link.h"

enum { READ_SIZE = 128 * 1024 };

bool records_next(struct records *r, struct sluice_blob *ret)
{
    char *from = r->data + r->start;
    char *at = r->delimiter < 0 || r->searched == r->end
                   ? NULL
                   : memchr(r->data + r->searched, r->delimiter, r->end - r->searched);
    r->searched = r->end;
    if (at == NULL) {
        if (!r->ended || (r->start == r->end && !(r->delimiter < 0 && r->number == 0)))
            return false;
        at = r->data + r->end; /* the last one */
        r->end++;              /* counts the NUL that stands in for its delimiter */
    }
    *at = '\0';
    ret->data = from;
    ret->size = (size_t)(at - from);
    r->start = r->searched = (size_t)(at - r->data) + 1;
    r->number++;
    return true;
}

/* Room for another read and a NUL. */
static void make_room(struct records *r)
{
    if (r->start > 0) {
        memmove(r->data, r->data + r->start, r->end - r->start);
        r->end -= r->start;
        r->searched -= r->start;
        r->start = 0;
    }
    if (r->end + READ_SIZE + 1 > r->room) {
        r->room = (r->end + READ_SIZE + 1) * 2;
        r->data = realloc(r->data, r->room);
        if (r->data == NULL)
            abort();
    }
}

int records_read(struct records *r, int *ret_code)
{
    make_room(r);
    if (r->end > r->size_max) {
        *ret_code = fail_text(sluice_exit_code(SLUICE_TOO_LARGE),
                              "record %llu of stdin is larger than a payload may be: %zu bytes",
                              (unsigned long long)r->number + 1, r->size_max);
        return -1;
    }
    ssize_t got = -1;
    errno = EINTR;
    if (interrupt_local_begin())
        got = read(STDIN_FILENO, r->data + r->end, READ_SIZE);
    int error = errno;
    interrupt_local_end();
    if (got > 0) {
        r->end += (size_t)got;
        return 1;
    }
    if (got == 0) {
        r->ended = true;
        return 0;
    }
    if (interrupt_signal() != 0)
        *ret_code = 128 + interrupt_signal();
    else
        *ret_code = fail_text(EX_IOERR, "cannot read stdin: %s", strerror(error));
    return -1;
}

void records_done(struct records *r)
{
    free(r->data);
    *r = (struct records){0};
}
