/* pump_result.c: what a probe leaves: its queue, and what a person needs to see of the exchange. */
#include <string.h>
#include <strings.h>

#include "pump_internal.h"

#define HEAD_EXCERPT_MAX ((size_t)2048)

void pump_push_result(struct pump *pump, const struct probe_result *result)
{
    if (pump->results_n == pump->results_cap) {
        size_t cap = pump->results_cap ? 2 * pump->results_cap : 32;
        struct probe_result *list = x_calloc(cap, sizeof *list);

        for (size_t i = 0; i < pump->results_n; i++)
            list[i] = pump->results[(pump->results_head + i) % pump->results_cap];
        free(pump->results);
        pump->results = list;
        pump->results_cap = cap;
        pump->results_head = 0;
    }
    pump->results[(pump->results_head + pump->results_n++) % pump->results_cap] = *result;
}

bool pump_next(struct pump *pump, struct probe_result *out)
{
    if (pump->results_n == 0)
        return false;
    *out = pump->results[pump->results_head];
    pump->results_head = (pump->results_head + 1) % pump->results_cap;
    pump->results_n--;
    return true;
}

void probe_result_clear(struct probe_result *r)
{
    char *const owned[] = {r->sentence,      r->met,          r->expected,     r->method,
                           r->url,           r->request_head, r->request_body, r->response_head,
                           r->response_body, r->remote,       r->curl};

    for (size_t i = 0; i < ARRAY_LEN(owned); i++)
        free(owned[i]);
    free(r->exchanges);
    for (uint32_t i = 0; i < r->differences_n; i++) {
        free(r->differences[i].what);
        free(r->differences[i].old);
        free(r->differences[i].new);
    }
    free(r->differences);
    *r = (struct probe_result){0};
}

/* What is kept of an exchange holds no secret any more: the reporters cut it into lines and pieces,
 * and half a secret is not known again. */
static char *without_secrets(const struct pump *pump, const char *s, size_t len)
{
    struct buf text = {0};

    buf_init(&text, len + 1);
    buf_add(&text, s, len);
    secret_redact(pump->options.secrets, &text);
    return buf_take(&text);
}

static char *excerpt(const struct pump *pump, const struct buf *body)
{
    struct buf text = {0};

    if (body->len <= PUMP_EXCERPT_MAX)
        return without_secrets(pump, buf_str(body), body->len);
    buf_init(&text, PUMP_EXCERPT_MAX);
    buf_add(&text, buf_str(body), PUMP_EXCERPT_MAX);
    secret_redact_cut(pump->options.secrets, &text);
    return buf_take(&text);
}

static char *head_of(const struct pump *pump, const struct http_response *r)
{
    struct buf head SL_CLEANUP(buf_wipe) = {0};

    buf_init(&head, HEAD_EXCERPT_MAX);
    buf_addf(&head, "HTTP/%s %u\n",
             r->version == 20   ? "2"
             : r->version == 10 ? "1.0"
                                : "1.1",
             r->status);
    for (size_t i = 0; i < r->fields_n && buf_ok(&head); i++)
        buf_addf(&head, "%s: %s\n", r->fields[i].name,
                 strcasecmp(r->fields[i].name, "Set-Cookie") == 0 ? "[not shown]"
                                                                  : r->fields[i].value);
    return without_secrets(pump, buf_str(&head), head.len);
}

/* What a person needs to see what happened, and to do it again. */
void pump_result_add_exchange(const struct pump *pump, struct pump_flow *flow,
                              const struct http_response *r, struct probe_result *out)
{
    const struct suite_step *step = &flow->scope.check->steps[flow->step];
    struct buf head SL_CLEANUP(buf_wipe) = {0}, curl = {0};
    bool cookies = false;

    out->method = x_strdup(flow->request.method ? flow->request.method
                                                : suite_method_name(step->request.method));
    if (flow->request.parts.path) {
        out->url = without_secrets(pump, buf_str(&flow->request.url), flow->request.url.len);
        request_add_head(&head, &flow->request);
        out->request_head = without_secrets(pump, buf_str(&head), head.len);
        if (flow->request.has_body)
            out->request_body = excerpt(pump, &flow->request.body);
        for (size_t i = 0; i < flow->request.headers_n; i++)
            cookies |= strcmp(flow->request.headers[i].name, "Cookie") == 0;
    }
    request_add_curl(&curl, &flow->scope, &step->request, buf_str(&flow->previous),
                     flow->connect_to.len ? buf_str(&flow->connect_to) : NULL, cookies);
    if (curl.len)
        out->curl = buf_take(&curl);
    buf_clear(&curl);
    if (r && r->remote[0])
        out->remote = x_strdup(r->remote);
    if (r && r->status) {
        out->response_head = head_of(pump, r);
        out->response_body = excerpt(pump, &r->body);
        out->response_bytes = r->body_bytes;
    }
}

char *pump_result_taken(struct buf *b)
{
    return b->len ? buf_take(b) : NULL;
}

void pump_result_add_transfer(const struct http_response *r, struct probe_result *out)
{
    out->outcome = r->outcome;
    out->status = r->status;
    out->unreached = r->outcome == HTTP_DNS || r->outcome == HTTP_NO_ROUTE ||
                     (r->outcome == HTTP_CONNECT_TIMEOUT);
    out->no_route = r->outcome == HTTP_NO_ROUTE;
    out->sent_at_us = r->timing.sent_at_us;
    out->done_at_us = r->timing.done_at_us;
}
