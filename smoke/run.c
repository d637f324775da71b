/* run.c: the scheduler of probes.
 *
 *   strata ──sweep──► queue of its host ──► ring of idle hosts ──┐
 *      ▲                                    ring of busy hosts ──┼─► in flight ──► result
 *      │ retry after a delay                          asks ──────┤                  │
 *      └──────────────────────────────────────────── turns ──────┘ ◄────────────────┘
 *
 * A host is in the idle ring when it has queued strata and nothing in flight, in the busy ring when
 * it has both. Idle hosts go first, so that with many hosts each needs one connection; within a
 * ring hosts take turns. A host with as many in flight as it may have is in no ring. Everything but
 * a turn and an ask costs O(1). */
#include "sluice/run.h"

#include <assert.h>
#include <string.h>

enum { STATE_FREE, STATE_QUEUED, STATE_SWEEPING, STATE_DELAYED };
enum { RING_NONE, RING_IDLE, RING_BUSY };

/* ---- rings of hosts
 * -------------------------------------------------------------------------------- */

static void ring_append(struct run *run, struct run_ring *ring, uint32_t host)
{
    struct run_host *h = &run->hosts[host];

    h->prev = ring->tail;
    h->next = RUN_NONE;
    if (ring->tail == RUN_NONE)
        ring->head = host;
    else
        run->hosts[ring->tail].next = host;
    ring->tail = host;
}

static void ring_remove(struct run *run, struct run_ring *ring, uint32_t host)
{
    struct run_host *h = &run->hosts[host];

    if (h->prev == RUN_NONE)
        ring->head = h->next;
    else
        run->hosts[h->prev].next = h->next;
    if (h->next == RUN_NONE)
        ring->tail = h->prev;
    else
        run->hosts[h->next].prev = h->prev;
}

/* Puts a host where its queue and its probes in flight say, at the end of that ring. */
static void place_host(struct run *run, uint32_t host, bool to_end)
{
    struct run_host *h = &run->hosts[host];
    bool full = run->host_jobs && h->flying >= run->host_jobs;
    uint8_t wanted = h->head == RUN_NONE || full ? RING_NONE
                     : h->flying == 0            ? RING_IDLE
                                                 : RING_BUSY;

    if (h->listed == wanted && !to_end)
        return;
    if (h->listed != RING_NONE)
        ring_remove(run, h->listed == RING_IDLE ? &run->idle : &run->busy, host);
    if (wanted != RING_NONE)
        ring_append(run, wanted == RING_IDLE ? &run->idle : &run->busy, host);
    h->listed = wanted;
}

static void enqueue(struct run *run, uint32_t stratum)
{
    struct run_stratum *s = &run->strata[stratum];
    struct run_host *h = &run->hosts[s->host];

    s->state = STATE_QUEUED;
    s->next = RUN_NONE;
    if (h->head == RUN_NONE)
        h->head = stratum;
    else
        run->strata[h->tail].next = stratum;
    h->tail = stratum;
    place_host(run, s->host, false);
}

static uint32_t dequeue(struct run *run)
{
    uint32_t host = run->idle.head != RUN_NONE ? run->idle.head : run->busy.head;
    struct run_host *h;
    uint32_t stratum;

    if (host == RUN_NONE)
        return RUN_NONE;
    h = &run->hosts[host];
    stratum = h->head;
    h->head = run->strata[stratum].next;
    if (h->head == RUN_NONE)
        h->tail = RUN_NONE;
    return stratum;
}

/* ---- begin
 * ----------------------------------------------------------------------------------------- */

