/* pump.c: flows. A flow is one probe under way: step by step, with its cookies and captured values.
 *
 *   run_next ─► begin_flow ─► send ─► http … pump_take ─► talk ─┬─ says more ───────► send, or wait
 *                              │ cannot be built                ├─ met, more steps ─► send
 *                              │                                ├─ met, last step ──► finish
 *                              └──────────► finish (error) ◄────┴─ not met ─────────► finish
 *   finish ─► run_result ─┬─ final ─► results ─► pump_next
 *                         └─ will be retried: dropped */
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "pump_internal.h"
#include "sluice/text.h"

#define JOBS_DEFAULT  10
#define BODY_KEEP_MAX ((size_t)1024 * 1024)
#define BODY_KEEP_ALL ((size_t)32 * 1024 * 1024) /* of all probes in flight together */
#define BODY_KEEP_MIN ((size_t)64 * 1024)

/* ---- begin and end
 * --------------------------------------------------------------------------------- */

static void copy_connect_to(struct pump *pump)
{
    const struct pump_options *o = &pump->options;

    pump->connect_to = x_calloc(o->connect_to_n + 1, sizeof *pump->connect_to);
    for (size_t i = 0; i < o->connect_to_n; i++) {
        pump->connect_to[i].host = x_strdup(o->connect_to[i].host);
        pump->connect_to[i].port = o->connect_to[i].port;
        pump->connect_to[i].target = x_strdup(o->connect_to[i].target);
    }
    pump->connect_to_n = o->connect_to_n;
}

struct pump *pump_new(struct suite *const *suites, size_t suites_n, struct http *http,
                      const struct pump_options *options, struct err *err)
{
    struct pump *pump = x_zalloc(sizeof *pump);

    pump->suites = suites;
    pump->suites_n = suites_n;
    pump->http = http;
    pump->options = *options;
    pump->clock = options->clock ? options->clock : &clock_real;
    pump->jobs = options->jobs ? options->jobs : JOBS_DEFAULT;
    assert(pump->jobs <= PUMP_JOBS_MAX);
    if (options->run)
        snprintf(pump->run_id, sizeof pump->run_id, "%s", options->run);
    else
        crypto_uuid4(pump->run_id);
    pump->body_keep = BODY_KEEP_ALL / pump->jobs;
    if (pump->body_keep > BODY_KEEP_MAX)
        pump->body_keep = BODY_KEEP_MAX;
    if (pump->body_keep < BODY_KEEP_MIN)
        pump->body_keep = BODY_KEEP_MIN;
    copy_connect_to(pump);
    if (!pump_enumerate(pump, err)) {
        pump_free(pump);
        return NULL;
    }
    pump_lend_init(pump);
    pump->options.endpoints = NULL;
    pump->options.connect_to = NULL;
    pump->options.run = NULL;
    pump->options.chosen = NULL;
    if (pump->jobs > pump->strata_n)
        pump->jobs = pump->strata_n;
    pump->run.jobs = pump->jobs;
    crypto_random(&pump->run.seed, sizeof pump->run.seed);
    run_bounds(&pump->run, options->host_jobs, options->rate_milli);
    pump->flows = x_calloc(pump->jobs, sizeof *pump->flows);
    return pump;
}

static void end_flow(struct pump_flow *flow)
{
    talk_clear(&flow->talk);
    free(flow->exchanges);
    scope_clear(&flow->scope);
    cookie_jar_clear(&flow->jar);
    request_clear(&flow->request);
    buf_clear(&flow->connect_to);
    buf_wipe(&flow->previous);
    buf_clear(&flow->warnings);
    probe_result_clear(&flow->result);
    *flow = (struct pump_flow){0};
}

void pump_free(struct pump *pump)
{
    if (!pump)
        return;
    for (uint32_t i = 0; pump->flows && i < pump->jobs; i++)
        if (pump->flows[i].used) {
            http_cancel(pump->http, pump->flows[i].http_id);
            end_flow(&pump->flows[i]);
        }
    free(pump->flows);
    while (pump->results_n) {
        struct probe_result result;

        if (pump_next(pump, &result))
            probe_result_clear(&result);
    }
    free(pump->results);
    for (size_t i = 0; i < pump->connect_to_n; i++) {
        free((char *)(uintptr_t)pump->connect_to[i].host);
        free((char *)(uintptr_t)pump->connect_to[i].target);
    }
    free(pump->connect_to);
    pump_lend_free(pump);
    oauth_clear(&pump->oauth);
    pump_free_strata(pump);
    free(pump);
}

