/* warmup.c: see warmup.h. */
#include "warmup.h"

#include <stdlib.h>
#include <string.h>

#include "loop.h"
#include "sluice/text.h"

struct wait {         /* for one suite */
    uint32_t stratum; /* RUN_NONE: nothing of it is selected */
    bool passed;
    bool reached; /* its last answer, or refusal, came from a server */
    int64_t pause_ms;
    char *last; /* why it did not pass last; NULL: no answer yet */
};

static void choose(const struct session *s, struct wait *waits)
{
    for (size_t i = 0; i < s->suites_n; i++)
        waits[i] = (struct wait){.stratum = RUN_NONE, .pause_ms = WARMUP_FIRST_MS};
    for (uint32_t i = 0; i < pump_strata_n(s->pump); i++) {
        const struct pump_stratum *p = pump_stratum(s->pump, i), *best;
        struct wait *w = &waits[p->suite];
        bool cheap = p->reads_only && s->suites[p->suite]->checks[p->check].steps_n == 1;

        if (s->entry_of[i] == RUN_NONE || s->suites[p->suite]->checks[p->check].needs_n > 0 ||
            s->suites[p->suite]->checks[p->check].stage == SUITE_TEARDOWN)
            continue;
        best = w->stratum == RUN_NONE ? NULL : pump_stratum(s->pump, w->stratum);
        if (!best || (cheap && !(best->reads_only &&
                                 s->suites[best->suite]->checks[best->check].steps_n == 1)))
            w->stratum = i;
    }
}

static void add_title(const struct session *s, const struct wait *w, struct buf *out)
{
    struct buf title SL_CLEANUP(buf_clear) = {0};

    pump_title(s->pump, w->stratum, &title);
    buf_add_char(out, '\'');
    text_add_safe(out, buf_str(&title), title.len, 300);
    buf_add_char(out, '\'');
    if (w->last) {
        buf_add_str(out, " (");
        text_add_safe(out, w->last, strlen(w->last), 500);
        buf_add_char(out, ')');
    }
}

/* A refused connection is what is expected here: one line for each new reason, not for each ask. */
static void take(struct session *s, struct wait *w, struct probe_result *r)
{
    const char *why = r->sentence ? r->sentence : "did not pass";

    w->passed = r->verdict == RUN_PASS;
    w->reached = r->outcome != HTTP_DNS && r->outcome != HTTP_NO_ROUTE;
    if (w->passed)
        return;
    if (!w->last || strcmp(w->last, why) != 0) {
        struct buf line SL_CLEANUP(buf_clear) = {0};

        free(w->last);
        w->last = x_strdup(why);
        add_title(s, w, &line);
        log_info("waiting for %s", buf_str(&line));
    }
    (void)pump_ask(s->pump, w->stratum, s->now_ms + w->pause_ms, 0);
    w->pause_ms = 2 * w->pause_ms < WARMUP_MOST_MS ? 2 * w->pause_ms : WARMUP_MOST_MS;
}

/* The first that is still waited for. */
static const struct wait *missing(const struct session *s, const struct wait *waits)
{
    for (size_t i = 0; i < s->suites_n; i++)
        if (waits[i].stratum != RUN_NONE && !waits[i].passed)
            return &waits[i];
    return NULL;
}

static void give_up(struct session *s, const struct wait *w)
{
    buf_add_str(&s->conclusion, "not ready after ");
    text_format_duration(&s->conclusion, s->opts.wait_for_ms);
    buf_add_str(&s->conclusion, ": waited for ");
    add_title(s, w, &s->conclusion);
    s->report.judged = true;
    s->report.judged_status = w->last && w->reached ? 1 : 11;
}

bool warmup_run(struct session *s, bool *ready, struct err *err)
{
    struct wait *waits = x_calloc(s->suites_n, sizeof *waits);
    int64_t end = s->now_ms + s->opts.wait_for_ms;
    const struct wait *w;
    bool ok = true;

    choose(s, waits);
    for (size_t i = 0; i < s->suites_n; i++)
        if (waits[i].stratum != RUN_NONE)
            (void)pump_ask(s->pump, waits[i].stratum, s->now_ms, 0);
    while ((w = missing(s, waits)) != NULL && s->now_ms < end && !s->report.interrupted) {
        struct probe_result r;

        ok = loop_turn(s, end, err);
        if (!ok)
            break;
        while (pump_next(s->pump, &r)) {
            take(s, &waits[r.suite], &r);
            probe_result_clear(&r);
        }
    }
    *ready = ok && !w;
    if (ok && w && !s->report.interrupted)
        give_up(s, w);
    for (size_t i = 0; i < s->suites_n; i++)
        free(waits[i].last);
    free(waits);
    return ok;
}
