#include "route53.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "aws_config.h"
#include "route53_batch.h"
#include "sluice/common.h"
#include "sluice/sigv4.h"
#include "sluice/text.h"

#define API               "/2013-04-01"
#define SERVICE           "route53"
#define PAIRS_MAX         4
#define HEADERS_MAX       6
#define TOTAL_MS          30000
#define URGENT_MS         10000
#define CONNECT_MS        10000
#define URGENT_CONNECT_MS 3000
#define ADDRESS_MAX       64

/* One request: waiting for a token, in flight, or answered. */
struct pending {
    struct pending *next;
    void *ctx;
    enum route53_call call;
    bool urgent;
    bool corrected; /* sent again with a better date or fresher credentials */
    uint32_t keys_nth; /* it was signed with */
    bool pinned;    /* sent to addresses that worked before */
    int64_t due_ms; /* boottime */
    char *path;
    struct sigv4_pair query[PAIRS_MAX]; /* values owned */
    size_t n_query;
    struct buf body;
    uint64_t http_id; /* 0: not sent yet */
    int64_t skew_ms;  /* it was signed with */
    struct route53_reply reply;
};

struct list {
    struct pending *head, **tail;
};

struct route53 {
    struct route53_config config;
    struct credentials credentials;
    uint32_t keys_nth; /* counts every change of them */
    bool keys_refused; /* since the last change */
    char *host; /* as in the Host header */
    int64_t skew_ms;
    int64_t tokens_milli, refilled_ms;
    char addresses[ROUTE53_ADDRESSES_MAX][ADDRESS_MAX]; /* the newest first, without port */
    size_t n_addresses;
    bool addresses_failed; /* the last urgent attempt at them */
    struct list waiting, flying, finished;
};

static const struct {
    const char *method, *action; /* the action as IAM calls it */
} calls[] = {
    [ROUTE53_ZONES_BY_NAME] = {"GET", "route53:ListHostedZonesByName"},
    [ROUTE53_GET_ZONE] = {"GET", "route53:GetHostedZone"},
    [ROUTE53_LIST_SETS] = {"GET", "route53:ListResourceRecordSets"},
    [ROUTE53_CHANGE_SETS] = {"POST", "route53:ChangeResourceRecordSets"},
    [ROUTE53_GET_CHANGE] = {"GET", "route53:GetChange"},
    [ROUTE53_GET_HEALTH_CHECK] = {"GET", "route53:GetHealthCheck"},
    [ROUTE53_GET_POLICY_INSTANCE] = {"GET", "route53:GetTrafficPolicyInstance"},
};
_Static_assert(ARRAY_LEN(calls) == ROUTE53_CALL_COUNT, "a method and an action for every call");

const char *route53_action(enum route53_call call)
{
    return calls[call].action;
}

static void list_init(struct list *l)
{
    l->head = NULL;
    l->tail = &l->head;
}

static void list_add(struct list *l, struct pending *p)
{
    p->next = NULL;
    *l->tail = p;
    l->tail = &p->next;
}

static void list_remove(struct list *l, struct pending *p)
{
    struct pending **at = &l->head;

    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    if (l->tail == &p->next)
        l->tail = at;
}

static void pending_free(struct pending *p)
{
    free(p->path);
    for (size_t i = 0; i < p->n_query; i++)
        free((char *)p->query[i].value);
    buf_clear(&p->body);
    route53_reply_clear(&p->reply);
    free(p);
}

static void list_free(struct list *l)
{
    while (l->head) {
        struct pending *p = l->head;

        l->head = p->next;
        pending_free(p);
    }
}

struct route53 *route53_new(const struct route53_config *config)
{
    struct route53 *r = x_zalloc(sizeof *r);

    r->config = *config;
    if (!r->config.rate_milli)
        r->config.rate_milli = ROUTE53_RATE_MILLI;
    r->credentials = credentials_copy(config->credentials);
    r->config.credentials = NULL;
    r->host = aws_config_host(config->endpoint);
    r->tokens_milli = ROUTE53_BURST * 1000;
    r->refilled_ms = clock_boot_ms(config->clock);
    if (config->known_address) {
        snprintf(r->addresses[0], ADDRESS_MAX, "%s", config->known_address);
        r->n_addresses = 1;
    }
    r->config.known_address = NULL;
    list_init(&r->waiting);
    list_init(&r->flying);
    list_init(&r->finished);
    return r;
}

