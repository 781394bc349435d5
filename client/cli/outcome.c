/*
 * outcome.c - what a command got, as a value that others print too (outcome.h).
 *
 * stdout is written to memory first, so that nobody prints half of what was not finished; it appears when the command has ended. stderr is left alone.
 */
#include "outcome.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "link.h"
#include "out.h"

enum { HEAD_SIZE = 32 };

struct outcome {
    int code;
    bool cut;
    struct sluice_value output;
};

/* What lies in an item. */
static struct outcome outcome_read(const struct sluice_item *item, bool failed)
{
    struct outcome o = {failed ? 1 : 0, false, item->value};
    const char *text = item->value.type == SLUICE_TYPE_BYTES ? item->value.bytes.data : NULL;
    const char *line_end = text == NULL ? NULL : memchr(text, '\n', item->value.bytes.size);
    int code = 0, read = 0;
    if (line_end == NULL || line_end - text >= HEAD_SIZE || sscanf(text, "exit %3d%n", &code, &read) != 1)
        return o;
    bool cut = strncmp(text + read, " cut\n", 5) == 0;
    if (code < 0 || code > 255 || (!cut && text[read] != '\n'))
        return o;
    size_t head = (size_t)(line_end - text) + 1;
    return (struct outcome){code, cut, sluice_bytes(line_end + 1, item->value.bytes.size - head)};
}

static int outcome_show(const struct args *args, sluice *s, const struct outcome *o, bool ran)
{
    if (args->json) {
        printf("{\"ran\":%s,\"exit\":%d,\"cut\":%s,\"value\":", ran ? "true" : "false", o->code,
               o->cut ? "true" : "false");
        out_json_value(s, &o->output);
        puts("}");
    } else {
        const struct out_format format = {.how = OUT_RAW};
        const struct sluice_item item = {.value = o->output};
        out_item(&format, s, &item);
    }
    if (o->cut)
        remark("%s: the output was too long: this is its beginning", args->words[0]);
    return o->code;
}

/* The outcome as a value in memory for free(): the head and as much of the output as fits. */
static char *outcome_pack(int code, const char *output, size_t size, size_t size_max,
                          struct sluice_value *ret_value)
{
    char head[HEAD_SIZE];
    bool cut = size > size_max - HEAD_SIZE;
    int head_size = snprintf(head, sizeof head, "exit %d%s\n", code, cut ? " cut" : "");
    if (cut)
        size = size_max - HEAD_SIZE;
    char *packed = malloc((size_t)head_size + size);
    if (packed == NULL)
        return NULL;
    memcpy(packed, head, (size_t)head_size);
    if (size > 0)
        memcpy(packed + head_size, output, size);
    *ret_value = sluice_bytes(packed, (size_t)head_size + size);
    return packed;
}

int outcome_print(const struct args *args, sluice *s, const struct sluice_item *item, bool failed)
{
    struct outcome o = outcome_read(item, failed);
    return outcome_show(args, s, &o, false);
}

/* Stores what the command got, and prints it, here all of it. */
static int finish(const struct args *args, sluice *s, const struct hold *h, outcome_end *end, int code,
                  const char *output, size_t size)
{
    struct sluice_session session;
    struct sluice_value value;
    sluice_session_get(s, &session);
    char *packed = outcome_pack(code, output, size, session.payload_size_max, &value);
    if (packed == NULL)
        return fail_text(EX_OSERR, "out of memory");
    enum sluice_status status = end(s, h, code != 0, value);
    if (status != SLUICE_OK) {
        code = EX_TEMPFAIL;
        remark("%s: the %s was lost while the command ran: %s", h->name, h->what, sluice_errmsg());
    } else {
        const struct outcome whole = {code, false, sluice_bytes(output, size)};
        outcome_show(args, s, &whole, true);
    }
    free(packed);
    return code;
}

int outcome_run(const struct args *args, sluice *s, const struct hold *h, outcome_end *end)
{
    int output = memfd_create("sluice-outcome", MFD_CLOEXEC);
    if (output < 0)
        return fail_text(EX_OSERR, "cannot make memory for the output");
    struct hold_end ended = hold_run(s, h, args->command, output);
    int code = ended.code;
    if (ended.started && !ended.killed && !ended.lost) {
        struct stat st;
        size_t size = fstat(output, &st) == 0 ? (size_t)st.st_size : 0;
        void *data = size == 0 ? NULL : mmap(NULL, size, PROT_READ, MAP_PRIVATE, output, 0);
        code = data == MAP_FAILED ? fail_text(EX_OSERR, "out of memory")
                                  : finish(args, s, h, end, ended.code, data, size);
        if (size > 0 && data != MAP_FAILED)
            munmap(data, size);
    }
    close(output);
    return code;
}