void run_init(struct run *run, struct run_stratum *strata, uint32_t strata_n,
              struct run_group *groups, uint32_t groups_n, struct run_host *hosts, uint32_t hosts_n,
              uint32_t jobs)
{
    assert(jobs >= 1);
    memset(run, 0, sizeof *run);
    run->strata = strata;
    run->strata_n = strata_n;
    run->groups = groups;
    run->groups_n = groups_n;
    run->hosts = hosts;
    run->hosts_n = hosts_n;
    run->jobs = jobs;
    run->idle = run->busy = (struct run_ring){RUN_NONE, RUN_NONE};
    run->delayed = RUN_NONE;
    run->delayed_min_ms = INT64_MAX;
    for (uint32_t i = 0; i < strata_n; i++) {
        assert(strata[i].host < hosts_n);
        assert(strata[i].group < groups_n);
        assert(strata[i].side < RUN_SIDES);
        strata[i].attempts = 0;
        strata[i].state = STATE_FREE;
        strata[i].flying = 0;
        strata[i].next = RUN_NONE;
        strata[i].last_ms = INT64_MIN;
        strata[i].due_ms = 0;
    }
    for (uint32_t i = 0; i < groups_n; i++)
        groups[i].next_ms = INT64_MIN;
    for (uint32_t i = 0; i < hosts_n; i++)
        hosts[i] = (struct run_host){
            .head = RUN_NONE, .tail = RUN_NONE, .prev = RUN_NONE, .next = RUN_NONE};
}

static void delay_until(struct run *run, uint32_t stratum, int64_t due_ms)
{
    struct run_stratum *s = &run->strata[stratum];

    s->state = STATE_DELAYED;
    s->due_ms = due_ms;
    s->next = run->delayed;
    run->delayed = stratum;
    if (due_ms < run->delayed_min_ms)
        run->delayed_min_ms = due_ms;
}

void run_bounds(struct run *run, uint32_t host_jobs, uint32_t pace_milli)
{
    assert(run->flying == 0);
    run->host_jobs = host_jobs;
    run->pace_milli = pace_milli;
    run->pace_ms = INT64_MIN;
    run->pace_credit = 0;
}

uint32_t run_sweep(struct run *run, run_filter *filter, void *ctx)
{
    return run_sweep_due(run, filter, ctx, INT64_MAX);
}

uint32_t run_sweep_due(struct run *run, run_filter *filter, void *ctx, int64_t now_ms)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < run->strata_n; i++) {
        struct run_stratum *s = &run->strata[i];

        if (s->off || s->state != STATE_FREE || (filter && !filter(ctx, i)))
            continue;
        s->attempts = 0;
        if (run->groups[s->group].next_ms > now_ms)
            delay_until(run, i, run->groups[s->group].next_ms);
        else
            enqueue(run, i);
        n++;
    }
    run->sweeping += n;
    return n;
}

bool run_busy(const struct run *run, uint32_t stratum)
{
    return run->strata[stratum].state != STATE_FREE || run->strata[stratum].flying > 0;
}

void run_rate(struct run *run, uint32_t rate_milli, int64_t now_ms)
{
    if (run->rate_milli == 0)
        for (int side = 0; side < RUN_SIDES; side++) {
            run->slot_ms[side] = now_ms;
            run->credit[side] = 0;
        }
    run->rate_milli = rate_milli;
}

void run_percent(struct run *run, uint32_t percent)
{
    run->percent = percent;
}

bool run_ask(struct run *run, uint32_t stratum, int64_t at_ms, uint32_t tag)
{
    assert(stratum < run->strata_n);
    if (run->asks_n == RUN_ASKS_MAX)
        return false;
    run->asks[run->asks_n++] = (struct run_ask){.stratum = stratum, .tag = tag, .at_ms = at_ms};
    return true;
}

void run_stop(struct run *run)
{
    for (uint32_t i = 0; i < run->strata_n; i++) {
        struct run_stratum *s = &run->strata[i];

        if (s->state == STATE_QUEUED || s->state == STATE_DELAYED) {
            s->state = STATE_FREE;
            run->sweeping--;
        } else if (s->state == STATE_SWEEPING) {
            s->attempts = UINT8_MAX; /* its answer is final */
        }
        s->next = RUN_NONE;
    }
    for (uint32_t i = 0; i < run->hosts_n; i++) {
        run->hosts[i].head = run->hosts[i].tail = RUN_NONE;
        place_host(run, i, false);
    }
    run->delayed = RUN_NONE;
    run->delayed_min_ms = INT64_MAX;
    run->asks_n = 0;
    run->rate_milli = 0;
}

/* ---- next
 * ------------------------------------------------------------------------------------------ */

