#include "drive.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "drive_inner.h"
#include "ramp_state.h"
#include "sluice/clock.h"
#include "sluice/file.h"
#include "sluice/log.h"
#include "sluice/spawn.h"
#include "sluice/text.h"

static const int watched[] = {SIGINT, SIGTERM, SIGHUP, SIGCONT, SIGTSTP, SIGWINCH};

/* ---- Journal
 * ---------------------------------------------------------------------------------------- */

static json_t *state_json(const struct drive *d)
{
    json_t *state = ramp_state_save(d->s.ramp, d->plan);

    json_object_set_new(state, "run", json_string(d->s.run));
    json_object_set_new(state, "cutover", json_string(d->plan->cutover));
    json_object_set_new(state, "plan", json_string(d->plan->path));
    json_object_set_new(state, "fence", fence_save(d->s.fence));
    return state;
}

uint64_t drive_journal(struct drive *d, json_t *event, const struct ramp_actions *acts, bool sync)
{
    json_t *actions = acts ? ramp_state_actions(acts) : json_array();
    json_t *state;
    uint64_t seq = 0;

    if (d->s.journal) {
        state = state_json(d);
        seq = journal_append(d->s.journal, d->wall_ms, event, actions, state, sync);
        json_decref(state);
    }
    json_decref(actions);
    json_decref(event);
    return seq;
}

static bool worth_a_line(const struct ramp_event *ev, const struct ramp_actions *acts,
                         bool new_phase)
{
    if (acts->n || new_phase)
        return true;
    /* Probes come as one summary a second, ticks that did nothing are nothing. */
    return ev->kind != RAMP_EV_PROBE && ev->kind != RAMP_EV_TICK;
}

/* ---- The machine
 * ------------------------------------------------------------------------------------ */

static void put_waiting(struct drive *d, const struct ramp_action *a, uint64_t seq)
{
    if (!d->s.journal && !d->journal_dead) { /* a rollback without a run keeps none */
        drive_perform(d, a);
        return;
    }
    if (d->n_waiting < DRIVE_WAITING_MAX)
        d->waiting[d->n_waiting++] = (struct drive_waiting){*a, seq, d->now_ms};
}

void drive_event(struct drive *d, const struct ramp_event *ev)
{
    struct ramp_actions acts = {0};
    enum ramp_phase before = ramp_phase(d->s.ramp);
    bool new_phase;
    uint64_t seq = 0;

    if (d->over)
        return;
    ramp_step(d->s.ramp, d->plan, ev, d->now_ms, &acts);
    new_phase = ramp_phase(d->s.ramp) != before;
    for (uint32_t i = 0; i < acts.n; i++) {
        const struct ramp_action *a = &acts.item[i];

        if (a->kind == RAMP_ACT_ROLLBACK)
            d->n_waiting = 0; /* it overtakes what still waits for the disk */
        if (!a->needs_sync)
            drive_perform(d, a);
    }
    if (worth_a_line(ev, &acts, new_phase))
        seq = drive_journal(d, ramp_state_event(ev), &acts, acts.n || new_phase);
    for (uint32_t i = 0; i < acts.n; i++)
        if (acts.item[i].needs_sync)
            put_waiting(d, &acts.item[i], seq);
    drive_say_phase(d);
    d->over = ramp_over(d->s.ramp);
}

void drive_later(struct drive *d, const struct ramp_event *ev)
{
    if (d->n_pending < DRIVE_PENDING_MAX)
        d->pending[d->n_pending++] = *ev;
}

static void take_pending(struct drive *d)
{
    for (size_t i = 0; i < d->n_pending; i++) {
        struct ramp_event ev = d->pending[i];

        drive_event(d, &ev);
    }
    d->n_pending = 0;
}

/* ---- Events from outside
 * ---------------------------------------------------------------------------- */

static int64_t boot_of(const struct drive *d, int64_t unix_s)
{
    if (unix_s == INT64_MIN || unix_s == INT64_MAX)
        return unix_s;
    return unix_s * 1000 - d->wall_minus_boot_ms;
}

static void send_window(struct drive *d)
{
    struct ramp_event ev = {.kind = RAMP_EV_WINDOW};
    int64_t at = d->s.at_ms ? d->s.at_ms / 1000 : INT64_MIN;
    int64_t opens = d->plan->not_before_s > at ? d->plan->not_before_s : at;

    ev.window.opens_at_ms = boot_of(d, opens);
    ev.window.closes_at_ms = boot_of(d, d->plan->not_after_s);
    if (opens != INT64_MIN && opens != d->said_opens_s && opens * 1000 > d->wall_ms &&
        ramp_phase(d->s.ramp) == RAMP_PREFLIGHT) {
        struct buf when SL_CLEANUP(buf_clear) = {0};

        d->said_opens_s = opens;
        text_format_time(&when, opens * 1000, false);
        log_info("nothing is written before %s", buf_str(&when));
    }
    drive_event(d, &ev);
}

