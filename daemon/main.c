/*
 * main.c - sluiced.
 *
 * Reads the configuration, then serves until it is told to leave (loop.c). The exit code is that of sysexits.h: 0 when it left because it was told to,
 * 64 for wrong flags, 69 when somebody else serves the address, 71 when the system refused something, 78 for a wrong file.
 */
#include <sysexits.h>

#include "config.h"
#include "log.h"
#include "loop.h"

int main(int argc, char **argv)
{
    char why[512];
    struct config config;
    log_open();
    if (config_load(&config, argc, argv, why, sizeof(why)) < 0) {
        log_say(LOG_ERR, "%s", why);
        return EX_CONFIG;
    }
    int code = 0;
    if (config.check_only)
        config_print(&config, stdout);
    else
        code = loop_main(&config, argc, argv);
    config_done(&config);
    return code;
}
