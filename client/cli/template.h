/*
 * template.h - a command line with places for a text: {}.
 *
 * What is made of it is argv for one run; the template itself stays as it is.
 */
#ifndef CLI_TEMPLATE_H
#define CLI_TEMPLATE_H

#include <stddef.h>

/* The command with each {} in its arguments replaced by the text, which has no NUL; where there is none the text is one more argument. No shell
 * looks at it. For template_free. */
char **template_fill(char *const *command, const char *text, size_t size);
void template_free(char **argv);

#endif
