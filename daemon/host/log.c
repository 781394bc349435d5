/*
 * log.c - see log.h.
 *
 * A line that cannot be written is lost; there is nobody left to tell. Long lines are cut.
 */
#include "log.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

enum { LINE_SIZE = 1024, FACTS_MAX = 8, FACT_SIZE = 160 };

static int level_now = LOG_INFO;
static bool to_journal;

void log_open(void)
{
    uintmax_t dev = 0, ino = 0;
    struct stat st;
    const char *stream = getenv("JOURNAL_STREAM");
    to_journal = stream && sscanf(stream, "%ju:%ju", &dev, &ino) == 2 && fstat(STDERR_FILENO, &st) == 0 &&
                 st.st_dev == dev && st.st_ino == ino;
}

void log_set_level(int level)
{
    level_now = level;
}

static void to_stderr(const char *line, const struct log_fact *facts, size_t count)
{
    char out[LINE_SIZE + FACTS_MAX * FACT_SIZE];
    size_t size = (size_t)snprintf(out, LINE_SIZE, "sluiced: %s", line);
    size = size < LINE_SIZE ? size : LINE_SIZE - 1;
    bool any = false;
    for (size_t i = 0; i < count && i < FACTS_MAX; i++) {
        if (!facts[i].name)
            continue;
        int n = facts[i].text ? snprintf(out + size, FACT_SIZE, "%s%s=%s", any ? " " : " (", facts[i].name,
                                         facts[i].text)
                              : snprintf(out + size, FACT_SIZE, "%s%s=%" PRIu64, any ? " " : " (",
                                         facts[i].name, facts[i].number);
        size += (size_t)(n < FACT_SIZE ? n : FACT_SIZE - 1);
        any = true;
    }
    size += (size_t)snprintf(out + size, sizeof(out) - size, any ? ")\n" : "\n");
    ssize_t written = write(STDERR_FILENO, out, size);
    (void)written;
}

static void journal_field(struct iovec *ret, char *buf, const struct log_fact *fact)
{
    char name[32];
    size_t i = 0;
    for (; i < sizeof(name) - 1 && fact->name[i]; i++)
        name[i] = (char)toupper((unsigned char)fact->name[i]);
    name[i] = 0;
    int n = fact->text ? snprintf(buf, FACT_SIZE, "SLUICE_%s=%s", name, fact->text)
                       : snprintf(buf, FACT_SIZE, "SLUICE_%s=%" PRIu64, name, fact->number);
    *ret = (struct iovec){.iov_base = buf, .iov_len = (size_t)(n < FACT_SIZE ? n : FACT_SIZE - 1)};
}

static void to_journald(int level, char *message, const struct log_fact *facts, size_t count)
{
    char priority[16], fields[FACTS_MAX][FACT_SIZE];
    struct iovec iov[FACTS_MAX + 2];
    (void)snprintf(priority, sizeof(priority), "PRIORITY=%d", level);
    iov[0] = (struct iovec){.iov_base = message, .iov_len = strlen(message)};
    iov[1] = (struct iovec){.iov_base = priority, .iov_len = strlen(priority)};
    int used = 2;
    for (size_t i = 0; i < count && i < FACTS_MAX; i++) {
        if (facts[i].name) {
            journal_field(&iov[used], fields[used - 2], &facts[i]);
            used++;
        }
    }
    (void)sd_journal_sendv(iov, used);
}

void log_line(int level, const struct log_fact *facts, size_t facts_count, const char *format, ...)
{
    if (level > level_now)
        return;
    static const char prefix[] = "MESSAGE=";
    char message[LINE_SIZE];
    memcpy(message, prefix, sizeof(prefix));
    va_list args;
    va_start(args, format);
    (void)vsnprintf(message + sizeof(prefix) - 1, sizeof(message) - sizeof(prefix) + 1, format, args);
    va_end(args);
    if (to_journal)
        to_journald(level, message, facts, facts_count);
    else
        to_stderr(message + sizeof(prefix) - 1, facts, facts_count);
}
