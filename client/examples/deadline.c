/*
 * deadline.c - one deadline for everything that is done for one purpose.
 *
 * A context carries a deadline and a value. Whatever is done with it - receiving here, a select there, in this process or in another
 * that knows its name - ends when it does, and can ask why. Prints what happened.
 */
#include <err.h>
#include <stdio.h>

#include <sluice.h>

static void must(enum sluice_status status)
{
    if (status != SLUICE_OK)
        errx(sluice_exit_code(status), "%s", sluice_errmsg());
}

int main(void)
{
    sluice *s;
    sluice_ctx background, request, step;
    sluice_chan answers;
    struct sluice_item item;
    must(sluice_open(NULL, &s));
    must(sluice_ctx_background(s, &background));

    struct sluice_ctx_key key = {"example", "string", "user"};
    must(sluice_ctx_with_timeout(s, background, 50 * SLUICE_MILLISECOND, "the user went away", &request));
    must(sluice_ctx_with_value(s, request, key, sluice_str("ann"), &step));
    must(sluice_ctx_value(s, step, key, &item));
    printf("working for %s\n", (const char *)item.value.bytes.data);
    sluice_item_free(&item);

    /* Nobody answers: the context ends the wait. */
    must(sluice_chan_make(s, NULL, 0, &answers));
    struct sluice_wait wait = SLUICE_WAIT_CTX(step);
    enum sluice_status status = sluice_recv(s, answers, &wait, &item);
    printf("receive: %s (%s)\n", sluice_strstatus(status), sluice_errcause());

    /* The same as an arm among others. */
    int index;
    struct sluice_arm arms[] = {sluice_arm_recv(answers), sluice_arm_after(10 * SLUICE_SECOND),
                                sluice_arm_done(step)};
    status = sluice_select(s, arms, 3, NULL, &index, &item);
    printf("select: arm %d, %s\n", index, sluice_status_name(status));
    sluice_close(s);
    return 0;
}
