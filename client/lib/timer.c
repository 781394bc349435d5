/*
 * timer.c - timers, tickers, and triggers (Go's AfterFunc).
 *
 * A timer is a thing to receive from: what comes is the instant it was due. Stopping and resetting are one operation each for
 * timers, tickers and triggers; the kinds differ in the daemon only.
 */
#include "error.h"
#include "item.h"
#include "object.h"

enum sluice_status sluice_timer_make_with(sluice *s, const struct sluice_make *how, int64_t delay_ns,
                                          sluice_timer *ret, struct sluice_made *ret_made)
{
    Sluice__V1__TimerSpec timer = SLUICE__V1__TIMER_SPEC__INIT;
    timer.has_delay_ns = true;
    timer.delay_ns = delay_ns;
    return make_object(s, how, SLUICE__V1__MAKE__SPEC_TIMER, &timer, REF_OF(ret), ret_made);
}

enum sluice_status sluice_ticker_make_with(sluice *s, const struct sluice_make *how, int64_t period_ns,
                                           sluice_timer *ret, struct sluice_made *ret_made)
{
    Sluice__V1__TickerSpec ticker = SLUICE__V1__TICKER_SPEC__INIT;
    ticker.has_period_ns = true;
    ticker.period_ns = period_ns;
    return make_object(s, how, SLUICE__V1__MAKE__SPEC_TICKER, &ticker, REF_OF(ret), ret_made);
}

enum sluice_status sluice_timer_make(sluice *s, const char *name, int64_t delay_ns, sluice_timer *ret)
{
    struct sluice_make how = make_named(name);
    return sluice_timer_make_with(s, &how, delay_ns, ret, NULL);
}

enum sluice_status sluice_ticker_make(sluice *s, const char *name, int64_t period_ns, sluice_timer *ret)
{
    struct sluice_make how = make_named(name);
    return sluice_ticker_make_with(s, &how, period_ns, ret, NULL);
}

enum sluice_status sluice_timer_open(sluice *s, const char *name, uint32_t rights, sluice_timer *ret)
{
    sluice_ref ref;
    struct sluice_made made;
    enum sluice_status status = sluice_open_ref(s, sluice_named(name), rights, SLUICE_KIND_NONE, &ref, &made);
    if (status == SLUICE_OK && made.kind != SLUICE_KIND_TIMER && made.kind != SLUICE_KIND_TICKER) {
        sluice_drop(s, ref);
        return error_status(SLUICE_WRONG_KIND);
    }
    if (status == SLUICE_OK)
        ret->ref = ref;
    return status;
}

enum sluice_status sluice_timer_recv(sluice *s, sluice_timer timer, const struct sluice_wait *wait,
                                     int64_t *ret_due_ns)
{
    struct sluice_item item;
    enum sluice_status status = sluice_recv(s, sluice_chan_of(timer.ref), wait, &item);
    if (status != SLUICE_OK)
        return status;
    if (ret_due_ns != NULL)
        *ret_due_ns = item.value.type == SLUICE_TYPE_INT64 ? item.value.integer : 0;
    sluice_item_free(&item);
    return SLUICE_OK;
}

static enum sluice_status stop(sluice *s, sluice_ref ref, bool *ret_active)
{
    struct call c;
    Ref r;
    Sluice__V1__Stop op = SLUICE__V1__STOP__INIT;
    call_init(&c, SLUICE__V1__REQUEST__OP_STOP);
    c.request.stop = &op;
    op.ref = call_ref(&c, ref, &r);
    return run_truth(s, &c, ret_active);
}

static enum sluice_status reset(sluice *s, sluice_ref ref, int64_t duration_ns, bool *ret_active)
{
    struct call c;
    Ref r;
    Sluice__V1__Reset op = SLUICE__V1__RESET__INIT;
    call_init(&c, SLUICE__V1__REQUEST__OP_RESET);
    c.request.reset = &op;
    op.ref = call_ref(&c, ref, &r);
    op.has_duration_ns = true;
    op.duration_ns = duration_ns;
    return run_truth(s, &c, ret_active);
}

enum sluice_status sluice_timer_stop(sluice *s, sluice_timer timer, bool *ret_active)
{
    return stop(s, timer.ref, ret_active);
}

enum sluice_status sluice_timer_reset(sluice *s, sluice_timer timer, int64_t duration_ns, bool *ret_active)
{
    return reset(s, timer.ref, duration_ns, ret_active);
}

enum sluice_status sluice_trigger_stop(sluice *s, sluice_trigger trigger, bool *ret_active)
{
    return stop(s, trigger.ref, ret_active);
}

enum sluice_status sluice_trigger_reset(sluice *s, sluice_trigger trigger, int64_t duration_ns,
                                        bool *ret_active)
{
    return reset(s, trigger.ref, duration_ns, ret_active);
}

enum sluice_status sluice_sleep(sluice *s, int64_t duration_ns, const struct sluice_wait *wait)
{
    struct sluice_arm arm = sluice_arm_after(duration_ns);
    return sluice_select(s, &arm, 1, wait, NULL, NULL);
}

/* ---- Triggers. */

enum sluice_status sluice_trigger_make_with(sluice *s, const struct sluice_make *how,
                                            const struct sluice_trigger_spec *spec, sluice_trigger *ret,
                                            struct sluice_made *ret_made)
{
    struct call c;
    Ref ctx, channel;
    struct value_parts value;
    Sluice__V1__Make make;
    Sluice__V1__TriggerSpec trigger = SLUICE__V1__TRIGGER_SPEC__INIT;
    struct sluice_trigger_spec p = SLUICE_TRIGGER_SPEC_INIT;
    enum sluice_status status = options_take(&p, sizeof p, spec);
    if (status == SLUICE_OK)
        status = make_begin(&c, &make, how);
    if (status == SLUICE_OK)
        status = value_out(&c, &p.value, &value, &trigger.value);
    if (status != SLUICE_OK)
        return status;
    trigger.context = call_ref(&c, p.ctx.ref, &ctx);
    trigger.has_delay_ns = trigger.context == NULL;
    trigger.delay_ns = p.delay_ns;
    trigger.channel = call_ref(&c, p.channel.ref, &channel);
    return make_run(s, &c, SLUICE__V1__MAKE__SPEC_TRIGGER, &trigger, REF_OF(ret), ret_made);
}

enum sluice_status sluice_ctx_after_func(sluice *s, sluice_ctx ctx, sluice_chan channel,
                                         struct sluice_value value, sluice_trigger *ret)
{
    struct sluice_trigger_spec spec = SLUICE_TRIGGER_SPEC_INIT;
    if (sluice_is_nil(ctx.ref))
        return error_text(SLUICE_INVALID, "after_func of a nil context");
    spec.ctx = ctx;
    spec.channel = channel;
    spec.value = value;
    return sluice_trigger_make_with(s, NULL, &spec, ret, NULL);
}

enum sluice_status sluice_after_func(sluice *s, int64_t delay_ns, sluice_chan channel,
                                     struct sluice_value value, sluice_trigger *ret)
{
    struct sluice_trigger_spec spec = SLUICE_TRIGGER_SPEC_INIT;
    spec.delay_ns = delay_ns;
    spec.channel = channel;
    spec.value = value;
    return sluice_trigger_make_with(s, NULL, &spec, ret, NULL);
}
