#include "crossing.h"

#include <stdlib.h>
#include <string.h>

#include "sluice/text.h"

#define SENTENCE_MAX 400

struct crossing { /* of a stratum */
    bool wanted;
    bool on_other; /* it failed where it was asked of the other side */
    char *sentence;
};

struct trial {
    struct walk *w;
    struct crossing *list; /* by stratum */
    sounding_fn *tell;
    void *ctx;
    size_t wanted;
    bool last; /* nobody is asked again */
};

static bool is_wanted(void *ctx, uint32_t stratum)
{
    const struct trial *t = ctx;

    return t->list[stratum].wanted;
}

static const struct suite_check *check_of(const struct walk *w, const struct pump_stratum *s)
{
    return &w->rig.suites[s->suite].checks[s->check];
}

static void take(void *ctx, const struct probe_result *r)
{
    struct trial *t = ctx;
    struct crossing *c = &t->list[r->stratum];
    const struct suite_check *check = check_of(t->w, pump_stratum(t->w->pump, r->stratum));
    struct buf text SL_CLEANUP(buf_clear) = {0};

    if (t->tell && (!c->wanted || r->verdict == RUN_PASS || t->last))
        t->tell(t->ctx, r);
    if (!c->wanted)
        return;
    free(c->sentence);
    c->sentence = NULL;
    if (r->verdict == RUN_PASS) {
        c->wanted = false;
        t->wanted--;
        return;
    }
    text_add_safe(&text, r->sentence ? r->sentence : "", r->sentence ? strlen(r->sentence) : 0,
                  SENTENCE_MAX);
    secret_redact_sink(&text);
    c->sentence = buf_take(&text);
    c->on_other = r->verdict == RUN_FAIL && check->steps[r->step].other;
}

static void say(const struct trial *t, uint32_t stratum)
{
    const struct pump_stratum *s = pump_stratum(t->w->pump, stratum);
    const struct suite_check *check = check_of(t->w, s);
    const struct crossing *c = &t->list[stratum];
    const char *own = suite_side_names[s->side],
               *other = suite_side_names[s->side == SUITE_OLD ? SUITE_NEW : SUITE_OLD];
    bool required = check->required && !check->known_bad;
    struct buf title SL_CLEANUP(buf_clear) = {0}, what SL_CLEANUP(buf_clear) = {0},
                     where SL_CLEANUP(buf_clear) = {0};

    pump_title(t->w->pump, stratum, &title);
    text_add_safe(&where, buf_str(&title), title.len, 200);
    if (c->on_other)
        buf_addf(&what, "the %s side does not take a session of the %s side: %s", other, own,
                 c->sentence);
    else
        buf_addf(&what, "it cannot be seen whether the %s side takes a session of the %s side: %s",
                 other, own, c->sentence ? c->sentence : "not asked");
    survey_add(
        &t->w->survey, c->on_other ? "sessions_differ" : "sessions_unseen",
        required ? SURVEY_REFUSE : SURVEY_WARN, buf_str(&where), buf_str(&what),
        c->on_other
            ? "sessions are signed with different keys, or kept in stores of their own: give "
              "both sides the same ones, else users who meet both are logged out"
            : "see that the check's steps before `side: other` pass on their own side");
}

static void say_all(const struct trial *t)
{
    uint32_t said = 0;

    for (uint32_t i = 0; t->wanted && i < pump_strata_n(t->w->pump); i++)
        if (t->list[i].wanted && said++ < CROSSING_SAID_MAX)
            say(t, i);
}

static void switch_all(const struct trial *t, bool on)
{
    for (uint32_t i = 0; i < pump_strata_n(t->w->pump); i++)
        if (pump_stratum(t->w->pump, i)->crosses)
            pump_switch(t->w->pump, i, on);
}

bool crossing_writes(const struct walk *w)
{
    for (uint32_t i = 0; i < pump_strata_n(w->pump); i++)
        if (pump_stratum(w->pump, i)->crosses && !sounding_reads_only(w, i))
            return true;
    return false;
}

bool crossing_try(struct walk *w, bool reads_only, sounding_fn *tell, void *ctx, struct err *err)
{
    uint32_t n = pump_strata_n(w->pump);
    struct trial t = {.w = w, .tell = tell, .ctx = ctx};
    bool ok = true;

    t.list = x_calloc(n ? n : 1, sizeof *t.list);
    for (uint32_t i = 0; i < n; i++) {
        const struct pump_stratum *s = pump_stratum(w->pump, i);

        t.list[i].wanted = s->crosses && (!reads_only || sounding_reads_only(w, i));
        t.wanted += t.list[i].wanted;
    }
    switch_all(&t, true);
    for (int asks = 0; ok && t.wanted && asks <= CROSSING_ASKS; asks++) {
        t.last = asks == CROSSING_ASKS;
        ok = (!asks || sounding_pause(w, CROSSING_PAUSE_MS, err)) &&
             sounding_take(w, is_wanted, &t, take, &t, err);
    }
    switch_all(&t, false);
    if (ok)
        say_all(&t);
    for (uint32_t i = 0; i < n; i++)
        free(t.list[i].sentence);
    free(t.list);
    return ok;
}