void route53_free(struct route53 *r)
{
    if (!r)
        return;
    for (struct pending *p = r->flying.head; p; p = p->next)
        http_cancel(r->config.http, p->http_id);
    list_free(&r->waiting);
    list_free(&r->flying);
    list_free(&r->finished);
    credentials_clear(&r->credentials);
    free(r->host);
    free(r);
}

void route53_reply_clear(struct route53_reply *reply)
{
    buf_clear(&reply->body);
}

void route53_borrow(const struct route53 *r, struct http **http, const struct clock **clock)
{
    *http = r->config.http;
    *clock = r->config.clock;
}

void route53_set_credentials(struct route53 *r, const struct credentials *fresh)
{
    struct credentials copy = credentials_copy(fresh);

    credentials_clear(&r->credentials);
    r->credentials = copy;
    r->keys_nth++;
    r->keys_refused = false;
}

bool route53_keys_refused(const struct route53 *r)
{
    return r->keys_refused;
}

int64_t route53_skew_ms(const struct route53 *r)
{
    return r->skew_ms;
}

/* Building */

static void add_pair(struct pending *p, const char *name, const char *value)
{
    assert(p->n_query < PAIRS_MAX);
    if (value)
        p->query[p->n_query++] = (struct sigv4_pair){name, x_strdup(value)};
}

/* Ids come from the service, or from a person: what is no letter or digit is encoded. */
static void set_path(struct pending *p, const char *before, const char *id, const char *after)
{
    struct buf path = {0};

    buf_addf(&path, API "%s", before);
    if (id)
        text_add_percent(&path, id, strlen(id), "");
    buf_add_str(&path, after);
    p->path = buf_take(&path);
}

static bool build(struct pending *p, const struct route53_ask *ask, struct err *err)
{
    char items[16];

    switch (ask->call) {
    case ROUTE53_ZONES_BY_NAME:
        set_path(p, "/hostedzonesbyname", NULL, "");
        add_pair(p, "dnsname", ask->name);
        break;
    case ROUTE53_GET_ZONE:
        set_path(p, "/hostedzone/", ask->id, "");
        break;
    case ROUTE53_LIST_SETS:
        set_path(p, "/hostedzone/", ask->id, "/rrset");
        snprintf(items, sizeof items, "%u", ask->max_items ? ask->max_items : ROUTER_PAGE_SETS_MAX);
        add_pair(p, "maxitems", items);
        add_pair(p, "name", ask->name);
        add_pair(p, "type", ask->name ? ask->type : NULL); /* type alone is InvalidInput */
        add_pair(p, "identifier", ask->name && ask->type ? ask->set_id : NULL);
        break;
    case ROUTE53_CHANGE_SETS:
        set_path(p, "/hostedzone/", ask->id, "/rrset/");
        p->body.max = ROUTE53_BATCH_BYTES_MAX;
        return route53_batch_format(ask->batch, &p->body, err);
    case ROUTE53_GET_HEALTH_CHECK:
        set_path(p, "/healthcheck/", ask->id, "");
        break;
    case ROUTE53_GET_POLICY_INSTANCE:
        set_path(p, "/trafficpolicyinstance/", ask->id, "");
        break;
    default: /* ROUTE53_GET_CHANGE */
        set_path(p, "/change/", ask->id, "");
        break;
    }
    return true;
}

/* Sending */

/* "+host:port:address,…" makes libcurl use these for as long as a look-up's result would last;
 * "-host:port" makes it forget them. False: the host is an address itself, or nothing is known. */
static bool resolve_line(const struct route53 *r, bool use, struct buf *out)
{
    const char *colon = strrchr(r->host, ':');
    bool tls = text_starts_with(r->config.endpoint, "https://");

    if (!r->n_addresses || r->host[0] == '[' || strspn(r->host, "0123456789.:") == strlen(r->host))
        return false;
    buf_addf(out, "%c%s%s", use ? '+' : '-', r->host, colon ? "" : tls ? ":443" : ":80");
    for (size_t i = 0; use && i < r->n_addresses; i++)
        buf_addf(out, "%c%s", i ? ',' : ':', r->addresses[i]);
    return true;
}

static bool sign(struct route53 *r, struct pending *p, struct http_header headers[HEADERS_MAX],
                 size_t *n_headers, char date[SIGV4_DATE_SIZE], struct buf *authorization,
                 struct err *err)
{
    struct sigv4_pair pairs[HEADERS_MAX];
    struct sigv4_scope scope = {.region = r->config.signing_region, .service = SERVICE};
    struct sigv4_request request = {
        .method = calls[p->call].method,
        .path = p->path,
        .query = p->query,
        .n_query = p->n_query,
        .headers = pairs,
        .body = p->body.data,
        .body_len = p->body.len,
    };
    size_t n = 0;

