/*
 * help.c - what the command says about itself: help, completion.
 *
 * All of it comes from the table of verbs, and the exit codes from the table of statuses. The completion script asks the daemon for names
 * at the moment it needs them, and never starts one for that.
 */
#include "help.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "link.h"
#include "out.h"
#include "verb.h"

/* ---- The overview */

static bool in_family(const struct verb *verb, const char *family)
{
    size_t size = family == NULL ? 0 : strlen(family);
    return family == NULL || (strncmp(verb->name, family, size) == 0 && verb->name[size] == ' ');
}

struct code_text {
    int code;
    const char *text;
};

static const struct code_text code_texts[] = {
#define STATUS(NAME, number, exit, text) {exit, text},
#include "status.def"
#undef STATUS
    {1, "a negative answer"},
    {74, "reading stdin or writing stdout failed"},
    {75, "a lock was lost while its command ran"},
    {126, "the command cannot be run"},
    {127, "the command is not found"},
};

static void print_codes(FILE *out)
{
    fputs("Exit codes:\n", out);
    for (int code = 0; code < 128; code++) {
        int said = 0;
        for (size_t i = 0; i < sizeof code_texts / sizeof *code_texts; i++)
            if (code_texts[i].code == code) {
                if (said++ == 0)
                    fprintf(out, "  %3d  %s", code, code_texts[i].text);
                else
                    fprintf(out, "; %s", code_texts[i].text);
            }
        if (said > 0)
            fputs("\n", out);
    }
    fputs("  128 + n: ended by signal n; where a command ran, its own code\n", out);
}

void help_overview(FILE *out, const char *family)
{
    fprintf(out, "Usage: sluice %s%sVERB [OPTION...] [ARGUMENT...]\n", family == NULL ? "" : family,
            family == NULL ? "" : " ");
    fputs(family == NULL ? "Channels, select, contexts, timers and locks between processes.\n\n" : "\n", out);
    for (const struct verb *const *v = verbs; *v != NULL; v++)
        if (in_family(*v, family))
            fprintf(out, "  %-15s %s\n", (*v)->name, (*v)->help);
    fputs("\n`sluice help VERB` or `sluice VERB --help` tells more, with an example.\n", out);
    if (family != NULL)
        return;
    fputs("\nDurations are Go's (250ms, 1m30s, 2h), or a number of seconds. `--` ends options.\n"
          "SLUICE_ADDR is the daemon's address; SLUICE_CTX the context that bounds every wait.\n\n",
          out);
    print_codes(out);
}

/* ---- The manual page */

/* Text for troff: a backslash is its own escape, a dot or quote at the start of a line a request. */
static void troff(const char *text)
{
    bool start = true;
    for (; *text != '\0'; text++) {
        if (start && (*text == '.' || *text == '\''))
            fputs("\\&", stdout);
        if (*text == '\\')
            fputs("\\e", stdout);
        else if (*text == '-')
            fputs("\\-", stdout);
        else
            putchar(*text);
        start = *text == '\n';
    }
}

static void troff_option(const struct argp_option *o, void *with)
{
    (void)with;
    fputs(".TP\n.B ", stdout);
    if (o->key < 256)
        printf("\\-%c, ", o->key);
    fputs("\\-\\-", stdout);
    troff(o->name);
    if (o->arg != NULL)
        printf("=\\fI%s\\fP", o->arg);
    putchar('\n');
    troff(o->doc);
    putchar('\n');
}

static void print_manual(void)
{
    printf(
        ".TH SLUICE 1 \"\" \"sluice %s\" \"User Commands\"\n.SH NAME\nsluice \\- channels, select, contexts, timers and locks between processes\n",
        sluice_version());
    puts(".SH SYNOPSIS\n.B sluice\n.I VERB\n[OPTION...] [ARGUMENT...]\n.SH VERBS");
    for (const struct verb *const *v = verbs; *v != NULL; v++) {
        printf(".SS \"sluice %s %s\"\n", (*v)->name, (*v)->words);
        troff((*v)->help);
        const char *example = strstr((*v)->text, "Example");
        size_t before = example == NULL ? strlen((*v)->text) : (size_t)(example - (*v)->text);
        printf(".\n.PP\n");
        char *text = strndup((*v)->text, before);
        troff(text == NULL ? "" : text);
        free(text);
        if (example != NULL) {
            printf("\n.PP\n.nf\n");
            troff(example);
            printf("\n.fi\n");
        }
        verb_each_option(*v, troff_option, NULL);
    }
    puts(".SH EXIT STATUS\n.nf");
    print_codes(stdout);
    puts(".fi");
}

