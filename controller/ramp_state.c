#include "ramp_state.h"

#include <string.h>

static int64_t *field_at(struct ramp_core *core, const struct ramp_field *f)
{
    return (int64_t *)(void *)((char *)core + f->offset);
}

json_t *ramp_state_save(const struct ramp *s, const struct plan *plan)
{
    struct ramp_core core = s->core;
    json_t *numbers = json_object();

    for (uint32_t i = 0; i < ramp_fields_n; i++) {
        const struct ramp_field *f = &ramp_fields[i];
        const int64_t *at = field_at(&core, f);

        if (f->count == 1) {
            json_object_set_new(numbers, f->name, json_integer(*at));
        } else {
            json_t *row = json_array();

            for (uint32_t k = 0; k < f->count; k++)
                json_array_append_new(row, json_integer(at[k]));
            json_object_set_new(numbers, f->name, row);
        }
    }
    return json_pack("{s:s, s:s, s:i, s:o}", "phase", ramp_phase_name(ramp_phase(s)), "why",
                     ramp_why_name(ramp_why(s, NULL)), "percent", (int)ramp_percent(s, plan),
                     "core", numbers);
}

static bool load_field(const json_t *value, const struct ramp_field *f, int64_t *at)
{
    if (f->count == 1) {
        *at = json_integer_value(value);
        return json_is_integer(value);
    }
    if (json_array_size(value) != f->count)
        return false;
    for (uint32_t k = 0; k < f->count; k++) {
        const json_t *item = json_array_get(value, k);

        if (!json_is_integer(item))
            return false;
        at[k] = json_integer_value(item);
    }
    return true;
}

bool ramp_state_load(const json_t *state, struct ramp_core *out, struct err *err)
{
    const json_t *numbers = json_object_get(state, "core");

    memset(out, 0, sizeof *out);
    if (json_object_size(numbers) != ramp_fields_n)
        return err_set(err, ERR_REFUSED,
                       "the journal's state has %zu numbers, this sluice knows %u: "
                       "use the sluice that wrote it",
                       json_object_size(numbers), ramp_fields_n);
    for (uint32_t i = 0; i < ramp_fields_n; i++) {
        const struct ramp_field *f = &ramp_fields[i];

        if (!load_field(json_object_get(numbers, f->name), f, field_at(out, f)))
            return err_set(err, ERR_REFUSED,
                           "the journal's state lacks a good '%s': use the sluice that "
                           "wrote it",
                           f->name);
    }
    return true;
}

static void set(json_t *o, const char *key, json_t *value)
{
    json_object_set_new(o, key, value);
}

static void set_done(json_t *o, const struct ramp_event *ev)
{
    set(o, "op", json_integer(ev->done.op_id));
    set(o, "outcome", json_string(ramp_outcome_name(ev->done.outcome)));
    if (ev->done.partly)
        set(o, "partly", json_true());
    if (ev->done.drift)
        set(o, "drift", json_integer(ev->done.drift));
    if (ev->done.outcome == RAMP_OK && ev->done.reading.ttl_max_ms) {
        set(o, "ttl_max_ms", json_integer(ev->done.reading.ttl_max_ms));
        set(o, "new_percent", json_integer(ev->done.reading.new_percent));
    }
}

json_t *ramp_state_event(const struct ramp_event *ev)
{
    static const char *const starts[] = {"fresh", "resume", "recover", "rollback"};
    static const char *const verdicts[] = {"pass", "fail", "error"};
    json_t *o = json_object();

    set(o, "kind", json_string(ramp_event_name(ev->kind)));
    switch (ev->kind) {
    case RAMP_EV_START:
        set(o, "how", json_string(starts[ev->start]));
        break;
    case RAMP_EV_DONE:
        set_done(o, ev);
        break;
    case RAMP_EV_SYNCED:
    case RAMP_EV_ROUND:
        set(o, "op", json_integer(ev->op_id));
        break;
    case RAMP_EV_PROBE:
        set(o, "stratum", json_integer(ev->probe.stratum));
        set(o, "verdict", json_string(verdicts[ev->probe.verdict]));
        break;
    case RAMP_EV_OPERATOR:
        set(o, "what", json_string(ramp_operator_name(ev->op)));
        break;
    case RAMP_EV_SIGNAL:
        set(o, "signal", json_string(ev->signal == RAMP_SIGINT ? "SIGINT" : "SIGTERM"));
        break;
    case RAMP_EV_DRIFT:
        set(o, "drift", json_integer(ev->drift));
        break;
    case RAMP_EV_REACH:
        set(o, "reachable", json_boolean(ev->reachable));
        break;
    case RAMP_EV_CREDENTIALS:
        set(o, "short", json_boolean(ev->credentials_short));
        break;
    case RAMP_EV_TICK:
    case RAMP_EV_GAP:
    case RAMP_EV_DEPOSED:
    case RAMP_EV_JOURNAL_DEAD:
    case RAMP_EV_WINDOW:
    case RAMP_EV_REVERTING:
    case RAMP_EV_COUNT:
        break;
    }
    return o;
}

json_t *ramp_state_actions(const struct ramp_actions *acts)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < acts->n; i++) {
        const struct ramp_action *a = &acts->item[i];
        json_t *o = json_object();

        set(o, "kind", json_string(ramp_action_name(a->kind)));
        if (a->op_id)
            set(o, "op", json_integer(a->op_id));
        if (a->kind == RAMP_ACT_APPLY || a->kind == RAMP_ACT_ROLLBACK || a->kind == RAMP_ACT_VERIFY)
            set(o, "percent", json_integer(a->percent));
        if (a->kind == RAMP_ACT_ASK)
            set(o, "stratum", json_integer(a->stratum));
        if (a->kind == RAMP_ACT_NOTIFY) {
            set(o, "notice", json_string(ramp_notice_name(a->notice)));
            if (a->why)
                set(o, "why", json_string(ramp_why_name(a->why)));
        }
        json_array_append_new(list, o);
    }
    return list;
}