    p->skew_ms = r->skew_ms;
    p->keys_nth = r->keys_nth;
    p->reply.signed_ms = clock_wall_ms(r->config.clock) + r->skew_ms;
    sigv4_date(p->reply.signed_ms, scope.date);
    memcpy(date, scope.date, SIGV4_DATE_SIZE);
    headers[n++] = (struct http_header){"X-Amz-Date", date};
    if (r->credentials.token)
        headers[n++] = (struct http_header){"X-Amz-Security-Token", r->credentials.token};
    if (p->call == ROUTE53_CHANGE_SETS)
        headers[n++] = (struct http_header){"Content-Type", "text/xml"};
    for (size_t i = 0; i < n; i++)
        pairs[i] = (struct sigv4_pair){headers[i].name, headers[i].value};
    pairs[n] = (struct sigv4_pair){"Host", r->host}; /* libcurl writes it from the url */
    request.n_headers = n + 1;
    if (!sigv4_sign(&request, &scope, r->credentials.key_id, r->credentials.secret_key, NULL,
                    authorization, err))
        return false;
    headers[n++] = (struct http_header){"Authorization", buf_str(authorization)};
    *n_headers = n;
    return true;
}

static void finish(struct route53 *r, struct pending *p, enum router_outcome outcome,
                   const char *code, const char *message)
{
    p->reply.ctx = p->ctx;
    p->reply.call = p->call;
    p->reply.outcome = outcome;
    p->reply.done_boot_ms = clock_boot_ms(r->config.clock);
    snprintf(p->reply.code, sizeof p->reply.code, "%s", code);
    snprintf(p->reply.message, sizeof p->reply.message, "%s", message);
    list_add(&r->finished, p);
}

/* Puts p on the wire; on a failure that is ours, answers it. p is in no list when this is called.
 */
static void transmit(struct route53 *r, struct pending *p)
{
    struct buf url SL_CLEANUP(buf_clear) = {0}, authorization SL_CLEANUP(buf_wipe) = {0};
    struct buf line SL_CLEANUP(buf_clear) = {0};
    struct http_header headers[HEADERS_MAX];
    struct http_request request = {
        .method = calls[p->call].method,
        .headers = headers,
        .body = p->body.data,
        .body_len = p->body.len,
        .ca_file = r->config.ca_file,
        .version = HTTP_VERSION_1_1,
        .body_keep = ROUTE53_XML_BYTES_MAX,
        .body_max = ROUTE53_XML_BYTES_MAX,
        .exact = true,
        .once = p->call == ROUTE53_CHANGE_SETS,
        .connect_ms = p->urgent ? URGENT_CONNECT_MS : CONNECT_MS,
        .total_ms = p->urgent ? URGENT_MS : TOTAL_MS,
    };
    char date[SIGV4_DATE_SIZE];
    const char *lines[1];
    struct err err = {0};

    if (p->urgent && !r->addresses_failed)
        p->pinned = true;
    if ((p->pinned || p->urgent) && resolve_line(r, p->pinned, &line)) {
        lines[0] = buf_str(&line);
        request.resolve = lines;
        request.resolve_n = 1;
    } else {
        p->pinned = false;
    }
    buf_addf(&url, "%s%s%s", r->config.endpoint, p->path, p->n_query ? "?" : "");
    if (!sigv4_query(p->query, p->n_query, &url, &err) ||
        !sign(r, p, headers, &request.headers_n, date, &authorization, &err)) {
        finish(r, p, ROUTER_INVALID, "not sent", err.text);
        return;
    }
    request.url = buf_str(&url);
    p->http_id = http_start(r->config.http, &request, NULL);
    list_add(&r->flying, p);
}

/* Urgent calls do not wait for tokens, but they take them: what the account allows is for all calls,
 * and those that can wait leave it to those that cannot. They are kept no longer than a burst. */
static void take_token(struct route53 *r)
{
    if (r->tokens_milli > -ROUTE53_BURST * 1000)
        r->tokens_milli -= 1000;
}