/* ---- help */

static bool help_manual;

static bool help_option(int key, char *arg, struct argp_state *state)
{
    (void)arg, (void)state;
    help_manual = help_manual || key == 'm';
    return key == 'm';
}

static int help_run(struct args *args, sluice *s)
{
    (void)s;
    if (help_manual) {
        print_manual();
        return 0;
    }
    int taken = 0;
    if (args->words_count == 0) {
        help_overview(stdout, NULL);
        return 0;
    }
    const struct verb *verb = verb_find(args->words_count, args->words, &taken);
    if (verb != NULL && taken == args->words_count)
        verb_help(verb); /* does not return */
    if (args->words_count == 1 && verb_is_family(args->words[0])) {
        help_overview(stdout, args->words[0]);
        return 0;
    }
    return fail_text(EX_USAGE, "there is no verb '%s%s%s'; `sluice help` lists them", args->words[0],
                     args->words_count > 1 ? " " : "", args->words_count > 1 ? args->words[1] : "");
}

static const struct argp_option help_options[] = {
    {"man", 'm', NULL, 0, "Print the manual page, for man(1): sluice help --man | man -l -", 1},
    {0},
};

const struct verb verb_help_verb = {
    .name = "help",
    .words = "[VERB]",
    .help = "List the verbs, or tell all about one",
    .text = "Example:\n"
            "  sluice help ctx run",
    .takes = NO_DAEMON,
    .words_min = 0,
    .words_max = 2,
    .options = help_options,
    .option = help_option,
    .run = help_run,
};

/* ---- completion */

static void complete_option(const struct argp_option *o, void *with)
{
    (void)with;
    printf(" --%s", o->name);
}

/* The words of verbs: first words, or the second ones of a family. */
static void complete_verbs(const char *family)
{
    const char *last = "";
    for (const struct verb *const *v = verbs; *v != NULL; v++) {
        if (!in_family(*v, family))
            continue;
        const char *word = family == NULL ? (*v)->name : (*v)->name + strlen(family) + 1;
        size_t size = strcspn(word, " ");
        if (strlen(last) < size || strncmp(last, word, size) != 0 ||
            (last[size] != '\0' && last[size] != ' '))
            printf(" %.*s", (int)size, word);
        last = word;
    }
}

/* For each family: the second words it has, and that two words are its verbs' names. */
static void print_families(void)
{
    const char *last = "";
    for (const struct verb *const *v = verbs; *v != NULL; v++) {
        size_t size = strcspn((*v)->name, " ");
        if ((*v)->name[size] == '\0' || strncmp(last, (*v)->name, size + 1) == 0)
            continue;
        last = (*v)->name;
        char *family = strndup(last, size);
        if (family == NULL)
            abort();
        printf("    2:%s) words='", family);
        complete_verbs(family);
        printf("' ;;\n    *:%s) verb+=\" ${COMP_WORDS[2]}\" ;;\n", family);
        free(family);
    }
}

static void print_bash(void)
{
    puts("# bash completion for sluice, from its table of verbs.\n"
         "_sluice()\n"
         "{\n"
         "    local cur=${COMP_WORDS[COMP_CWORD]} verb=${COMP_WORDS[1]} words='' options=''\n"
         "    case $COMP_CWORD:$verb in");
    fputs("    1:*) words='", stdout);
    complete_verbs(NULL);
    puts("' ;;");
    print_families();
    puts("    esac\n"
         "    case $verb in");
    for (const struct verb *const *v = verbs; *v != NULL; v++) {
        printf("    '%s') options='", (*v)->name);
        verb_each_option(*v, complete_option, NULL);
        puts("' ;;");
    }
    puts("    esac\n"
         "    case $cur in\n"
         "    -*) words=\"$options --help\" ;;\n"
         "    *) [[ $words ]] || words=$(SLUICE_AUTOSTART=0 sluice ls -1 2>/dev/null) ;;\n"
         "    esac\n"
         "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
         "}\n"
         "complete -F _sluice sluice");
}

static int completion_run(struct args *args, sluice *s)
{
    (void)s;
    if (strcmp(args->words[0], "bash") != 0)
        return fail_text(EX_USAGE, "there is completion for bash only");
    print_bash();
    return 0;
}

const struct verb verb_completion = {
    .name = "completion",
    .words = "bash",
    .help = "Print the completion script for a shell",
    .text = "Example:\n"
            "  sluice completion bash >~/.local/share/bash-completion/completions/sluice",
    .takes = NO_DAEMON,
    .words_min = 1,
    .words_max = 1,
    .run = completion_run,
};
