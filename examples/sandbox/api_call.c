#include "api_call.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "sluice/text.h"

#define ACCOUNT "123456789012"

void api_fail(struct api_call *c, int status, const char *code, const char *fmt, ...)
{
    va_list ap;

    c->status = status;
    c->code = code;
    buf_reset(&c->message);
    va_start(ap, fmt);
    buf_vaddf(&c->message, fmt, ap);
    va_end(ap);
}

void api_open(struct api_call *c, const char *root)
{
    buf_addf(&c->body, "<?xml version=\"1.0\"?>\n<%s xmlns=\"" ROUTE53_NS "\">", root);
}

void api_element(struct api_call *c, const char *name, const char *text)
{
    buf_addf(&c->body, "<%s>", name);
    xml_add_escaped(&c->body, text);
    buf_addf(&c->body, "</%s>", name);
}

void api_elementf(struct api_call *c, const char *name, const char *fmt, ...)
{
    struct buf text SL_CLEANUP(buf_clear) = {0};
    va_list ap;

    va_start(ap, fmt);
    buf_vaddf(&text, fmt, ap);
    va_end(ap);
    api_element(c, name, buf_str(&text));
}

void api_error_body(struct api_call *c)
{
    buf_reset(&c->body);
    api_open(c, "ErrorResponse");
    buf_addf(&c->body, "<Error><Type>%s</Type>", c->status < 500 ? "Sender" : "Receiver");
    api_element(c, "Code", c->code);
    api_element(c, "Message", buf_str(&c->message));
    buf_add_str(&c->body, "</Error>");
    api_element(c, "RequestId", c->request_id);
    buf_add_str(&c->body, "</ErrorResponse>");
}

void api_time(int64_t unix_ms, char out[32])
{
    time_t t = (time_t)(unix_ms / 1000);
    struct tm tm;

    gmtime_r(&t, &tm);
    strftime(out, 32, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out + strlen(out), 32 - strlen(out), ".%03dZ", (int)(unix_ms % 1000));
}

struct zone *api_zone(struct api_call *c)
{
    struct zone *z = store_zone(&c->sb->store, c->id);

    if (!z)
        api_fail(c, 404, "NoSuchHostedZone", "No hosted zone found with ID: %s", c->id);
    else
        snprintf(c->zone_id, sizeof c->zone_id, "%s", z->id);
    return z;
}

bool api_page_size(struct api_call *c, uint32_t max, uint32_t *out)
{
    const char *text = web_field(&c->mem, c->rq->query, "maxitems");
    struct err err = {0};

    *out = max;
    if (!text)
        return true;
    if (!text_parse_u32(text, 1, 1000000, out, &err)) {
        api_fail(c, 400, "InvalidInput", "Invalid value for maxitems: '%s'", text);
        return false;
    }
    if (*out > max)
        *out = max;
    return true;
}

void api_change_info(struct api_call *c, const struct store_change *change)
{
    char at[32];

    api_time(change->submitted_ms, at);
    snprintf(c->change_id, sizeof c->change_id, "%s", change->id);
    buf_add_str(&c->body, "<ChangeInfo>");
    api_elementf(c, "Id", "/change/%s", change->id);
    api_element(c, "Status", change->sync_us <= c->now_us ? "INSYNC" : "PENDING");
    api_element(c, "SubmittedAt", at);
    if (change->comment[0])
        api_element(c, "Comment", change->comment);
    buf_add_str(&c->body, "</ChangeInfo>");
}

static bool is_or_any(const char *want, const char *have)
{
    return !want || (have && strcmp(want, have) == 0);
}

bool api_allowed(struct api_call *c, const struct change *change)
{
    for (size_t i = 0; i < c->rules->n_denies; i++) {
        const struct api_deny *d = &c->rules->denies[i];
        bool narrow = d->change || d->name || d->type;

        if (!is_or_any(d->action, c->action->name) || !is_or_any(d->key, c->who.key_id) ||
            (narrow && !change))
            continue;
        if (change && (!is_or_any(d->change, change_action_name(change->action)) ||
                       !is_or_any(d->name, change->set->name) ||
                       !is_or_any(d->type, rtype_name(change->set->type))))
            continue;
        api_fail(
            c, 403, "AccessDenied",
            "User: arn:aws:iam::" ACCOUNT ":user/%s is not authorized to perform: route53:%s on "
            "resource: arn:aws:route53:::%s/%s because no identity-based policy allows the "
            "route53:%s action",
            c->who.key ? c->who.key->user : "unknown", c->action->name,
            strcmp(c->action->name, "GetChange") == 0                  ? "change"
            : strcmp(c->action->name, "GetHealthCheck") == 0           ? "healthcheck"
            : strcmp(c->action->name, "GetTrafficPolicyInstance") == 0 ? "trafficpolicyinstance"
                                                                       : "hostedzone",
            c->id, c->action->name);
        return false;
    }
    return true;
}

bool api_bucket_take(struct api_bucket *b, double n, int64_t now_us)
{
    if (b->rate <= 0)
        return true;
    if (!b->at_us)
        b->level = b->burst;
    else
        b->level += b->rate * (double)(now_us - b->at_us) / 1e6;
    b->at_us = now_us;
    if (b->level > b->burst)
        b->level = b->burst;
    if (b->level < n)
        return false;
    b->level -= n;
    return true;
}