static void refill(struct route53 *r, int64_t now_ms)
{
    int64_t passed = now_ms - r->refilled_ms, full = ROUTE53_BURST * 1000,
            rate = r->config.rate_milli;
    int64_t more;

    if (passed <= 0)
        return;
    if (passed > full * 1000 / rate) {
        r->tokens_milli = full;
        r->refilled_ms = now_ms;
        return;
    }
    more = passed * rate / 1000;
    r->tokens_milli = r->tokens_milli + more < full ? r->tokens_milli + more : full;
    r->refilled_ms += more * 1000 / rate; /* the rest counts next time */
}

/* When p may be sent: INT64_MIN when it may now. */
static int64_t allowed_at(const struct route53 *r, const struct pending *p, int64_t now_ms)
{
    int64_t missing = p->urgent ? 0 : 1000 - r->tokens_milli, at = p->due_ms;

    if (missing > 0) {
        int64_t token =
            r->refilled_ms + (missing * 1000 + r->config.rate_milli - 1) / r->config.rate_milli;

        at = at > token ? at : token;
    }
    return at <= now_ms ? INT64_MIN : at;
}

void route53_tick(struct route53 *r)
{
    int64_t now_ms = clock_boot_ms(r->config.clock);
    struct pending *p, *next;

    refill(r, now_ms);
    for (p = r->waiting.head; p; p = next) {
        next = p->next;
        if (allowed_at(r, p, now_ms) != INT64_MIN)
            continue;
        take_token(r);
        list_remove(&r->waiting, p);
        transmit(r, p);
    }
}

int64_t route53_wake_at(const struct route53 *r)
{
    int64_t now_ms = clock_boot_ms(r->config.clock), first = INT64_MAX;

    for (const struct pending *p = r->waiting.head; p; p = p->next) {
        int64_t at = allowed_at(r, p, now_ms);

        first = at < first ? at : first;
    }
    return first == INT64_MIN ? now_ms : first;
}

void route53_start(struct route53 *r, const struct route53_ask *ask, void *ctx)
{
    struct pending *p = x_zalloc(sizeof *p);
    struct err err = {0};

    p->ctx = ctx;
    p->call = ask->call;
    p->urgent = ask->urgent;
    p->due_ms = clock_boot_ms(r->config.clock) + ask->delay_ms;
    if (!build(p, ask, &err)) {
        finish(r, p, ROUTER_INVALID, "not sent", err.text);
        return;
    }
    if (p->urgent && !ask->delay_ms) {
        refill(r, clock_boot_ms(r->config.clock));
        take_token(r);
        transmit(r, p);
        return;
    }
    list_add(&r->waiting, p);
    route53_tick(r);
}

/* Receiving */

static void keep_address(struct route53 *r, const char *remote)
{
    char address[ADDRESS_MAX];
    const char *colon = strrchr(remote, ':');
    size_t at = 0;

    if (!colon || (size_t)(colon - remote) >= sizeof address)
        return;
    snprintf(address, sizeof address, "%.*s", (int)(colon - remote), remote);
    while (at < r->n_addresses && strcmp(r->addresses[at], address) != 0)
        at++;
    if (at == r->n_addresses && r->n_addresses < ROUTE53_ADDRESSES_MAX)
        r->n_addresses++;
    if (at == ROUTE53_ADDRESSES_MAX)
        at--;
    memmove(r->addresses[1], r->addresses[0], at * sizeof r->addresses[0]);
    memcpy(r->addresses[0], address, sizeof address);
}

static void learn(struct route53 *r, struct pending *p, const struct http_response *response)
{
    const char *date = http_response_find(response, "Date");
    int64_t now_ms = clock_wall_ms(r->config.clock), now_us = clock_boot_us(), date_ms;
    const struct http_timing *t = &response->timing;

    p->reply.date_ms = 0;
    if (t->sent_at_us && !p->reply.sent_boot_us)
        p->reply.sent_boot_us = t->sent_at_us;
    if (p->pinned && p->urgent)
        r->addresses_failed = response->outcome != HTTP_OK && !t->sent_at_us;
    if (response->outcome == HTTP_OK) {
        keep_address(r, response->remote);
        r->addresses_failed = false;
    }
    if (!date || !text_parse_http_date_ms(date, &date_ms, NULL))
        return;
    p->reply.date_ms = date_ms;
    /* http.c tells of times on the boottime clock; skew is about the wall clock. */
    route53_measure_skew(date_ms, http_response_find(response, "Age") != NULL,
                         now_ms - (now_us - t->sent_at_us) / 1000,
                         now_ms - (now_us - t->done_at_us) / 1000, &r->skew_ms);
}

