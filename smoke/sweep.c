/* sweep.c: see sweep.h. */
#include "sweep.h"

#include "loop.h"

/* Setup and what it is for at once: needs see to the order. */
static bool first_time(void *ctx, uint32_t stratum)
{
    return loop_selected_main(ctx, stratum) || loop_selected_setup(ctx, stratum);
}

/* True when the run is to end here. */
static bool take_results(struct session *s)
{
    struct probe_result result;
    bool stop = false;

    while (pump_next(s->pump, &result)) {
        stop |= s->opts.fail_fast && result.verdict == RUN_FAIL &&
                pump_stratum(s->pump, result.stratum)->required;
        loop_take(s, &result);
    }
    return stop;
}

bool sweep_run(struct session *s, struct err *err)
{
    uint32_t repeat = s->opts.repeat ? s->opts.repeat : 1;

    for (uint32_t i = 0; i < repeat && !s->report.interrupted; i++) {
        if (i == 0)
            pump_sweep(s->pump, first_time, s);
        else
            pump_sweep_due(s->pump, loop_selected_main, s, s->now_ms);
        while (!pump_idle(s->pump) && !s->report.interrupted) {
            if (!loop_turn(s, INT64_MAX, err))
                return false;
            if (take_results(s)) {
                buf_add_str(&s->conclusion, "stopped at the first failure: --fail-fast");
                return true;
            }
        }
    }
    return true;
}