static int64_t max64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void start(struct run *run, uint32_t stratum, int64_t now_ms)
{
    struct run_stratum *s = &run->strata[stratum];
    struct run_group *g = &run->groups[s->group];

    s->flying++;
    s->last_ms = now_ms;
    g->next_ms = now_ms + g->every_ms;
    run->flying++;
    run->hosts[s->host].flying++;
    place_host(run, s->host, true);
}

/* When an ask may start: a POST waits for `every`, a GET does not. */
static int64_t ask_due(const struct run *run, const struct run_ask *ask)
{
    const struct run_stratum *s = &run->strata[ask->stratum];

    return s->reads_only ? ask->at_ms : max64(ask->at_ms, run->groups[s->group].next_ms);
}

static bool next_ask(struct run *run, int64_t now_ms, struct run_order *out)
{
    for (uint32_t i = 0; i < run->asks_n; i++) {
        struct run_ask ask = run->asks[i];

        if (ask_due(run, &ask) > now_ms)
            continue;
        memmove(&run->asks[i], &run->asks[i + 1], (run->asks_n - i - 1) * sizeof run->asks[0]);
        run->asks_n--;
        *out = (struct run_order){
            .stratum = ask.stratum, .source = RUN_ASK, .tag = ask.tag, .attempt = 1};
        start(run, ask.stratum, now_ms);
        return true;
    }
    return false;
}

/* Moves what has waited long enough for its retry back into the queues. */
static void wake_delayed(struct run *run, int64_t now_ms)
{
    uint32_t list = run->delayed;

    if (run->delayed_min_ms > now_ms)
        return;
    run->delayed = RUN_NONE;
    run->delayed_min_ms = INT64_MAX;
    while (list != RUN_NONE) {
        struct run_stratum *s = &run->strata[list];
        uint32_t next = s->next;

        if (s->due_ms <= now_ms) {
            enqueue(run, list);
        } else {
            s->next = run->delayed;
            run->delayed = list;
            if (s->due_ms < run->delayed_min_ms)
                run->delayed_min_ms = s->due_ms;
        }
        list = next;
    }
}

/* The slot after this one. What rounding leaves is carried on, and slots missed are lost: no
 * bursts. */
static void use_slot(int64_t *slot_ms, int64_t *credit, uint32_t rate_milli, int64_t now_ms)
{
    int64_t unit = INT64_C(1000) * rate_milli; /* a millisecond, in the units of credit */
    int64_t step;

    if (*slot_ms == INT64_MIN || now_ms - *slot_ms >= INT64_C(1000000) / rate_milli) {
        *slot_ms = now_ms;
        *credit = 0;
    }
    step = INT64_C(1000000000) + *credit;
    *slot_ms += step / unit;
    *credit = step % unit;
}

static bool next_sweep(struct run *run, int64_t now_ms, struct run_order *out)
{
    uint32_t stratum;

    wake_delayed(run, now_ms);
    if (run->pace_milli && run->pace_ms > now_ms)
        return false;
    stratum = dequeue(run);
    if (stratum == RUN_NONE)
        return false;
    if (run->pace_milli)
        use_slot(&run->pace_ms, &run->pace_credit, run->pace_milli, now_ms);
    run->strata[stratum].state = STATE_SWEEPING;
    run->strata[stratum].attempts++;
    *out = (struct run_order){
        .stratum = stratum, .source = RUN_SWEEP, .attempt = run->strata[stratum].attempts};
    start(run, stratum, now_ms);
    return true;
}

/* When a stratum's next turn may come; INT64_MAX: not while things are as they are. */
static int64_t turn_due(const struct run *run, const struct run_stratum *s, int side)
{
    if (s->off || s->side != side || s->flying || s->from_percent > run->percent ||
        (run->host_jobs && run->hosts[s->host].flying >= run->host_jobs))
        return INT64_MAX;
    return run->groups[s->group].next_ms;
}