/* Fresher credentials than those that were just refused? */
static bool renew(struct route53 *r)
{
    struct credentials fresh = {0};
    struct err ignored = {0};
    bool better;

    if (!r->config.renew || !credentials_at_hand(r->config.profile, &fresh, &ignored)) {
        credentials_clear(&fresh);
        return false;
    }
    better = !credentials_eq(&fresh, &r->credentials);
    if (better && r->config.secrets && !credentials_conceal(&fresh, r->config.secrets, &ignored))
        better = false;
    if (!better) {
        credentials_clear(&fresh);
        return false;
    }
    route53_set_credentials(r, &fresh);
    credentials_clear(&fresh);
    return true;
}

static bool is_one_of(const char *code, const char *const *codes)
{
    for (; *codes; codes++)
        if (strcmp(code, *codes) == 0)
            return true;
    return false;
}

/* Refused without effect, and now there is reason to think that it would not be again. The split
 * into definite and possible skew codes is that of the AWS SDKs. */
static bool may_correct(struct route53 *r, struct pending *p, const char *code)
{
    static const char *const skewed[] = {"RequestTimeTooSkewed", "RequestExpired",
                                         "RequestInTheFuture", NULL};
    static const char *const perhaps[] = {"SignatureDoesNotMatch", "InvalidSignatureException",
                                          "AuthFailure", NULL};
    static const char *const keys[] = {"InvalidClientTokenId",  "ExpiredToken",
                                       "ExpiredTokenException", "UnrecognizedClientException",
                                       "InvalidAccessKeyId",    NULL};
    int64_t off_ms = llabs(r->skew_ms - p->skew_ms);

    if (p->corrected)
        return false;
    if (is_one_of(code, skewed) && p->reply.date_ms)
        return true;
    if (is_one_of(code, perhaps) && off_ms >= ROUTE53_SKEW_MIN_MS)
        return true;
    if (!is_one_of(code, keys) && !is_one_of(code, perhaps))
        return false;
    if (p->keys_nth != r->keys_nth || renew(r))
        return true;
    r->keys_refused = r->keys_refused || is_one_of(code, keys);
    return false;
}

static void judge(struct route53 *r, struct pending *p, struct http_response *response)
{
    struct route53_error e;
    enum router_outcome outcome;
    char message[ROUTER_MESSAGE_MAX];

    if (response->outcome != HTTP_OK) {
        /* Looked up in vain, so never sent: once more to where it worked before. */
        if (response->outcome == HTTP_DNS && !p->pinned && r->n_addresses) {
            p->pinned = true;
            transmit(r, p);
            return;
        }
        finish(r, p, ROUTER_UNKNOWN, http_outcome_name(response->outcome), response->reason);
        return;
    }
    if (response->status >= 200 && response->status < 300) {
        p->reply.body = response->body;
        response->body = (struct buf){0};
        finish(r, p, ROUTER_OK, "", "");
        return;
    }
    route53_xml_parse_error(buf_str(&response->body), response->body.len, response->status, &e);
    if (e.known && may_correct(r, p, e.code)) {
        p->corrected = true;
        transmit(r, p);
        return;
    }
    outcome = route53_classify(e.code, response->status, e.known);
    /* The account is used up, by whomever: others' calls are not seen here but by this. */
    if (outcome == ROUTER_BUSY && strcmp(e.code, "PriorRequestNotComplete") != 0 &&
        r->tokens_milli > 0)
        r->tokens_milli = 0;
    if (outcome == ROUTER_DENIED)
        snprintf(message, sizeof message, "%s: %.1900s", calls[p->call].action, e.message);
    else
        snprintf(message, sizeof message, "%s", e.message);
    finish(r, p, outcome, e.code, message);
}

bool route53_take(struct route53 *r, struct http_done *done)
{
    struct pending *p = r->flying.head;

    while (p && p->http_id != done->id)
        p = p->next;
    if (!p)
        return false;
    list_remove(&r->flying, p);
    learn(r, p, &done->response);
    judge(r, p, &done->response);
    http_response_clear(&done->response);
    return true;
}

bool route53_next(struct route53 *r, struct route53_reply *out)
{
    struct pending *p = r->finished.head;

    if (!p)
        return false;
    list_remove(&r->finished, p);
    *out = p->reply;
    p->reply.body = (struct buf){0};
    pending_free(p);
    return true;
}