/* ---- the end of a flow
 * ----------------------------------------------------------------------------- */

static void begin_step(struct pump *pump, struct pump_flow *flow, int64_t now_ms);

/* What the flow came to. r: the last response, NULL when the request could not be built. */
static void decide(struct pump *pump, struct pump_flow *flow, const struct http_response *r,
                   struct finding *finding, int64_t now_ms)
{
    const struct pump_stratum *s = &pump->strata[flow->order.stratum];
    struct probe_result out = {.stratum = flow->order.stratum,
                               .suite = s->suite,
                               .check = s->check,
                               .row = s->row,
                               .side = s->side,
                               .source = flow->order.source,
                               .tag = flow->order.tag,
                               .verdict = finding->verdict,
                               .attempts = flow->order.attempt,
                               .throttled = finding->throttled,
                               .outcome = HTTP_INVALID,
                               .step = flow->step,
                               .latency_us = flow->latency_us,
                               .started_ms = flow->started_ms,
                               .ended_ms = now_ms};

    if (r)
        pump_result_add_transfer(r, &out);
    if (!flow->dropped && (finding->verdict != RUN_PASS || pump->options.keep_all))
        pump_result_add_exchange(pump, flow, r, &out);
    if (finding->verdict != RUN_PASS) {
        out.sentence = pump_result_taken(&finding->sentence);
        out.met = pump_result_taken(&finding->met);
        out.expected = pump_result_taken(&finding->expected);
        out.at = finding->at;
    } else if (flow->warnings.len) {
        out.sentence = pump_result_taken(&flow->warnings);
        out.at = flow->warned_at;
    }
    flow->final = flow->scope.check->retry_network &&
                  (!r || r->outcome == HTTP_OK || r->outcome == HTTP_INVALID);
    probe_result_clear(&flow->result);
    flow->result = out;
    flow->decided = true;
}

/* Ends a flow that is decided. */
static void hand_over(struct pump *pump, struct pump_flow *flow, int64_t now_ms)
{
    struct run_answer answer = {
        .verdict = flow->result.verdict, .throttled = flow->result.throttled, .final = flow->final};

    if (run_result(&pump->run, &flow->order, &answer, now_ms) && !flow->dropped) {
        flow->result.requests = flow->requests;
        flow->result.exchanges = flow->exchanges;
        flow->result.exchanges_n = flow->exchanges_n;
        flow->exchanges = NULL;
        pump_push_result(pump, &flow->result);
        flow->result = (struct probe_result){0};
        pump_lend_result(pump, flow, answer.verdict == RUN_PASS, now_ms);
    }
    end_flow(flow);
}

static void go_to_step(struct pump *pump, struct pump_flow *flow, uint32_t step, int64_t now_ms)
{
    buf_reset(&flow->previous);
    buf_add_str(&flow->previous, buf_str(&flow->request.url));
    talk_clear(&flow->talk);
    flow->step = step;
    begin_step(pump, flow, now_ms);
}

/* The flow's steps are over, or one of its `finally:` is: of what these find only the first fault
 * counts, and only where there was none before. They run when a server was asked for anything. */
static void finish(struct pump *pump, struct pump_flow *flow, const struct http_response *r,
                   struct finding *finding, int64_t now_ms)
{
    const struct suite_check *check = flow->scope.check;
    size_t next = flow->decided ? flow->step + 1 : check->finally_at;

    if (!flow->decided || (flow->result.verdict == RUN_PASS && finding->verdict != RUN_PASS))
        decide(pump, flow, r, finding, now_ms);
    if (next < check->steps_n && flow->requests > 0)
        go_to_step(pump, flow, (uint32_t)next, now_ms);
    else
        hand_over(pump, flow, now_ms);
}

/* ---- requests
 * -------------------------------------------------------------------------------------- */

static uint32_t bounded_ms(const struct pump *pump, int64_t ms)
{
    if (pump->options.timeout_ms && pump->options.timeout_ms < ms)
        ms = pump->options.timeout_ms;
    return (uint32_t)ms;
}

