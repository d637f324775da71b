#include "fence_ramp.h"

#include <string.h>

#include "weights.h"

uint32_t fence_ramp_drift(const char *field)
{
    static const struct {
        const char *field;
        uint32_t bit;
    } rows[] = {
        {"weight", RAMP_DRIFT_WEIGHT},
        {"ttl", RAMP_DRIFT_TTL},
        {"value", RAMP_DRIFT_VALUE},
        {"alias target", RAMP_DRIFT_VALUE},
        {"health check", RAMP_DRIFT_HEALTH_CHECK},
        {"missing", RAMP_DRIFT_SET_GONE},
        {"added", RAMP_DRIFT_SET_ADDED},
        {"lease", RAMP_DRIFT_LEASE},
    };

    for (size_t i = 0; field && i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].field, field) == 0)
            return rows[i].bit;
    return RAMP_DRIFT_OTHER;
}

struct ramp_reading fence_ramp_reading(const struct fence *f)
{
    struct ramp_reading r = {.ttl_max_ms = (int64_t)fence_ttl_max(f) * 1000};

    for (uint32_t k = 0; k < fence_n_records(f); k++) {
        struct weights w = {0};
        struct fence_set s;
        uint32_t percent;

        while (fence_set(f, k, w.n, &s)) {
            w.side[w.n] = s.side;
            w.weight[w.n++] = s.missing ? 0 : s.weight;
        }
        percent = (weights_new_ppm(&w) + 9999) / 10000;
        r.new_percent = percent > r.new_percent ? percent : r.new_percent;
    }
    return r;
}

void fence_ramp_expect(struct fence *f, const struct plan *plan, const struct ramp_core *core)
{
    if (core->written && core->step > core->full_step && core->step < (int64_t)plan->steps_n)
        fence_expect(f, plan->steps[core->step].percent);
}

bool fence_ramp_perform(struct fence *f, const struct ramp_action *a, int64_t now)
{
    switch (a->kind) {
    case RAMP_ACT_READ:
        fence_read(f, a->op_id, now);
        return true;
    case RAMP_ACT_TAKE:
        fence_take(f, a->op_id, a->take_over ? FENCE_TAKE_ROLLBACK : FENCE_TAKE_FREE, now);
        return true;
    case RAMP_ACT_APPLY:
        fence_apply(f, a->op_id, a->percent, now);
        return true;
    case RAMP_ACT_ROLLBACK:
        fence_rollback(f, a->op_id, a->percent, a->take_over, now);
        return true;
    case RAMP_ACT_RELEASE:
        fence_release(f, a->op_id, now);
        return true;
    default:
        return false;
    }
}

static bool done(const struct fence *f, const struct fence_event *e, enum ramp_outcome outcome,
                 uint32_t drift, struct ramp_event *out)
{
    if (!e->op_id)
        return false;
    out->kind = RAMP_EV_DONE;
    out->done.op_id = e->op_id;
    out->done.outcome = outcome;
    out->done.partly = e->partly;
    out->done.drift = drift;
    out->done.reading = fence_ramp_reading(f);
    return true;
}

static bool drifted(uint32_t drift, struct ramp_event *out)
{
    out->kind = RAMP_EV_DRIFT;
    out->drift = drift;
    return true;
}

/* A rollback that cannot be confirmed yet: which kind of unsafe. */
static enum ramp_outcome unsafe(const struct fence_event *e)
{
    if (e->record != FENCE_NONE)
        return RAMP_REFUSED_RECORD;
    if (e->denied)
        return RAMP_DENIED;
    return e->field && strcmp(e->field, "lease") == 0 ? RAMP_IS_LEASE_ABSENT : RAMP_UNCONFIRMED;
}

bool fence_ramp_event(const struct fence *f, const struct fence_event *e, struct ramp_event *out)
{
    memset(out, 0, sizeof *out);
    switch (e->kind) {
    case FENCE_TAKEN:
    case FENCE_APPLIED:
    case FENCE_READ:
    case FENCE_BACK_LANDED:
        return done(f, e, RAMP_OK, 0, out);
    case FENCE_RELEASED:
        return done(f, e, e->n_done == e->n_all ? RAMP_OK : RAMP_FAILED, 0, out);
    case FENCE_BUSY:
        return done(f, e, RAMP_BUSY, 0, out);
    case FENCE_DENIED:
        return done(f, e, RAMP_DENIED, 0, out);
    case FENCE_INVALID:
        return done(f, e, RAMP_REFUSED_RECORD, 0, out);
    case FENCE_UNREAD:
        return done(f, e, RAMP_FAILED, 0, out);
    case FENCE_INSYNC:
    case FENCE_BACK:
        out->kind = RAMP_EV_SYNCED;
        out->op_id = e->op_id;
        return true;
    case FENCE_DRIFT:
        return e->op_id ? done(f, e, RAMP_DRIFTED, fence_ramp_drift(e->field), out)
                        : drifted(fence_ramp_drift(e->field), out);
    case FENCE_ABSENT:
        return e->op_id ? done(f, e, RAMP_IS_LEASE_ABSENT, 0, out) : drifted(RAMP_DRIFT_LEASE, out);
    case FENCE_DEPOSED: /* unasked it is a notice: the end comes with a whole life passed */
        return e->op_id ? done(f, e, RAMP_IS_DEPOSED, 0, out) : drifted(RAMP_DRIFT_LEASE, out);
    case FENCE_DEPOSED_END:
        out->kind = RAMP_EV_DEPOSED;
        return true;
    case FENCE_REVERTING:
        if (e->op_id)
            return done(f, e, RAMP_IS_REVERTING, 0, out);
        out->kind = RAMP_EV_REVERTING;
        return true;
    case FENCE_UNSAFE:
        return done(f, e, unsafe(e), 0, out);
    case FENCE_WAITING:
    case FENCE_OURS_AGAIN:
    case FENCE_BACK_SENT:
    case FENCE_BASELINE:
    case FENCE_WATCHING:
    case FENCE_GONE:
    case FENCE_EVENT_COUNT:
        return false;
    }
    return false;
}
