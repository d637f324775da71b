/* lint_tls.c: certificates of the new side: which nobody looks at, and what a look found. */
#include <string.h>
#include <strings.h>

#include "lint_int.h"
#include "sluice/text.h"

#define ORDERS_HOSTS 5 /* failures an hour that an ACME authority forgives for one name */
#define DAY_MS       INT64_C(86400000)
#define DAYS_LEAST   7
#define DAYS_SHORT   21 /* of a certificate made for less, a third of its life is to be left */

/* host may hold {{...}}, which stands for anything. */
static bool covers(const char *plain, const char *host)
{
    const char *open = strstr(host, "{{"), *close = NULL;

    for (const char *p = host; (p = strstr(p, "}}")); p += 2)
        close = p + 2;
    if (text_starts_with(plain, "*."))
        return text_ends_with(host, plain + 1);
    if (!open || !close)
        return strcasecmp(plain, host) == 0;
    return strlen(plain) >= (size_t)(open - host) + strlen(close) &&
           strncasecmp(plain, host, (size_t)(open - host)) == 0 && text_ends_with(plain, close);
}

static bool seen_over_tls(const struct lint_scene *s, const char *plain)
{
    for (size_t i = 0; i < s->facts->n_probes; i++) {
        const struct lint_probe *p = &s->facts->probes[i];

        if (p->https && p->sides[PLAN_NEW] &&
            (covers(plain, p->host) || (p->pin && strcasecmp(p->pin, plain) == 0)))
            return true;
    }
    return false;
}

void lint_certificate_unseen(struct lint_scene *s)
{
    const struct survey_record *first = NULL;
    size_t n = 0, of = 0;

    for (size_t i = 0; s->facts->n_probes && i < s->survey->n_records; i++) {
        const struct survey_record *r = &s->survey->records[i];

        if (!lint_takes_clients(r->type))
            continue;
        of++;
        if (seen_over_tls(s, lint_plain(s, r->name)))
            continue;
        n++;
        first = first ? first : r;
    }
    if (n)
        lint_say(
            s, lint_where(s, first),
            "add a check with an https url of that name; issue the new side's certificate by "
            "DNS-01 or ACM before the first step (HTTP-01 reaches the new side by chance only)",
            "%zu of %zu records %s no check over https on the new side: a certificate that is "
            "missing there is found by users, and HSTS leaves them no way round",
            n, of, n == 1 ? "has" : "have");
}

static size_t https_checks(const struct lint_scene *s, const struct lint_probe **first)
{
    size_t n = 0;

    for (size_t i = 0; i < s->facts->n_probes; i++)
        if (s->facts->probes[i].https && s->facts->probes[i].sides[PLAN_NEW] && !n++)
            *first = &s->facts->probes[i];
    return n;
}

void lint_certificate_days(struct lint_scene *s)
{
    const struct lint_probe *first = NULL;
    size_t n = https_checks(s, &first);

    for (size_t i = 0; i < s->facts->n_probes; i++)
        if (s->facts->probes[i].certificate)
            return;
    if (n)
        lint_say(s, s->plan->cutover,
                 "expect: {certificate: {days_left: 14}} in a check of each name",
                 "no check looks at how long the new side's certificate is good for (%s): one that "
                 "ends in the soak is an outage for every name under HSTS",
                 lint_safe(s, first->host));
}

void lint_certificate_orders(struct lint_scene *s)
{
    const struct lint_probe *first = NULL;
    size_t n = https_checks(s, &first);
    bool many = n > ORDERS_HOSTS;

    for (size_t i = 0; i < s->facts->n_probes; i++)
        many = many || (s->facts->probes[i].https && strstr(s->facts->probes[i].host, "{{"));
    if (many)
        lint_say(s, s->plan->cutover,
                 "have the certificates there before the probes are; ask one name by hand first",
                 "many names are probed over https: should the new side order certificates when it "
                 "is first asked for a name, each failed handshake burns an order, and authorities "
                 "stop after %d failures an hour",
                 ORDERS_HOSTS);
}

/* ---- What the handshakes found ---- */

static const char *host_at(const struct lint_scene *s, const char *host, const char *at)
{
    struct buf where SL_CLEANUP(buf_clear) = {0};

    buf_addf(&where, "%s at %s", lint_safe(s, host), lint_safe(s, at));
    return arena_strdup(s->survey->mem, buf_str(&where));
}

void lint_certificate_failed(struct lint_scene *s)
{
    const struct lint_shake_failed *f = &s->facts->shake_failed;
    struct buf then SL_CLEANUP(buf_clear) = {0};

    if (!f->host)
        return;
    if (!f->remembered) {
        lint_say(s, host_at(s, f->host, f->at),
                 "put the certificate there; for an hour it is then looked at only with "
                 "--retry-certificates, since each failed handshake may burn an order",
                 "the TLS handshake with the new side failed, and nothing more was asked of it: %s",
                 f->reason);
        return;
    }
    text_format_time(&then, f->wall_s * 1000, false);
    lint_say(s, host_at(s, f->host, f->at),
             "once the certificate is there, say --retry-certificates; or wait the hour out",
             "the TLS handshake with the new side failed at %s and is not tried again within the "
             "hour: %s",
             buf_str(&then), f->reason);
}

void lint_certificate_ends(struct lint_scene *s)
{
    for (size_t i = 0; i < s->facts->n_shakes; i++) {
        const struct lint_shake *k = &s->facts->shakes[i];
        int64_t life = k->ends_ms - k->begins_ms, left = k->ends_ms - s->facts->now_ms;
        int64_t least = life < DAYS_SHORT * DAY_MS ? life / 3 : DAYS_LEAST * DAY_MS;
        struct buf ends SL_CLEANUP(buf_clear) = {0}, want SL_CLEANUP(buf_clear) = {0};

        if (left > least)
            continue;
        text_format_time(&ends, k->ends_ms, false);
        text_format_duration(&want, least / 60000 * 60000);
        lint_say(s, host_at(s, k->host, k->at), "renew it there, and see that it renews itself",
                 "the new side's certificate ends at %s, in less than %s", buf_str(&ends),
                 buf_str(&want));
    }
}

/* It was trusted, so what ended before is not needed for that; what ends soon may be. */
void lint_certificate_chain(struct lint_scene *s)
{
    for (size_t i = 0; i < s->facts->n_shakes; i++) {
        const struct lint_shake *k = &s->facts->shakes[i];
        int64_t left = k->chain_ends_ms - s->facts->now_ms;
        struct buf ends SL_CLEANUP(buf_clear) = {0};

        if (!k->chain_ends_ms || k->chain_ends_ms >= k->ends_ms || left <= 0 ||
            left > DAYS_LEAST * DAY_MS)
            continue;
        text_format_time(&ends, k->chain_ends_ms, false);
        lint_say(s, host_at(s, k->host, k->at), "send the chain that the authority hands out today",
                 "a certificate in the new side's chain ends at %s, before its own does",
                 buf_str(&ends));
    }
}