/* A pinned endpoint must show again and again that it takes new connections. */
static bool wants_fresh(struct pump *pump, const struct pump_flow *flow, int64_t now_ms)
{
    uint32_t host = pump->run_strata[flow->order.stratum].host;

    if (pump->strata[flow->order.stratum].endpoint == RUN_NONE || flow->step > 0)
        return false;
    if (pump->fresh_ms[host] != INT64_MIN && now_ms - pump->fresh_ms[host] < PUMP_FRESH_MS)
        return false;
    pump->fresh_ms[host] = now_ms;
    return true;
}

static bool wants_certificate(const struct suite_step *step)
{
    bool wants = step->expect.certificate || (step->expect.warn && step->expect.warn->certificate);

    for (size_t i = 0; i < step->captures_n; i++)
        wants |= step->captures[i].kind == SUITE_CAPTURE_CERTIFICATE;
    return wants;
}

static struct talk_ctx talk_ctx_of(struct pump *pump, struct pump_flow *flow, int64_t now_ms)
{
    return (struct talk_ctx){.step = &flow->scope.check->steps[flow->step],
                             .scope = &flow->scope,
                             .jar = &flow->jar,
                             .oauth = &pump->oauth,
                             .secrets = pump->options.secrets,
                             .request = &flow->request,
                             .previous = buf_str(&flow->previous),
                             .wall_ms = clock_wall_ms(pump->clock),
                             .now_ms = now_ms};
}

static bool build(struct pump *pump, struct pump_flow *flow, int64_t now_ms, struct err *err)
{
    struct talk_ctx ctx = talk_ctx_of(pump, flow, now_ms);
    bool ok;

    ctx.request = NULL;
    buf_reset(&flow->connect_to);
    snprintf(flow->now, sizeof flow->now, "%lld", (long long)(ctx.wall_ms / 1000));
    request_clear(&flow->request);
    ok = talk_build(&flow->talk, &ctx, &flow->request, err);
    return ok && pump_target(pump, flow->order.stratum, ctx.step->other, &flow->request.parts,
                             &flow->connect_to, err);
}

static bool on_body(void *at, const char *data, size_t len, int64_t at_us)
{
    struct pump_flow *flow = at;

    return talk_data(&flow->talk, data, len, at_us);
}

static void send_request(struct pump *pump, struct pump_flow *flow, int64_t now_ms)
{
    const struct suite_step *step = &flow->scope.check->steps[flow->step];
    struct http_request request = {0};
    struct err err = {0};

    flow->waiting = false;
    flow->scope.missing = false;
    if (!build(pump, flow, now_ms, &err)) {
        struct finding finding SL_CLEANUP(finding_clear) = {.verdict = RUN_ERROR,
                                                            .at = step->request.url.at};

        if (flow->decided && flow->scope.missing) /* nothing is there to be cleaned up */
            finding.verdict = RUN_PASS;
        buf_add_str(&finding.sentence, "the request cannot be made: ");
        text_add_safe(&finding.sentence, err.text, strlen(err.text), sizeof err.text);
        finish(pump, flow, NULL, &finding, now_ms);
        return;
    }
    request.method = flow->request.method;
    request.url = buf_str(&flow->request.url);
    request.headers = flow->request.headers;
    request.headers_n = flow->request.headers_n;
    if (flow->request.has_body) {
        request.body = buf_str(&flow->request.body);
        request.body_len = flow->request.body.len;
    }
    request.connect_to = flow->connect_to.len ? buf_str(&flow->connect_to) : NULL;
    request.connect_ms = bounded_ms(pump, step->request.connect_ms);
    request.total_ms = bounded_ms(pump, step->request.timeout_ms);
    request.exact = flow->request.exact;
    request.gzip = step->request.compressed;
    request.version = step->request.http == SUITE_HTTP_1_1 ? HTTP_VERSION_1_1
                      : step->request.http == SUITE_HTTP_2 ? HTTP_VERSION_2
                                                           : HTTP_VERSION_AUTO;
    request.cert_file = step->request.cert_file;
    request.key_file = step->request.key_file;
    request.ca_file = step->request.ca_file;
    request.proxy = flow->request.proxy.len ? buf_str(&flow->request.proxy) : NULL;
    request.upgrade = flow->request.upgrade;
    request.body_keep = pump->body_keep;
    request.fresh = wants_fresh(pump, flow, now_ms);
    request.certificate = wants_certificate(step);
    request.on_body = talk_streams(&flow->talk) ? on_body : NULL;
    flow->slow = false;
    flow->begun_by_ms =
        step->request.first_byte_ms ? now_ms + step->request.first_byte_ms : INT64_MAX;
    flow->http_id = http_start(pump->http, &request, flow);
}

