/* ramp_rig.c: see ramp_rig.h. */
#include "test.h"

#include "ramp_rig.h"

void rig_init(struct rig *r)
{
    static const uint32_t steps[] = {1, 10, 50, 100};

    memset(r, 0, sizeof(*r));
    r->now = 1000000;
    plan_init(&r->plan);
    r->plan.cutover = "shop";
    r->plan.steps_n = 4;
    for (int i = 0; i < 4; i++)
        r->plan.steps[i] = (struct plan_step){steps[i], 60000, false, PLAN_ROLLBACK};
    r->plan.soak.for_ms = 600000;
    r->plan.suites_n = 1;
    r->plan.suites[0] = (struct plan_suite){.allowed_ppm = 10000, .unacceptable_ppm = 50000};
    r->plan.read_every_ms = 0;
    for (uint32_t i = 0; i < 2 * RIG_CHECKS; i++)
        r->strata[i] = (struct plan_stratum){
            .cell = i / 2, .check = (uint16_t)(i / 2), .side = (uint8_t)(i % 2), .required = true};
    r->plan.strata = r->strata;
    r->plan.strata_n = 2 * RIG_CHECKS;
}

void rig_begin(struct rig *r, uint32_t goal, uint32_t options)
{
    struct ramp_options o = {goal, options, 1};

    ramp_init(&r->s, &r->plan, &o);
}

void rig_event(struct rig *r, const struct ramp_event *ev)
{
    ramp_step(&r->s, &r->plan, ev, r->now, &r->out);
    for (uint32_t i = 0; i < r->out.n; i++) {
        const struct ramp_action *a = &r->out.item[i];

        r->applies += a->kind == RAMP_ACT_APPLY;
        r->releases += a->kind == RAMP_ACT_RELEASE;
        r->asks += a->kind == RAMP_ACT_ASK;
        if (a->kind == RAMP_ACT_ROLLBACK) {
            r->rollbacks++;
            r->last_rollback = *a;
        }
    }
    if (!ramp_over(&r->s))
        assert_true(ramp_wake_at(&r->s) > r->now); /* what was due is done: the loop never spins */
}

void rig_start(struct rig *r, enum ramp_start start)
{
    rig_event(r, &(struct ramp_event){.kind = RAMP_EV_START, .start = start});
}

void rig_tick(struct rig *r)
{
    int64_t at = ramp_wake_at(&r->s);

    assert_true(at != INT64_MAX);
    r->now = at > r->now ? at : r->now;
    rig_event(r, &(struct ramp_event){.kind = RAMP_EV_TICK});
}

void rig_operator(struct rig *r, enum ramp_operator op)
{
    rig_event(r, &(struct ramp_event){.kind = RAMP_EV_OPERATOR, .op = op});
}

void rig_signal(struct rig *r, enum ramp_signal signal)
{
    rig_event(r, &(struct ramp_event){.kind = RAMP_EV_SIGNAL, .signal = signal});
}

void rig_probe(struct rig *r, uint32_t stratum, enum ramp_verdict verdict, uint32_t ask_op)
{
    rig_event(r, &(struct ramp_event){
                     .kind = RAMP_EV_PROBE,
                     .probe = {stratum, verdict, 20000 + (r->now * 7919) % 3000, ask_op}});
}

const struct ramp_action *rig_find(const struct rig *r, enum ramp_action_kind kind)
{
    for (uint32_t i = 0; i < r->out.n; i++)
        if (r->out.item[i].kind == kind)
            return &r->out.item[i];
    return NULL;
}

static void answer(struct rig *r, enum ramp_outcome outcome, bool partly)
{
    struct ramp_event ev = {.kind = RAMP_EV_DONE};

    assert_int_not_equal(r->s.core.op, 0);
    ev.done.op_id = (uint32_t)r->s.core.op;
    ev.done.outcome = outcome;
    ev.done.partly = partly;
    ev.done.reading.ttl_max_ms = 60000;
    ev.done.reading.new_percent = (uint32_t)r->s.core.start_percent;
    rig_event(r, &ev);
}

void rig_answer(struct rig *r, enum ramp_outcome outcome)
{
    answer(r, outcome, false);
}

void rig_answer_partly(struct rig *r, enum ramp_outcome outcome)
{
    answer(r, outcome, true);
}

void rig_synced(struct rig *r)
{
    rig_event(r, &(struct ramp_event){.kind = RAMP_EV_SYNCED, .op_id = (uint32_t)r->s.core.op});
}

/* Answers the asks among the last actions, both sides passing. */
static void answer_asks(struct rig *r)
{
    struct ramp_actions asked = r->out;

    for (uint32_t i = 0; i < asked.n; i++)
        if (asked.item[i].kind == RAMP_ACT_ASK) {
            rig_probe(r, asked.item[i].stratum & ~1u, RAMP_PASS, asked.item[i].op_id);
            rig_probe(r, asked.item[i].stratum | 1u, RAMP_PASS, asked.item[i].op_id);
        }
}

void rig_second(struct rig *r, int new_bad, int old_bad)
{
    for (int i = 0; i < 5; i++) {
        uint32_t check = (uint32_t)((r->now / 200) % RIG_CHECKS);

        r->now += 200;
        rig_probe(r, 2 * check, i < old_bad ? RAMP_FAIL : RAMP_PASS, 0);
        answer_asks(r);
        rig_probe(r, 2 * check + 1, i < new_bad ? RAMP_FAIL : RAMP_PASS, 0);
        answer_asks(r);
    }
    rig_event(r, &(struct ramp_event){.kind = RAMP_EV_TICK});
    answer_asks(r);
}

static void round_of_passes(struct rig *r)
{
    uint32_t op = (uint32_t)r->s.core.op;

    for (uint32_t i = 0; i < r->plan.strata_n; i++)
        rig_probe(r, i, RAMP_PASS, 0);
    rig_event(r, &(struct ramp_event){.kind = RAMP_EV_ROUND, .op_id = op});
}

void rig_walk(struct rig *r, enum ramp_phase phase, int64_t step)
{
    for (int i = 0; i < 86400; i++) {
        const struct ramp_core *c = &r->s.core;

        if (c->phase == (int64_t)phase && (step < 0 || c->step == step))
            return;
        assert_false(ramp_over(&r->s));
        if (c->op != 0 && c->op_done)
            rig_synced(r);
        else if (c->op != 0 && c->op_kind == RAMP_ACT_PROBES)
            round_of_passes(r);
        else if (c->op != 0)
            rig_answer(r, RAMP_OK);
        else if (c->phase == RAMP_APPROVING)
            rig_operator(r, RAMP_DO_APPROVE);
        else
            rig_second(r, 0, 0);
    }
    fail_msg("never came to %s", ramp_phase_name(phase));
}

void rig_crash(struct rig *r, enum ramp_start start)
{
    struct ramp_core kept = r->s.core;

    memset(&r->s, 0xa5, sizeof(r->s));
    r->now = 5000; /* another boot */
    assert_true(ramp_restore(&r->s, &r->plan, &kept));
    rig_start(r, start);
}