/* The time, once a turn. A gap and a step of the wall clock are events. */
static void read_clocks(struct drive *d)
{
    int64_t offset;

    d->now_ms = clock_boot_ms(&clock_real);
    d->wall_ms = clock_wall_ms(&clock_real);
    offset = d->wall_ms - d->now_ms;
    if (d->now_ms - d->turn_ms > DRIVE_GAP_MS) {
        struct ramp_event ev = {.kind = RAMP_EV_GAP, .gap_ms = d->now_ms - d->turn_ms};

        d->drop_before_ms = d->now_ms;
        drive_event(d, &ev);
    }
    if (offset - d->wall_minus_boot_ms > 1000 || d->wall_minus_boot_ms - offset > 1000) {
        d->wall_minus_boot_ms = offset;
        send_window(d);
    }
    d->turn_ms = d->now_ms;
}

static void operator_event(struct drive *d, enum ramp_operator op)
{
    struct ramp_event ev = {.kind = RAMP_EV_OPERATOR, .op = op};

    view_event(d->s.view, VIEW_INFO, d->wall_ms, "operator",
               json_pack("{s:s}", "what", ramp_operator_name(op)), "%s, by a person",
               ramp_operator_name(op));
    drive_event(d, &ev);
}

static void signal_event(struct drive *d, int sig)
{
    struct ramp_event ev = {.kind = RAMP_EV_SIGNAL,
                            .signal = sig == SIGINT ? RAMP_SIGINT : RAMP_SIGTERM};

    d->signals++;
    d->last_signal = sig;
    view_event(d->s.view, VIEW_INFO, d->wall_ms, "signal", NULL, "%s: %s",
               sig == SIGINT ? "interrupted" : "asked to end",
               d->signals > 1 ? "leaving now" : "coming to a stop; once more leaves at once");
    drive_event(d, &ev);
    if (d->signals > 1 && !d->over)
        d->forced = d->over = true;
    if (d->stop_by_ms == INT64_MAX)
        d->stop_by_ms = d->now_ms + DRIVE_STOP_MS;
}

static void read_signals(struct drive *d)
{
    struct signalfd_siginfo info;

    while (read(d->signal_fd, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGCONT)
            view_resumed(d->s.view);
        else if (info.ssi_signo == SIGTSTP)
            view_stop(d->s.view);
        else if (info.ssi_signo != SIGWINCH)
            signal_event(d, (int)info.ssi_signo);
    }
}

static void read_keys(struct drive *d)
{
    static const enum ramp_operator operators[] = {[VIEW_KEY_PAUSE] = RAMP_DO_PAUSE,
                                                   [VIEW_KEY_RESUME] = RAMP_DO_RESUME,
                                                   [VIEW_KEY_APPROVE] = RAMP_DO_APPROVE,
                                                   [VIEW_KEY_ROLLBACK] = RAMP_DO_ROLLBACK};
    enum view_key key;

    while ((key = view_read_key(d->s.view)) != VIEW_KEY_NONE)
        operator_event(d, operators[key]);
}

static void read_control(struct drive *d)
{
    static const struct {
        const char *word;
        enum ramp_operator op;
    } words[] = {{"pause", RAMP_DO_PAUSE},
                 {"resume", RAMP_DO_RESUME},
                 {"approve", RAMP_DO_APPROVE},
                 {"rollback", RAMP_DO_ROLLBACK}};
    const char *word;

    if (!d->s.control)
        return;
    control_step(d->s.control, d->now_ms);
    while ((word = control_next(d->s.control))) {
        char answer[128];
        bool known = strcmp(word, "status") == 0;

        for (size_t i = 0; i < ARRAY_LEN(words); i++)
            if (strcmp(words[i].word, word) == 0) {
                known = true;
                operator_event(d, words[i].op);
            }
        snprintf(answer, sizeof answer, "%s %s %u%% run %s", known ? "ok" : "no",
                 ramp_phase_name(ramp_phase(d->s.ramp)), ramp_percent(d->s.ramp, d->plan),
                 d->s.run);
        control_answer(d->s.control, answer);
    }
}

