/*
 * help.h - what the command says about itself, from the table of verbs.
 *
 * The rest of a verb's help is argp's: verb.h.
 */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include <stdio.h>

/* The list of verbs; family: of these only ("ctx"), NULL: all, with what else there is to know. */
void help_overview(FILE *out, const char *family);

#endif