static bool next_turn(struct run *run, int64_t now_ms, struct run_order *out)
{
    for (int side = 0; run->rate_milli && side < RUN_SIDES; side++) {
        uint32_t best = RUN_NONE;

        if (run->slot_ms[side] > now_ms)
            continue;
        for (uint32_t i = 0; i < run->strata_n; i++)
            if (turn_due(run, &run->strata[i], side) <= now_ms &&
                (best == RUN_NONE || run->strata[i].last_ms < run->strata[best].last_ms))
                best = i;
        if (best == RUN_NONE)
            continue; /* the slot stays open until one is due */
        use_slot(&run->slot_ms[side], &run->credit[side], run->rate_milli, now_ms);
        *out = (struct run_order){.stratum = best, .source = RUN_TURN, .attempt = 1};
        start(run, best, now_ms);
        return true;
    }
    return false;
}

bool run_next(struct run *run, int64_t now_ms, struct run_order *out)
{
    if (run->flying >= run->jobs)
        return false;
    return next_ask(run, now_ms, out) || next_turn(run, now_ms, out) ||
           next_sweep(run, now_ms, out);
}

/* ---- answers
 * --------------------------------------------------------------------------------------- */

static void slow_down(struct run_group *g)
{
    int64_t slower = g->every_ms > 0 ? 2 * g->every_ms : 1000;

    if (slower > RUN_SLOW_MS_MAX)
        slower = max64(RUN_SLOW_MS_MAX, g->every_ms);
    g->next_ms = g->next_ms == INT64_MIN ? g->next_ms : g->next_ms + slower - g->every_ms;
    g->every_ms = slower;
}

/* splitmix64 (Steele, Lea, Flood 2014): enough to keep retries apart. */
static uint64_t mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static int64_t retry_delay(const struct run *run, uint32_t stratum)
{
    const struct run_stratum *s = &run->strata[stratum];
    int64_t ms = s->retry_ms;
    uint64_t random = mix(run->seed ^ mix(((uint64_t)stratum << 8) | s->attempts));

    for (unsigned i = 1; i < s->attempts && s->retry_growth_percent > 100 && ms < RUN_RETRY_MS_MAX;
         i++)
        ms = ms * s->retry_growth_percent / 100;
    if (ms > RUN_RETRY_MS_MAX)
        ms = RUN_RETRY_MS_MAX;
    return ms - ms * s->retry_jitter_percent / 100 * (int64_t)(random % 1001) / 1000;
}

bool run_result(struct run *run, const struct run_order *order, const struct run_answer *answer,
                int64_t now_ms)
{
    struct run_stratum *s = &run->strata[order->stratum];

    assert(s->flying > 0);
    s->flying--;
    run->flying--;
    run->hosts[s->host].flying--;
    place_host(run, s->host, false);
    if (answer->throttled)
        slow_down(&run->groups[s->group]);
    if (order->source != RUN_SWEEP)
        return true;
    assert(s->state == STATE_SWEEPING);
    if (answer->verdict != RUN_PASS && !answer->final && s->attempts <= s->retries) {
        delay_until(run, order->stratum, now_ms + retry_delay(run, order->stratum));
        return false;
    }
    s->state = STATE_FREE;
    run->sweeping--;
    return true;
}

int64_t run_wake_at(const struct run *run, int64_t now_ms)
{
    int64_t wake = INT64_MAX;

    if (run->flying >= run->jobs)
        return INT64_MAX;
    if (run->idle.head != RUN_NONE || run->busy.head != RUN_NONE)
        wake = run->pace_milli ? max64(run->pace_ms, now_ms) : now_ms;
    if (run->delayed_min_ms < wake)
        wake = run->delayed_min_ms;
    for (uint32_t i = 0; i < run->asks_n; i++)
        if (ask_due(run, &run->asks[i]) < wake)
            wake = ask_due(run, &run->asks[i]);
    for (int side = 0; run->rate_milli && side < RUN_SIDES; side++) {
        int64_t due = INT64_MAX;

        for (uint32_t i = 0; i < run->strata_n; i++)
            if (turn_due(run, &run->strata[i], side) < due)
                due = turn_due(run, &run->strata[i], side);
        if (due != INT64_MAX && max64(due, run->slot_ms[side]) < wake)
            wake = max64(due, run->slot_ms[side]);
    }
    return max64(wake, now_ms);
}

bool run_idle(const struct run *run)
{
    return run->flying == 0 && run->sweeping == 0 && run->asks_n == 0 && run->rate_milli == 0;
}
