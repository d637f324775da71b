/* check.c: expectations in order, the first unmet one is the finding. */
#include "check.h"

#include <string.h>

#include "predicate.h"
#include "sluice/json.h"
#include "sluice/text.h"

static bool fails(struct finding *out, enum run_verdict verdict, const struct doc_node *at)
{
    out->verdict = verdict;
    out->at = at;
    return false;
}

/* The expectation's line; what defaults or nobody said is shown at the request. */
static const struct doc_node *place(const struct suite_step *step, const struct doc_node *at)
{
    return at ? at : step->request.url.at;
}

/* ---- the transfer
 * ---------------------------------------------------------------------------------- */

/* What says nothing about the server: everything else that keeps an answer from coming is the
 * server's. */
static const bool is_our_own_fault[HTTP_OUTCOME_COUNT] = {
    [HTTP_NO_ROUTE] = true, [HTTP_CANCELLED] = true, [HTTP_INVALID] = true};

bool check_outcome(const struct suite_step *step, const struct http_response *r,
                   struct finding *out)
{
    if (r->outcome == HTTP_OK)
        return true;
    text_add_safe(&out->sentence, r->reason, strlen(r->reason), sizeof r->reason);
    if (r->status)
        buf_addf(&out->sentence, " (status %u)", r->status);
    buf_add_str(&out->met, http_outcome_name(r->outcome));
    buf_add_str(&out->expected, "an answer");
    return fails(out, is_our_own_fault[r->outcome] ? RUN_ERROR : RUN_FAIL, step->request.url.at);
}

/* ---- status
 * ---------------------------------------------------------------------------------------- */

void check_add_statuses(struct buf *out, const struct suite_status *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        buf_add_str(out, i == 0 ? "" : i + 1 == n ? " or " : ", ");
        if (list[i].low == list[i].high)
            buf_addf(out, "%u", list[i].low);
        else
            buf_addf(out, "%uxx", list[i].low / 100);
    }
}

bool check_has_status(const struct suite_status *list, size_t n, uint16_t status)
{
    for (size_t i = 0; i < n; i++)
        if (status >= list[i].low && status <= list[i].high)
            return true;
    return false;
}

static bool eval_status(const struct suite_step *step, const struct http_response *r,
                        struct finding *out)
{
    const struct suite_expect *expect = &step->expect;

    if (check_has_status(expect->status, expect->status_n, r->status))
        return true;
    check_add_statuses(&out->expected, expect->status, expect->status_n);
    buf_addf(&out->met, "%u", r->status);
    buf_addf(&out->sentence, "status is %u, expected %s", r->status, buf_str(&out->expected));
    if (r->status == 429 || http_response_find(r, "Retry-After")) {
        out->throttled = true;
        buf_add_str(&out->sentence, r->status == 429 ? ": the server asks for fewer requests"
                                                     : ", and the server asks to come back later");
    }
    return fails(out, out->throttled ? RUN_ERROR : RUN_FAIL, place(step, expect->status_at));
}

/* ---- headers, body, JSON
 * --------------------------------------------------------------------------- */

static bool eval_headers(const struct suite_step *step, struct scope *scope,
                         const struct http_response *r, struct finding *out)
{
    for (size_t i = 0; i < step->expect.headers_n; i++) {
        const struct suite_target *t = &step->expect.headers[i];
        const char *value = http_response_find(r, t->name);
        struct buf what SL_CLEANUP(buf_clear) = {0};

        buf_addf(&what, "header %s", t->name);
        for (size_t k = 0; k < t->predicates_n; k++)
            if (!predicate_text(&t->predicates[k], scope, buf_str(&what), value,
                                value ? strlen(value) : 0, false, out))
                return false;
    }
    return true;
}

static bool eval_body(const struct suite_step *step, struct scope *scope,
                      const struct http_response *r, struct finding *out)
{
    for (size_t i = 0; i < step->expect.body_n; i++)
        if (!predicate_text(&step->expect.body[i], scope, "body", buf_str(&r->body), r->body.len,
                            r->truncated, out))
            return false;
    return true;
}

static bool eval_json(const struct suite_step *step, struct scope *scope, struct answer *answer,
                      struct finding *out)
{
    const json_t *root;

    if (step->expect.json_n == 0)
        return true;
    root = answer_json(answer);
    if (!root) {
        char *near = strstr(answer->json_err.text, " near '"); /* bytes of the body, cut anywhere */

        if (near)
            *near = '\0';
        buf_addf(&out->sentence, "body is not JSON: ");
        text_add_safe(&out->sentence, answer->json_err.text, strlen(answer->json_err.text),
                      FINDING_SHOWN_MAX);
        return fails(out, answer->response->truncated ? RUN_ERROR : RUN_FAIL,
                     step->expect.json[0].at);
    }
    for (size_t i = 0; i < step->expect.json_n; i++)
        if (!predicate_target(&step->expect.json[i], scope, root, out))
            return false;
    return true;
}

/* ---- latency
 * -------------------------------------------------------------------------- */

static bool eval_latency(const struct suite_step *step, const struct http_response *r,
                         struct finding *out)
{
    int64_t ms = (r->timing.total_us + 999) / 1000;

    if (step->expect.latency_ms == 0 || r->timing.total_us <= step->expect.latency_ms * 1000)
        return true;
    text_format_duration(&out->met, ms);
    buf_add_str(&out->expected, "at most ");
    text_format_duration(&out->expected, step->expect.latency_ms);
    buf_addf(&out->sentence, "the answer took %s, expected %s", buf_str(&out->met),
             buf_str(&out->expected));
    return fails(out, RUN_FAIL, place(step, step->expect.latency_at));
}

bool check_eval(const struct suite_step *step, struct scope *scope, struct answer *answer,
                struct finding *out)
{
    const struct http_response *r = answer->response;

    return check_outcome(step, r, out) && eval_status(step, r, out) &&
           eval_headers(step, scope, r, out) && eval_body(step, scope, r, out) &&
           eval_json(step, scope, answer, out) && eval_latency(step, r, out) &&
           (!step->expect.certificate || check_certificate(step, scope, answer, out)) &&
           (!step->expect.more || check_more(step, scope, answer, out));
}
