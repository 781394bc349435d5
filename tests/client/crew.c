/*
 * crew.c - pools with workers in the test's own session. See crew.h.
 *
 * Nothing here waits: a pull is one that does not, so that a test which expects a task that is not there fails at once
 * and says why.
 */
#include "crew.h"

sluice_pool pool_of(const char *name)
{
    sluice_pool p;
    assert_status(sluice_pool_make(s, name, &p), SLUICE_OK);
    return p;
}

uint64_t hired(sluice_pool p, uint32_t slots)
{
    static const char *const functions[] = {"f", ""};
    uint64_t token = 0;
    assert_status(sluice_pool_work(s, p, slots, functions, 2, &token), SLUICE_OK);
    assert_true(token != 0);
    return token;
}

struct sluice_task_spec task_spec(const char *text)
{
    struct sluice_task_spec spec = SLUICE_TASK_SPEC_INIT;
    spec.function = "f";
    spec.value = sluice_str(text);
    return spec;
}

sluice_task gone(sluice_pool p, const struct sluice_task_spec *spec)
{
    sluice_task t = {SLUICE_NIL_REF};
    bool created = false;
    if (sluice_go(s, p, spec, NULL, &t, &created) != SLUICE_OK)
        fail_msg("%s", sluice_errmsg());
    assert_true(created && t.ref.task != 0 && t.ref.handle != 0);
    return t;
}

sluice_task gone_text(sluice_pool p, const char *text)
{
    struct sluice_task_spec spec = task_spec(text);
    return gone(p, &spec);
}

struct sluice_job pulled(sluice_pool p, uint64_t token, const char *text)
{
    struct sluice_job job;
    enum sluice_status status = sluice_pool_pull(s, p, token, sluice_no_wait(), &job);
    if (status != SLUICE_OK)
        fail_msg("%s: %s", text, sluice_errmsg());
    assert_string_equal(job.item.value.bytes.data, text);
    assert_string_equal(job.function, "f");
    struct sluice_job rest = job;
    sluice_job_free(&job);
    rest.function = "f";
    rest.item = job.item;
    rest.memory = NULL;
    return rest;
}

void ended(const struct sluice_job *job, bool failed, const char *text)
{
    struct sluice_value value = text != NULL ? sluice_text(text) : sluice_none();
    assert_status(sluice_task_end(s, sluice_task_numbered(job->number), job->token, failed, value, NULL),
                  SLUICE_OK);
}

struct sluice_ending ending_of(sluice_task t)
{
    struct sluice_ending e;
    assert_status(sluice_task_wait(s, t, sluice_no_wait(), &e), SLUICE_OK);
    return e;
}

enum sluice_task_state state_of(sluice_task t)
{
    struct sluice_description *d;
    assert_status(sluice_describe(s, t.ref, &d), SLUICE_OK);
    assert_int_equal(d->kind, SLUICE_KIND_TASK);
    enum sluice_task_state state = d->task.state;
    sluice_description_free(d);
    return state;
}