static void begin_step(struct pump *pump, struct pump_flow *flow, int64_t now_ms)
{
    talk_begin(&flow->talk, &flow->scope.check->steps[flow->step]);
    send_request(pump, flow, now_ms);
}

/* ---- certificates
 * ---------------------------------------------------------------------------------- */

/* A fleet that orders certificates when it is first asked for a name burns an order with each
 * failed handshake; a handshake a probe would burn all there are. So for a moment after one that
 * failed the host is left alone. Whoever asks what is (a sweep, a confirmation) is told that it
 * failed, for all checks of the host need one; a turn is a sample, and what was not drawn is none:
 * an error. */
static void remember_tls(struct pump *pump, const struct pump_flow *flow,
                         const struct http_response *r, int64_t now_ms)
{
    struct pump_tls *tls = &pump->tls[pump->run_strata[flow->order.stratum].host];

    if (pump->strata[flow->order.stratum].endpoint == RUN_NONE || flow->step > 0 || flow->talk.role)
        return;
    free(tls->reason);
    *tls = (struct pump_tls){0};
    if (r->outcome < HTTP_TLS_UNTRUSTED || r->outcome > HTTP_TLS_HANDSHAKE)
        return;
    tls->until_ms = now_ms + PUMP_TLS_PAUSE_MS;
    tls->ask_until_ms =
        now_ms + (r->outcome == HTTP_TLS_HANDSHAKE ? PUMP_TLS_FLAKE_MS : PUMP_TLS_PAUSE_MS);
    tls->reason = x_strdup(r->reason);
}

static bool tls_is_bad(struct pump *pump, struct pump_flow *flow, int64_t now_ms)
{
    const struct pump_tls *tls = &pump->tls[pump->run_strata[flow->order.stratum].host];
    bool turn = flow->order.source == RUN_TURN;
    struct finding finding SL_CLEANUP(finding_clear) = {.verdict = turn ? RUN_ERROR : RUN_FAIL,
                                                        .at = flow->scope.check->at};

    if ((turn ? tls->until_ms : tls->ask_until_ms) <= now_ms)
        return false;
    if (turn)
        buf_add_str(&finding.sentence, "not asked so soon: ");
    text_add_safe(&finding.sentence, tls->reason, strlen(tls->reason), FINDING_SHOWN_MAX);
    finish(pump, flow, NULL, &finding, now_ms);
    return true;
}

static void begin_flow(struct pump *pump, const struct run_order *order, int64_t now_ms)
{
    struct pump_flow *flow = pump->flows;
    const char *missing = "";

    while (flow->used)
        flow++;
    assert(flow < pump->flows + pump->jobs);
    flow->used = true;
    flow->order = *order;
    flow->started_ms = now_ms;
    crypto_uuid4(flow->uuid);
    pump_scope(pump, &pump->strata[order->stratum], &flow->scope);
    flow->scope.uuid = flow->uuid;
    flow->scope.now = flow->now;
    if (!pump_lend_give(pump, flow, &missing)) {
        struct finding finding SL_CLEANUP(finding_clear) = {.verdict = RUN_ERROR,
                                                            .at = flow->scope.check->at};

        buf_addf(&finding.sentence, "not asked: it needs '%s', which has not passed yet", missing);
        finish(pump, flow, NULL, &finding, now_ms);
        return;
    }
    if (!tls_is_bad(pump, flow, now_ms))
        begin_step(pump, flow, now_ms);
}

/* What a talk waits for has come: its pause is over, or its answer is late. */
static void wake_flows(struct pump *pump, int64_t now_ms)
{
    for (uint32_t i = 0; i < pump->jobs; i++) {
        struct pump_flow *flow = &pump->flows[i];

        if (flow->used && !flow->waiting && flow->begun_by_ms <= now_ms) {
            flow->begun_by_ms = INT64_MAX;
            flow->slow = !http_begun(pump->http, flow->http_id);
            if (flow->slow)
                http_cancel(pump->http, flow->http_id);
        }
        if (!flow->used || flow->slow || flow->talk.wake_ms > now_ms)
            continue;
        if (flow->waiting) {
            send_request(pump, flow, now_ms);
        } else {
            talk_late(&flow->talk);
            http_cancel(pump->http, flow->http_id);
        }
    }
}

