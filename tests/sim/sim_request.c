/* What becomes of a request: decided when it leaves, from the seed or the scenario. */
#include <string.h>

#include "sim.h"
#include "sluice/common.h"

#define SLOW_MS_MAX 9000 /* below the deadline of an urgent request */

/* One row a fault of single requests, and whose: changes, readings, polls. */
#define CHANGES  1u
#define READINGS 2u
#define POLLS    4u
#define ALL      (CHANGES | READINGS | POLLS)

static uint32_t whose(enum router_op op)
{
    return op == ROUTER_OP_CHANGE ? CHANGES : op == ROUTER_OP_LIST ? READINGS : POLLS;
}

static enum memory_fault draw(struct sim *s, enum router_op op)
{
    const struct sim_chances *p = &s->chance;
    const struct {
        uint32_t chance;
        enum memory_fault fault;
        uint32_t of;
    } rows[] = {{p->lost, MEMORY_LOST, ALL},
                {p->reply, MEMORY_REPLY_LOST, ALL},
                {p->late, MEMORY_LATE, CHANGES},
                {p->twice, MEMORY_TWICE, CHANGES},
                {p->throttled, MEMORY_THROTTLED, ALL},
                {p->prior, MEMORY_PRIOR, CHANGES},
                {p->refused, MEMORY_REFUSED, CHANGES},
                {p->server, MEMORY_SERVER, ALL},
                {p->done, MEMORY_SERVER_DONE, CHANGES},
                {p->torn, MEMORY_TORN, READINGS},
                {p->cut, MEMORY_SHORT, READINGS},
                {p->forgotten, MEMORY_FORGOTTEN, POLLS}};
    uint32_t r = (uint32_t)sim_random(s, 1000);

    if (op == ROUTER_OP_SYNC && p->forgotten == 1000)
        return MEMORY_FORGOTTEN;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (!(rows[i].of & whose(op)))
            continue;
        if (r < rows[i].chance)
            return rows[i].fault;
        r -= rows[i].chance;
    }
    return MEMORY_NORMAL;
}

static bool names_record(const struct sim *s, const struct router_batch *b, uint32_t r)
{
    for (size_t i = 0; r < s->n_records && i < b->n_changes; i++)
        if (strcmp(b->changes[i].set->name, s->record_name[r]) == 0)
            return true;
    return false;
}

/* Of the time it is, and of whom the request is about. */
static enum memory_fault of_now(struct sim *s, const struct router_batch *b)
{
    uint32_t z = b ? (uint32_t)(b->zone_id[1] - '0') : UINT32_MAX;

    if (sim_in(&s->outage, s->now)) {
        fault_met(s, FAULT_API_OUTAGE);
        return MEMORY_LOST;
    }
    if (sim_in(&s->gone, s->now))
        return MEMORY_LOST;
    if (sim_in(&s->expired, s->now)) {
        fault_met(s, FAULT_CREDENTIALS_EXPIRED);
        return MEMORY_EXPIRED;
    }
    if (b && sim_in(&s->denied, s->now) && (s->denied_zone == UINT32_MAX || s->denied_zone == z)) {
        fault_met(s, s->denied_zone != UINT32_MAX   ? FAULT_DENIED_IN_ONE_ZONE
                     : s->denied.to_ms == INT64_MAX ? FAULT_NEVER_ALLOWED
                                                    : FAULT_DENIED_MID_RUN);
        return MEMORY_DENIED;
    }
    if (b && sim_in(&s->faulty, s->now) && names_record(s, b, s->faulty_record)) {
        fault_met(s, FAULT_RECORD_REFUSED);
        return MEMORY_REFUSED;
    }
    return MEMORY_NORMAL;
}

static void met(struct sim *s, enum router_op op, enum memory_fault fault)
{
    static const enum sim_fault kinds[MEMORY_FAULT_COUNT] = {
        [MEMORY_LOST] = FAULT_REQUEST_LOST,
        [MEMORY_REPLY_LOST] = FAULT_REPLY_LOST,
        [MEMORY_LATE] = FAULT_REQUEST_LATE,
        [MEMORY_TWICE] = FAULT_REQUEST_TWICE,
        [MEMORY_THROTTLED] = FAULT_THROTTLED,
        [MEMORY_PRIOR] = FAULT_PRIOR_REQUEST,
        [MEMORY_REFUSED] = FAULT_REFUSED_UNEXPLAINED,
        [MEMORY_SERVER] = FAULT_SERVER_ERROR,
        [MEMORY_SERVER_DONE] = FAULT_SERVER_ERROR_DONE,
        [MEMORY_FORGOTTEN] = FAULT_CHANGE_FORGOTTEN,
    };
    bool lost = fault == MEMORY_LOST || fault == MEMORY_REPLY_LOST;

    if (lost && op == ROUTER_OP_LIST)
        fault_met(s, FAULT_READING_LOST);
    else if (lost && op == ROUTER_OP_SYNC)
        fault_met(s, FAULT_POLL_LOST);
    else if (fault != MEMORY_NORMAL && fault != MEMORY_TORN && fault != MEMORY_SHORT)
        fault_met(s, kinds[fault]); /* the service counts listings it has spoilt */
}

static void delays(struct sim *s, struct memory_verdict *v)
{
    *v = (struct memory_verdict){.delay_ms = 5 + (int64_t)sim_random(s, 60),
                                 .reply_ms = 1 + (int64_t)sim_random(s, 60)};
    v->pending_ms = s->pending_ms / 2 + (int64_t)sim_random(s, (uint64_t)s->pending_ms + 1);
    v->late_ms = 100 + (int64_t)sim_random(s, sim_chance(s, 300) ? 290000 : 20000);
    v->page_ms = 50 + (int64_t)sim_random(s, 4000);
}

struct memory_verdict ctl_decide(void *ctx, enum router_op op, const struct router_batch *b)
{
    static const struct memory_verdict dead = {.fault = MEMORY_LOST};
    struct sim_ctl *c = ctx;
    struct sim *s = c->sim;
    struct memory_verdict v;

    c->changing = op == ROUTER_OP_CHANGE;
    if (!ctl_place(c, CALL_SUBMIT, false))
        return dead; /* it never left, and nobody is there to hear so */
    if (b)
        check_batch(c, b);
    delays(s, &v);
    if (s->now < s->quiet_ms) {
        v.fault = of_now(s, b);
        if (v.fault == MEMORY_NORMAL) {
            v.fault = draw(s, op);
            met(s, op, v.fault);
        }
        if (sim_chance(s, s->chance.slow)) {
            v.reply_ms += 1000 + (int64_t)sim_random(s, SLOW_MS_MAX - 1000);
            fault_met(s, FAULT_ANSWER_SLOW);
        }
        v.no_date = sim_chance(s, s->chance.undated);
        if (v.no_date)
            fault_met(s, FAULT_ANSWER_UNDATED);
    }
    if (v.fault == MEMORY_LOST || v.fault == MEMORY_LATE)
        v.reply_ms = 1000 + (int64_t)sim_random(s, 20000);
    if (op == ROUTER_OP_CHANGE && s->pending_ms >= 12 * 60 * 1000)
        fault_met(s, FAULT_PENDING_ENDLESS);
    else if (op == ROUTER_OP_CHANGE && s->pending_ms >= 120000)
        fault_met(s, FAULT_PENDING_LONG);
    (void)ctl_place(c, CALL_SUBMIT, true);
    return v;
}
