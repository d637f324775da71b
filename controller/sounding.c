#include "sounding.h"

#include "sluice/clock.h"

#define TURN_MS 1000

static bool reads_only(const struct suite *suite, const struct suite_check *check)
{
    bool only = check->reads_only;

    for (size_t i = 0; only && i < check->needs_n; i++) /* no check needs itself, however far */
        only = reads_only(suite, &suite->checks[check->needs[i]]);
    return only;
}

bool sounding_reads_only(const struct walk *w, uint32_t stratum)
{
    const struct pump_stratum *s = pump_stratum(w->pump, stratum);

    return reads_only(&w->rig.suites[s->suite], &w->rig.suites[s->suite].checks[s->check]);
}

static bool turn(struct walk *w, int64_t now, int64_t wake, struct err *err)
{
    struct http_done done;

    wake = wake - now > TURN_MS ? TURN_MS : wake - now;
    if (!http_wait(w->rig.http, NULL, 0, wake > 0 ? (int)wake : 0, err))
        return false;
    now = clock_boot_ms(&clock_real);
    while (http_next(w->rig.http, &done))
        if (!pump_take(w->pump, &done, now))
            rig_http(&w->rig, &done, now);
    return true;
}

bool sounding_take(struct walk *w, run_filter *filter, void *filter_ctx, sounding_fn *tell,
                   void *ctx, struct err *err)
{
    struct probe_result r;

    pump_sweep(w->pump, filter, filter_ctx);
    for (;;) {
        int64_t now = clock_boot_ms(&clock_real);

        pump_tick(w->pump, now);
        while (pump_next(w->pump, &r)) {
            tell(ctx, &r);
            probe_result_clear(&r);
        }
        if (pump_idle(w->pump))
            return true;
        if (!turn(w, now, pump_wake_at(w->pump, now), err))
            return false;
    }
}

bool sounding_pause(struct walk *w, int64_t ms, struct err *err)
{
    int64_t now = clock_boot_ms(&clock_real), end = now + ms;

    for (; now < end; now = clock_boot_ms(&clock_real))
        if (!turn(w, now, end, err))
            return false;
    return true;
}
