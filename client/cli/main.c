/*
 * main.c - sluice, the shell command: from argv to one verb and its exit code.
 *
 * The first word, or the first two, name a verb (verbs.def); its own parser takes the rest, and its function does the work on an open
 * connection. The command does nothing before it knows the verb: a whole `sluice send` costs about what the smallest
 * process costs.
 *
 * Exit codes: 0 done, 1 a negative answer, else those of the statuses (status.def), the child's own where a child ran, 64 for wrong usage,
 * 74 when reading stdin or writing stdout fails, 128 + n after signal n.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "help.h"
#include "link.h"
#include "out.h"
#include "verb.h"

static int unknown(int count, char **words)
{
    const struct verb *nearest = verb_nearest(count, words);
    bool family = verb_is_family(words[0]);
    char typed[128];
    snprintf(typed, sizeof typed, "%s%s%s", words[0], family && count > 1 ? " " : "",
             family && count > 1 ? words[1] : "");
    if (nearest != NULL)
        return fail_text(EX_USAGE, "'%s' is no verb; did you mean '%s'?", typed, nearest->name);
    return fail_text(EX_USAGE, "'%s' is no verb; `sluice help%s%s` lists them", typed, family ? " " : "",
                     family ? words[0] : "");
}

static int run(const struct verb *verb, int argc, char **argv)
{
    char name[64];
    snprintf(name, sizeof name, "sluice %s", verb->name);
    argv[0] = name;
    struct args args = {0};
    verb_parse(verb, argc, argv, &args);

    int code = 0;
    sluice *s = NULL;
    if (!(verb->takes & NO_DAEMON))
        s = link_open(&args, (verb->takes & (TAKES_WAIT | MAY_WAIT)) != 0, &code);
    if (code == 0) {
        code = verb->run(&args, s);
        if (code == 0)
            code = out_flush();
    }
    link_close(s);
    free(args.words);
    interrupt_die();
    return code;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return help_overview(stderr, NULL), EX_USAGE;
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "-?") == 0)
        return help_overview(stdout, NULL), out_flush();
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)
        return printf("sluice %s\n", sluice_version()), out_flush();
    int taken = 0;
    const struct verb *verb = verb_find(argc - 1, argv + 1, &taken);
    if (verb != NULL)
        return run(verb, argc - taken, argv + taken);
    bool family = verb_is_family(argv[1]);
    if (family && argc == 2)
        return help_overview(stderr, argv[1]), EX_USAGE;
    if (family && (strcmp(argv[2], "--help") == 0 || strcmp(argv[2], "-?") == 0))
        return help_overview(stdout, argv[1]), out_flush();
    return unknown(argc - 1, argv + 1);
}
