/*
 * config.h - the settings of the daemon: defaults, then sluiced.conf, then flags.
 *
 * The file is that of --config; otherwise $XDG_CONFIG_HOME/sluice/sluiced.conf (or ~/.config) for a daemon that has an
 * XDG_RUNTIME_DIR, which is a user's own, and the system's for one that has not. A missing file counts only when --config named it.
 */
#ifndef DAEMON_CONFIG_H
#define DAEMON_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct config_list {
    char **items;
    size_t count;
};

/* One field a row of keys.def, and where it came from. Times are nanoseconds, sizes bytes. All strings are owned. */
struct config {
#define NUMBER(name, field, ...) int64_t field;
#define TEXT(name, field, ...)   char *field;
#define LIST(name, field, ...)   struct config_list field;
#define FLAG(name, field, ...)   bool field;
#include "keys.def"
#undef NUMBER
#undef TEXT
#undef LIST
#undef FLAG
    char *file;      /* the file that was read, or NULL */
    bool check_only; /* --check-config */
};

/*
 * Read all three. Wrong flags, --help and --version end the process, as argp does. A wrong file: -EINVAL, or what the system said, and one line
 * in why that names file, line and key.
 */
int config_load(struct config *ret, int argc, char **argv, char *why, size_t why_size);
/* Free what it holds. */
void config_done(struct config *c);
/* Write it in the form of the file. */
void config_print(const struct config *c, FILE *to);
/* The first row from *cursor on (0 at first) that differs and needs a start to take effect; NULL: none. */
const char *config_next_frozen(const struct config *old, const struct config *new, size_t *cursor);

#endif