void pump_tick(struct pump *pump, int64_t now_ms)
{
    struct run_order order;

    pump->now_ms = now_ms;
    wake_flows(pump, now_ms);
    while (run_next(&pump->run, now_ms, &order))
        begin_flow(pump, &order, now_ms);
}

/* ---- answers
 * --------------------------------------------------------------------------------------- */

static void take_cookies(struct pump *pump, struct pump_flow *flow, const struct http_response *r)
{
    for (size_t i = 0; i < r->fields_n && !flow->scope.check->no_jar; i++)
        if (strcasecmp(r->fields[i].name, "Set-Cookie") == 0)
            cookie_store(&flow->jar, &flow->request.parts, r->fields[i].value,
                         clock_wall_ms(pump->clock));
}

static void add_numbers(struct pump_flow *flow, const struct http_response *r)
{
    int64_t started_us = r->timing.done_at_us - r->timing.total_us;

    if (flow->exchanges_n == PUMP_EXCHANGES_MAX)
        return;
    if (flow->exchanges_n == flow->exchanges_cap) {
        flow->exchanges_cap = flow->exchanges_cap ? 2 * flow->exchanges_cap : 1;
        flow->exchanges = x_realloc(flow->exchanges, flow->exchanges_cap, sizeof *flow->exchanges);
    }
    if (flow->exchanges_n == 0)
        flow->first_us = started_us;
    flow->exchanges[flow->exchanges_n++] =
        (struct probe_exchange){.role = flow->talk.role,
                                .step = flow->step,
                                .outcome = r->outcome,
                                .status = r->status,
                                .version = r->version,
                                .reused = r->connects == 0 && r->remote[0],
                                .begin_us = started_us - flow->first_us,
                                .dns_us = r->timing.dns_us,
                                .connect_us = r->timing.connect_us,
                                .tls_us = r->timing.tls_us,
                                .first_byte_us = r->timing.first_byte_us,
                                .total_us = r->timing.total_us,
                                .body_bytes = r->body_bytes};
}

static void say_slow(const struct suite_step *step, struct finding *out)
{
    buf_add_str(&out->sentence, "no byte of an answer came within ");
    text_format_duration(&out->sentence, step->request.first_byte_ms);
    out->verdict = RUN_FAIL;
    out->at = step->request.at;
}

static void show_answer(struct pump *pump, const struct pump_flow *flow,
                        const struct http_response *r)
{
    const struct pump_answer answer = {.stratum = flow->order.stratum,
                                       .step = flow->step,
                                       .role = flow->talk.role,
                                       .url = buf_str(&flow->request.url),
                                       .response = r};

    pump->options.on_answer(pump->options.on_answer_ctx, &answer);
}

static void add_warning(struct pump_flow *flow, const struct finding *finding)
{
    if (finding->warning.len == 0)
        return;
    if (flow->warnings.len == 0)
        flow->warned_at = finding->warning_at;
    else
        buf_add_str(&flow->warnings, "; ");
    buf_add_str(&flow->warnings, buf_str(&finding->warning));
}

/* What the flow does after an answer. */
static void go_on(struct pump *pump, struct pump_flow *flow, const struct http_response *r,
                  int64_t now_ms)
{
    struct finding finding SL_CLEANUP(finding_clear) = {0};
    struct talk_ctx ctx = talk_ctx_of(pump, flow, now_ms);
    struct answer answer = {
        .response = r, .url = buf_str(&flow->request.url), .wall_ms = ctx.wall_ms};
    enum talk_next next;

    flow->requests++;
    if (!flow->decided)
        flow->latency_us += r->timing.total_us;
    add_numbers(flow, r);
    if (pump->options.on_answer && !flow->dropped && !flow->decided)
        show_answer(pump, flow, r);
    take_cookies(pump, flow, r);
    remember_tls(pump, flow, r, now_ms);
    if (flow->dropped && !flow->decided) {
        finding.verdict = RUN_ERROR;
        finish(pump, flow, r, &finding, now_ms);
        return;
    }
    if (flow->slow && r->outcome == HTTP_CANCELLED) {
        say_slow(ctx.step, &finding);
        next = TALK_DONE;
    } else {
        next = talk_take(&flow->talk, &ctx, &answer, &finding);
    }
    answer_clear(&answer);
    add_warning(flow, &finding);
    if (next == TALK_SEND) {
        send_request(pump, flow, now_ms);
    } else if (next == TALK_WAIT) {
        flow->waiting = true;
        flow->http_id = 0;
    } else if (finding.verdict != RUN_PASS || flow->decided ||
               flow->step + 1 == flow->scope.check->finally_at) {
        finish(pump, flow, r, &finding, now_ms);
    } else {
        go_to_step(pump, flow, flow->step + 1, now_ms);
    }
}