static void read_journal(struct drive *d)
{
    struct err why = {0}, file = {0};
    bool slow = d->n_waiting && d->now_ms - d->waiting[0].since_ms > DRIVE_DISK_MS;

    if (!d->s.journal || d->journal_dead)
        return;
    /* Said, and no reason to stop: the journal's own failure is. */
    if (journal_file_failed(d->s.journal, &file))
        view_event(d->s.view, VIEW_BAD, d->wall_ms, "rollback_file", NULL, "%s", file.text);
    if (journal_dead(d->s.journal, &why))
        drive_fail_waiting(d, why.text);
    else if (slow)
        drive_fail_waiting(d, "the disk does not answer");
    else
        drive_release_waiting(d);
}

static void read_http(struct drive *d)
{
    struct http_done done;
    struct probe_result result;
    struct router_answer answer;
    struct fence_event fe;
    const struct router *r = &d->s.rig->router;

    while (http_next(d->s.rig->http, &done))
        if (!d->s.pump || !pump_take(d->s.pump, &done, d->now_ms))
            rig_http(d->s.rig, &done, d->now_ms);
    while (r->ops->next(r->self, &answer)) {
        if (answer.outcome == ROUTER_OK)
            d->aws_ms = d->now_ms;
        fence_answer(d->s.fence, &answer, d->now_ms);
        r->ops->release(r->self, &answer);
    }
    fence_tick(d->s.fence, d->now_ms);
    while (fence_next(d->s.fence, &fe))
        drive_fence_event(d, &fe);
    while (d->s.pump && pump_next(d->s.pump, &result)) {
        drive_result(d, &result);
        probe_result_clear(&result);
    }
}

/* ---- The wait
 * --------------------------------------------------------------------------------------- */

static int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int wait_ms(const struct drive *d)
{
    int64_t at = min64(d->now_ms + DRIVE_TURN_MS, ramp_wake_at(d->s.ramp));

    at = min64(at, fence_wake_at(d->s.fence));
    at = min64(at, rig_wake_at(d->s.rig));
    at = min64(at, notify_wake_at(d->s.notify));
    at = min64(at, verify_wake_at(d->verify));
    at = min64(at, d->stop_by_ms);
    if (d->s.pump)
        at = min64(at, pump_wake_at(d->s.pump, d->now_ms));
    if (view_is_live(d->s.view))
        at = min64(at, d->now_ms + VIEW_TICK_MS);
    if (d->n_pending)
        at = d->now_ms;
    return at > d->now_ms ? (int)(at - d->now_ms) : 0;
}

static bool wait_turn(struct drive *d, struct err *err)
{
    struct pollfd fds[3 + CONTROL_FDS_MAX + SPAWN_FDS_MAX + VERIFY_FDS_MAX + CREDENTIALS_FDS_MAX];
    size_t n = 0;

    fds[n++] = (struct pollfd){.fd = d->signal_fd, .events = POLLIN};
    fds[n++] =
        (struct pollfd){.fd = d->s.journal ? journal_fd(d->s.journal) : -1, .events = POLLIN};
    fds[n++] = (struct pollfd){.fd = view_fd(d->s.view), .events = POLLIN};
    if (d->s.control)
        n += control_fds(d->s.control, fds + n);
    n += notify_fds(d->s.notify, fds + n);
    n += verify_fds(d->verify, fds + n, VERIFY_FDS_MAX);
    n += rig_fds(d->s.rig, fds + n);
    return http_wait(d->s.rig->http, fds, n, wait_ms(d), err);
}

static void draw(struct drive *d)
{
    struct view_status s = {
        .phase = ramp_phase(d->s.ramp),
        .step = (uint32_t)(d->s.ramp->core.step + 1),
        .steps_n = d->plan->steps_n,
        .percent = ramp_percent(d->s.ramp, d->plan),
        .until_ms = d->s.ramp->core.wait_until_ms,
    };

    for (int side = 0; side < PLAN_SIDES; side++) {
        s.probes[side] = d->total[side].n;
        s.failures[side] = d->total[side].fails;
    }
    view_draw(d->s.view, &s, d->now_ms);
}

