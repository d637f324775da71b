/* loop.c: see loop.h. */
#include "loop.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define KEPT_EXCHANGES_MAX 200 /* failures that keep request and response: memory has a ceiling */
#define SLEEP_MS_MAX       60000

bool loop_selected(void *ctx, uint32_t stratum)
{
    const struct session *s = ctx;

    return s->entry_of[stratum] != RUN_NONE;
}

static enum suite_stage stage_of(const struct session *s, uint32_t stratum)
{
    const struct pump_stratum *p = pump_stratum(s->pump, stratum);

    return s->suites[p->suite]->checks[p->check].stage;
}

bool loop_selected_main(void *ctx, uint32_t stratum)
{
    return loop_selected(ctx, stratum) && stage_of(ctx, stratum) == SUITE_MAIN;
}

bool loop_selected_setup(void *ctx, uint32_t stratum)
{
    return loop_selected(ctx, stratum) && stage_of(ctx, stratum) == SUITE_SETUP;
}

bool loop_selected_teardown(void *ctx, uint32_t stratum)
{
    return loop_selected(ctx, stratum) && stage_of(ctx, stratum) == SUITE_TEARDOWN;
}

bool loop_teardown(struct session *s, struct err *err)
{
    bool interrupted = s->report.interrupted;
    struct probe_result result;
    bool any = false, ok = true;

    for (uint32_t i = 0; i < pump_strata_n(s->pump); i++)
        any |= loop_selected_teardown(s, i);
    any |= pump_stop(s->pump) > 0; /* what an interruption left in flight */
    if (!any)
        return true;
    s->report.interrupted = false;
    while (ok && !pump_idle(s->pump) && !s->report.interrupted) {
        ok = loop_turn(s, INT64_MAX, err);
        while (pump_next(s->pump, &result))
            loop_take(s, &result);
    }
    if (s->report.interrupted)
        return ok;
    pump_sweep(s->pump, loop_selected_teardown, s);
    while (ok && !pump_idle(s->pump) && !s->report.interrupted) {
        ok = loop_turn(s, INT64_MAX, err);
        while (pump_next(s->pump, &result))
            loop_take(s, &result);
    }
    s->report.interrupted |= interrupted;
    return ok;
}

/* After so many failures the next ones keep their sentence and curl line only. */
static void drop_exchange(struct probe_result *r)
{
    char **const owned[] = {&r->request_head, &r->request_body, &r->response_head,
                            &r->response_body};

    for (size_t i = 0; i < ARRAY_LEN(owned); i++) {
        free(*owned[i]);
        *owned[i] = NULL;
    }
}

static int badness(const struct probe_result *r)
{
    return r->verdict == RUN_FAIL    ? 3
           : r->verdict == RUN_ERROR ? 2
                                     : r->attempts > 1 || r->sentence;
}

void loop_take(struct session *s, struct probe_result *result)
{
    uint32_t at = s->entry_of[result->stratum];
    struct report_entry *e = &s->report.entries[at];
    struct report_entry now = {.result = *result, .done = true};

    if (s->tallies)
        tally_add(&s->tallies[at], result);
    progress_result(&s->progress, &now);
    if (e->done && (badness(result) < badness(&e->result) ||
                    (badness(result) > 1 && badness(result) == badness(&e->result)))) {
        probe_result_clear(result);
        return;
    }
    if (e->done)
        probe_result_clear(&e->result);
    if (result->verdict != RUN_PASS && ++s->exchanges > KEPT_EXCHANGES_MAX)
        drop_exchange(result);
    e->result = *result;
    e->done = true;
    progress_settle(&s->progress);
}

/* True when a signal came. */
static bool take_signal(struct session *s)
{
    struct signalfd_siginfo info;

    if (read(s->signals, &info, sizeof info) != (ssize_t)sizeof info)
        return false;
    s->terminated = info.ssi_signo == SIGTERM;
    return true;
}

static int wait_ms(int64_t at, int64_t now)
{
    if (at == INT64_MAX)
        return -1;
    return at <= now ? 0 : at - now > SLEEP_MS_MAX ? SLEEP_MS_MAX : (int)(at - now);
}

bool loop_turn(struct session *s, int64_t wake_ms, struct err *err)
{
    struct pollfd fds[1] = {{.fd = s->signals, .events = POLLIN}};
    int64_t draw, at;
    struct http_done done;

    if (s->old_pump)
        pump_tick(s->old_pump, s->now_ms);
    pump_tick(s->pump, s->now_ms);
    draw = progress_tick(&s->progress, s->now_ms);
    at = pump_wake_at(s->pump, s->now_ms);
    if (s->old_pump && pump_wake_at(s->old_pump, s->now_ms) < at)
        at = pump_wake_at(s->old_pump, s->now_ms);
    at = at < draw ? at : draw;
    at = at < wake_ms ? at : wake_ms;
    if (!http_wait(s->http, fds, 1, wait_ms(at, s->now_ms), err))
        return false;
    s->now_ms = clock_boot_ms(&clock_real);
    while (http_next(s->http, &done))
        if (!pump_take(s->pump, &done, s->now_ms) &&
            !(s->old_pump && pump_take(s->old_pump, &done, s->now_ms)))
            http_response_clear(&done.response);
    if ((fds[0].revents & POLLIN) && take_signal(s))
        s->report.interrupted = true; /* what flies is not waited for */
    return true;
}
