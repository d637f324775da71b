/* sweep.c: see sweep.h. */
#include "sweep.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define KEPT_EXCHANGES_MAX 200 /* failures that keep request and response: memory has a ceiling */

static bool stratum_selected(void *ctx, uint32_t stratum)
{
    const struct session *s = ctx;

    return s->entry_of[stratum] != RUN_NONE;
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

static void take_results(struct session *s)
{
    struct probe_result result;

    while (pump_next(s->pump, &result)) {
        struct report_entry *e = &s->report.entries[s->entry_of[result.stratum]];

        if (result.verdict != RUN_PASS && ++s->exchanges > KEPT_EXCHANGES_MAX)
            drop_exchange(&result);
        e->result = result;
        e->done = true;
        progress_result(&s->progress, e);
    }
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

static int wait_ms(int64_t wake, int64_t draw, int64_t now)
{
    int64_t at = wake < draw ? wake : draw;

    if (at == INT64_MAX)
        return -1;
    return at <= now ? 0 : at - now > 60000 ? 60000 : (int)(at - now);
}

bool sweep_run(struct session *s, struct err *err)
{
    struct pollfd fds[1] = {{.fd = s->signals, .events = POLLIN}};
    int64_t now = clock_boot_ms(&clock_real);

    progress_begin(&s->progress, &s->opts, &s->report, now);
    pump_sweep(s->pump, stratum_selected, s);
    while (!pump_idle(s->pump)) {
        struct http_done done;

        pump_tick(s->pump, now);
        if (!http_wait(s->http, fds, 1,
                       wait_ms(pump_wake_at(s->pump, now), progress_tick(&s->progress, now), now),
                       err))
            return false;
        now = clock_boot_ms(&clock_real);
        while (http_next(s->http, &done))
            if (!pump_take(s->pump, &done, now))
                http_response_clear(&done.response);
        take_results(s);
        if ((fds[0].revents & POLLIN) && take_signal(s)) {
            s->report.interrupted = true;
            break; /* what flies is not waited for */
        }
    }
    progress_end(&s->progress);
    return true;
}