static void turn(struct drive *d)
{
    struct ramp_event tick = {.kind = RAMP_EV_TICK};

    read_clocks(d);
    read_signals(d);
    read_http(d);
    read_keys(d);
    read_control(d);
    read_journal(d);
    drive_verify_step(d);
    take_pending(d);
    notify_step(d->s.notify, d->now_ms);
    if (d->now_ms >= ramp_wake_at(d->s.ramp))
        drive_event(d, &tick);
    if (d->now_ms >= d->stop_by_ms && !d->over && ramp_phase(d->s.ramp) != RAMP_REVERTING &&
        ramp_phase(d->s.ramp) != RAMP_UNSAFE)
        d->forced = d->over = true;
    drive_keys_step(d);
    if (d->now_ms - d->second_at_ms >= 1000)
        drive_summary(d);
    /* What was decided in this turn leaves in this turn. */
    fence_tick(d->s.fence, d->now_ms);
    if (d->s.pump)
        pump_tick(d->s.pump, d->now_ms);
    draw(d);
}

/* ---- The way in and out
 * ----------------------------------------------------------------------------- */

static bool take_signals(struct drive *d, sigset_t *old, struct err *err)
{
    sigset_t set;

    sigemptyset(&set);
    for (size_t i = 0; i < ARRAY_LEN(watched); i++)
        sigaddset(&set, watched[i]);
    sigprocmask(SIG_BLOCK, &set, old);
    d->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return d->signal_fd >= 0 || err_set(err, ERR_IO, "cannot watch signals: %s", strerror(errno));
}

/* From here to the exit is a moment. One more Ctrl-C in it must not take the result and the exit
 * status away: 12 says that a rollback is not confirmed, 130 does not. */
static void leave_signals(const sigset_t *old)
{
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    sigprocmask(SIG_SETMASK, old, NULL);
}

/* The exit of a run that a signal ended before the machine had come to its end. */
static int forced_status(const struct drive *d)
{
    enum ramp_phase phase = ramp_phase(d->s.ramp);

    if (phase == RAMP_REVERTING || phase == RAMP_UNSAFE)
        return 12;
    return d->last_signal == SIGINT ? 130 : 143;
}

/* Notices, the journal's last lines and checks' `finally:` steps get a moment, probes none. */
static void leave(struct drive *d)
{
    int64_t until = d->now_ms + DRIVE_LEAVE_MS;
    struct err ignored = {0};
    bool cleaning = false;

    if (d->forced) {
        fence_abandon(d->s.fence);
        drive_journal(d, json_pack("{s:s, s:i}", "kind", "left", "signal", d->last_signal), NULL,
                      true);
    }
    if (d->s.pump)
        cleaning = pump_stop(d->s.pump) > 0 && !d->forced;
    while ((!notify_idle(d->s.notify) || (cleaning && pump_flying(d->s.pump))) &&
           d->now_ms < until) {
        struct pollfd fds[SPAWN_FDS_MAX];
        size_t n = notify_fds(d->s.notify, fds);
        struct http_done done;

        if (!http_wait(d->s.rig->http, fds, n, 100, &ignored))
            break;
        while (http_next(d->s.rig->http, &done))
            if (!d->s.pump || !pump_take(d->s.pump, &done, d->now_ms))
                http_response_clear(&done.response);
        d->now_ms = clock_boot_ms(&clock_real);
        notify_step(d->s.notify, d->now_ms);
    }
    verify_free(d->verify);
    view_clear_line(d->s.view);
}

int drive_run(const struct drive_setup *setup, struct err *err)
{
    struct drive *d = x_zalloc(sizeof *d);
    struct ramp_event start = {.kind = RAMP_EV_START, .start = setup->start};
    bool ok = true;
    sigset_t old;
    int status;

    d->s = *setup;
    d->plan = &setup->rig->plan;
    d->signal_fd = -1;
    d->stop_by_ms = INT64_MAX;
    d->now_ms = d->turn_ms = d->second_at_ms = clock_boot_ms(&clock_real);
    d->wall_ms = clock_wall_ms(&clock_real);
    d->wall_minus_boot_ms = d->wall_ms - d->now_ms;
    d->phase = RAMP_PHASE_COUNT;
    drive_probes_init(d);
    if (!take_signals(d, &old, err)) {
        drive_probes_clear(d);
        free(d);
        return 0;
    }
    send_window(d);
    d->over = false; /* a run that was stopped while held or interrupted begins again with START */
    drive_event(d, &start);
    send_window(d);
    while (ok && !d->over) {
        ok = wait_turn(d, err);
        turn(d);
    }
    if (!ok) { /* the wait itself is impossible: what was begun is left as it stands */
        log_failure(err);
        d->forced = true;
        d->last_signal = SIGTERM;
        *err = (struct err){0};
    }
    leave(d);
    status = d->forced ? forced_status(d) : ramp_exit_status(setup->ramp);
    leave_signals(&old);
    file_close(&d->signal_fd);
    drive_probes_clear(d);
    free(d->keys_said);
    free(d);
    return status;
}