bool pump_take(struct pump *pump, struct http_done *done, int64_t now_ms)
{
    uintptr_t at = (uintptr_t)done->ctx, first = (uintptr_t)pump->flows;
    struct pump_flow *flow = done->ctx;

    pump->now_ms = now_ms;
    if (at < first || at >= first + pump->jobs * sizeof *pump->flows)
        return false;
    if (flow->used && flow->http_id == done->id)
        go_on(pump, flow, &done->response, now_ms);
    http_response_clear(&done->response);
    return true;
}

/* ---- the rest
 * -------------------------------------------------------------------------------------- */

uint32_t pump_strata_n(const struct pump *pump)
{
    return pump->strata_n;
}

const struct pump_stratum *pump_stratum(const struct pump *pump, uint32_t stratum)
{
    assert(stratum < pump->strata_n);
    return &pump->strata[stratum];
}

uint32_t pump_cells_n(const struct pump *pump)
{
    return pump->cells_n;
}

uint32_t pump_hosts_n(const struct pump *pump)
{
    return pump->hosts_n;
}

const char *pump_endpoint_address(const struct pump *pump, uint32_t stratum)
{
    uint32_t endpoint = pump_stratum(pump, stratum)->endpoint;

    return endpoint == RUN_NONE ? NULL : pump->places[endpoint].address;
}

void pump_title(const struct pump *pump, uint32_t stratum, struct buf *out)
{
    const struct pump_stratum *s = pump_stratum(pump, stratum);
    const struct suite *suite = pump->suites[s->suite];

    suite_title(suite, &suite->checks[s->check], s->row, out);
}

uint32_t pump_sweep(struct pump *pump, run_filter *filter, void *ctx)
{
    uint32_t n = run_sweep(&pump->run, filter, ctx);

    return n + pump_lend_sweep(pump, filter, ctx);
}

uint32_t pump_sweep_due(struct pump *pump, run_filter *filter, void *ctx, int64_t now_ms)
{
    uint32_t n = run_sweep_due(&pump->run, filter, ctx, now_ms);

    return n + pump_lend_sweep(pump, filter, ctx);
}

void pump_rate(struct pump *pump, uint32_t rate_milli, int64_t now_ms)
{
    run_rate(&pump->run, rate_milli, now_ms);
}

void pump_percent(struct pump *pump, uint32_t percent)
{
    run_percent(&pump->run, percent);
}

bool pump_ask(struct pump *pump, uint32_t stratum, int64_t at_ms, uint32_t tag)
{
    return run_ask(&pump->run, stratum, at_ms, tag);
}

uint32_t pump_stop(struct pump *pump)
{
    uint32_t cleaning = 0;

    run_stop(&pump->run);
    pump_lend_stop(pump);
    for (uint32_t i = 0; i < pump->jobs; i++)
        if (pump->flows[i].used) {
            struct pump_flow *flow = &pump->flows[i];
            const struct suite_check *check = flow->scope.check;
            struct finding finding = {.verdict = RUN_ERROR};

            cleaning += check->finally_at < check->steps_n;
            flow->dropped = true;
            if (flow->decided)
                continue;
            if (flow->waiting) /* nothing is in flight that could end it */
                finish(pump, flow, NULL, &finding, pump->now_ms);
            else
                http_cancel(pump->http, flow->http_id);
        }
    return cleaning;
}

int64_t pump_wake_at(const struct pump *pump, int64_t now_ms)
{
    int64_t wake;

    if (pump->results_n)
        return now_ms;
    wake = run_wake_at(&pump->run, now_ms);
    for (uint32_t i = 0; i < pump->jobs; i++)
        if (pump->flows[i].used) {
            const struct pump_flow *flow = &pump->flows[i];

            if (flow->talk.wake_ms < wake)
                wake = flow->talk.wake_ms;
            if (!flow->waiting && flow->begun_by_ms < wake)
                wake = flow->begun_by_ms;
        }
    return wake < now_ms ? now_ms : wake;
}

bool pump_idle(const struct pump *pump)
{
    return pump->results_n == 0 && pump->pending == 0 && run_idle(&pump->run);
}

uint32_t pump_flying(const struct pump *pump)
{
    return pump->run.flying;
}
