/*
 * template.c - a command line with places for a text: see template.h.
 *
 * As xargs -I has it, so also inside an argument, and in the program's name. What is put in is not looked at again: a text that holds {} stays
 * as it is.
 */
#include "template.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static char *fill_in(const char *pattern, const char *text, size_t size, bool *ret_found)
{
    size_t room = strlen(pattern) + 1;
    for (const char *at = pattern; (at = strstr(at, "{}")) != NULL; at += 2)
        room += size;
    char *filled = malloc(room), *to = filled;
    if (filled == NULL)
        abort();
    for (const char *at = pattern; *at != '\0';) {
        if (strncmp(at, "{}", 2) == 0) {
            to = mempcpy(to, text, size);
            at += 2;
            *ret_found = true;
        } else {
            *to++ = *at++;
        }
    }
    *to = '\0';
    return filled;
}

char **template_fill(char *const *command, const char *text, size_t size)
{
    size_t count = 0;
    bool found = false;
    while (command[count] != NULL)
        count++;
    char **argv = calloc(count + 2, sizeof *argv);
    if (argv == NULL)
        abort();
    for (size_t i = 0; i < count; i++)
        argv[i] = fill_in(command[i], text, size, &found);
    if (!found)
        argv[count] = fill_in("{}", text, size, &found);
    return argv;
}

void template_free(char **argv)
{
    for (size_t i = 0; argv[i] != NULL; i++)
        free(argv[i]);
    free(argv);
}
