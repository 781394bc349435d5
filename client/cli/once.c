/*
 * once.c - sluice once: a command that runs once for all processes, and its outcome.
 *
 * Go's OnceValue. The first caller runs the command; all others, then and later, get what it got: its stdout and its exit code. A command that
 * fails has run: that is its outcome, as a panic is Go's. One that did not end by itself (a signal, a runner that died, a lost connection)
 * or could not be started has not, and the next caller runs it, or with --poison nobody ever does.
 *
 * The outcome is kept as a value of bytes: the line "exit N", then stdout as it was; "exit N cut" when stdout is longer than the
 * daemon takes, and only its beginning is kept. It has failed when N is not 0. Outcomes of other programs are printed as they are.
 *
 * stdout is written to memory first, so that nobody prints half of what was not finished; it appears when the command has ended. stderr is left alone.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "hold.h"
#include "link.h"
#include "out.h"
#include "sync.h"
#include "verb.h"

static bool poison;

enum { KEY_POISON = 0x100, HEAD_SIZE = 32 };

static bool once_option(int key, char *arg, struct argp_state *state)
{
    if (key != KEY_POISON)
        return hold_option(key, arg, state);
    poison = true;
    return true;
}

static void once_check(const struct args *args, struct argp_state *state)
{
    if (args->command == NULL || args->command[0] == NULL)
        argp_error(state, "expected a command behind --");
}

/* ---- Outcomes */

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

static int outcome_print(const struct args *args, sluice *s, const struct outcome *o, bool ran)
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

/* ---- Running */

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

/* Stores what the command got, and prints it, here all of it. */
static int finish(const struct args *args, sluice *s, const struct hold *h, int code, const char *output,
                  size_t size)
{
    struct sluice_session session;
    struct sluice_value value;
    sluice_session_get(s, &session);
    char *packed = outcome_pack(code, output, size, session.payload_size_max, &value);
    if (packed == NULL)
        return fail_text(EX_OSERR, "out of memory");
    enum sluice_status status = sluice_once_end(s, sluice_once_of(h->ref), h->grant.token, code != 0, value);
    if (status != SLUICE_OK) {
        code = EX_TEMPFAIL;
        remark("%s: the %s was lost while the command ran: %s", h->name, h->what, sluice_errmsg());
    } else {
        const struct outcome whole = {code, false, sluice_bytes(output, size)};
        outcome_print(args, s, &whole, true);
    }
    free(packed);
    return code;
}

static int run_first(const struct args *args, sluice *s, const struct hold *h)
{
    int output = memfd_create("sluice-once", MFD_CLOEXEC);
    if (output < 0)
        return fail_text(EX_OSERR, "cannot make memory for the output");
    struct hold_end end = hold_run(s, h, args->command, output);
    int code = end.code;
    if (end.started && !end.killed && !end.lost) {
        struct stat st;
        size_t size = fstat(output, &st) == 0 ? (size_t)st.st_size : 0;
        void *data = size == 0 ? NULL : mmap(NULL, size, PROT_READ, MAP_PRIVATE, output, 0);
        code = data == MAP_FAILED ? fail_text(EX_OSERR, "out of memory")
                                  : finish(args, s, h, end.code, data, size);
        if (size > 0 && data != MAP_FAILED)
            munmap(data, size);
    }
    close(output);
    return code;
}

/* With --poison what is there must be so too; without, it is taken as it is. */
static enum sluice_status open_once(sluice *s, struct hold *h)
{
    struct sync_spec spec = SYNC_SPEC_INIT(SLUICE_KIND_ONCE, SLUICE_KIND_ONCE);
    struct sluice_make how = SLUICE_MAKE_INIT;
    spec.poison = poison;
    how.name = h->name;
    return poison ? sync_make(s, &how, &spec, &h->ref) : sync_open(s, h->name, &spec, &h->ref, NULL);
}

static int once_run(struct args *args, sluice *s)
{
    struct hold h = {.name = args->words[0], .what = "right to run", .kind = SLUICE_KIND_ONCE};
    struct sluice_wait wait = args_wait(args);
    struct sluice_outcome got = {0};
    enum sluice_status status = open_once(s, &h);
    if (status == SLUICE_OK)
        status = sluice_once_begin(s, sluice_once_of(h.ref), hold_options.ttl_ns, &wait, &h.grant, &got);
    if (status != SLUICE_OK)
        return fail(status, h.name);
    if (h.grant.token != 0)
        return run_first(args, s, &h);
    struct outcome o = outcome_read(&got.item, got.failed);
    int code = outcome_print(args, s, &o, false);
    sluice_item_free(&got.item);
    return code;
}

static const struct argp_option once_options[] = {
    {"poison", KEY_POISON, NULL, 0,
     "If the runner dies it has failed for good (exit code 1); else the next caller runs", 1},
    HOLD_COMMAND_OPTIONS,
    {0},
};

const struct verb verb_once = {
    .name = "once",
    .words = "NAME -- CMD [ARG...]",
    .help = "Run a command once for all processes",
    .text =
        "The first caller runs it, the others wait; then all print its stdout and exit with its exit code, as all later callers do at once, until `sluice rm NAME`. "
        "A command that fails has run. One that was killed, lost its right, or could not be started has not: the next caller runs it, with SLUICE_OWNER_DIED=1, unless --poison. "
        "SLUICE_TOKEN and how the command is stopped are as for `lock`.\n\n"
        "stdout appears when the command has ended; of an output longer than the daemon's payload limit the others get the beginning. Other programs find the line \"exit N\" and then stdout.\n\n"
        "Example:\n"
        "  sluice once migrate -- ./migrate.sh",
    .takes = TAKES_WAIT | TAKES_TRY | TAKES_COMMAND | TAKES_JSON,
    .words_min = 1,
    .words_max = 1,
    .options = once_options,
    .option = once_option,
    .check = once_check,
    .run = once_run,
};
