#include "api.h"

#include <stdio.h>
#include <string.h>

#include "api_call.h"
#include "rset_json.h"
#include "sluice/clock.h"
#include "sluice/text.h"

#define VERSION_PREFIX "/2013-04-01/"
#define SERVICE        "route53"
#define COUNTERS_MAX   256

static const struct api_action actions[] = {
    {"ListHostedZonesByName", "GET", "hostedzonesbyname", api_list_zones_by_name},
    {"ListHostedZones", "GET", "hostedzone", api_list_zones},
    {"CreateHostedZone", "POST", "hostedzone", api_create_zone},
    {"GetHostedZone", "GET", "hostedzone/*", api_get_zone},
    {"DeleteHostedZone", "DELETE", "hostedzone/*", api_delete_zone},
    {"ListResourceRecordSets", "GET", "hostedzone/*/rrset", api_list_records},
    {"ChangeResourceRecordSets", "POST", "hostedzone/*/rrset", api_change_records},
    {"GetChange", "GET", "change/*", api_get_change},
    {"GetHealthCheck", "GET", "healthcheck/*", api_get_health_check},
    {"GetTrafficPolicyInstance", "GET", "trafficpolicyinstance/*", api_get_policy_instance},
};

struct counter {
    const char *action;
    char code[40];
    uint64_t n;
};

/* A request that lands later than it came. */
struct held {
    struct held *next;
    struct api *api;
    uint64_t id;
    enum fault_kind kind;
    uint64_t fault_id;
    uint64_t conn_id; /* 0: nobody waits for the answer */
    struct arena mem;
    const struct web_request *rq;
    struct loop_timer timer;
};

struct api {
    struct sandbox *sb;
    struct web_server *web;
    struct api_rules rules;
    struct rng request_ids;
    struct held *held;
    size_t n_held;
    uint64_t last_held;
    struct counter counters[COUNTERS_MAX];
    size_t n_counters;
};

int64_t sandbox_wall_ms(const struct sandbox *sb)
{
    return clock_wall_ms(&clock_real) + sb->clock_offset_ms;
}

static void count(struct api *a, const char *action, const char *code)
{
    size_t i = 0;

    while (i < a->n_counters &&
           (strcmp(a->counters[i].action, action) != 0 || strcmp(a->counters[i].code, code) != 0))
        i++;
    if (i == COUNTERS_MAX)
        return;
    if (i == a->n_counters) {
        a->counters[a->n_counters++].action = action;
        snprintf(a->counters[i].code, sizeof a->counters[i].code, "%s", code);
    }
    a->counters[i].n++;
}

static void make_request_id(struct api *a, char out[40])
{
    uint64_t x = rng_next(&a->request_ids), y = rng_next(&a->request_ids);

    snprintf(out, 40, "%08x-%04x-%04x-%04x-%012llx", (uint32_t)(x >> 32),
             (uint32_t)(x >> 16) & 0xffff, ((uint32_t)x & 0xfff) | 0x4000,
             ((uint32_t)(y >> 48) & 0x3fff) | 0x8000, (unsigned long long)(y & 0xffffffffffffULL));
}

static bool match_path(struct api_call *c, const char *pattern, const char *path)
{
    const char *star = strchr(pattern, '*');
    size_t fixed = star ? (size_t)(star - pattern) : strlen(pattern);
    size_t len;

    if (strncmp(path, pattern, fixed) != 0)
        return false;
    path += fixed;
    c->id = "";
    if (star) {
        len = strcspn(path, "/");
        if (!len || len > ATTACHED_ID_MAX)
            return false;
        c->id = arena_strndup(&c->mem, path, len);
        path += len;
        if (strncmp(path, star + 1, strlen(star + 1)) != 0)
            return false;
        path += strlen(star + 1);
    }
    return strcmp(path, "") == 0 || strcmp(path, "/") == 0;
}

static void route(struct api_call *c)
{
    size_t prefix = strlen(VERSION_PREFIX);

    c->id = "";
    if (strncmp(c->rq->path, VERSION_PREFIX, prefix) != 0)
        return;
    for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
        if (strcmp(actions[i].method, c->rq->method) == 0 &&
            match_path(c, actions[i].path, c->rq->path + prefix)) {
            c->action = &actions[i];
            return;
        }
    }
}

static void call_open(struct api_call *c, struct api *a, const struct web_request *rq)
{
    *c = (struct api_call){.sb = a->sb, .rules = &a->rules, .rq = rq, .status = 200};
    c->now_us = loop_now_us();
    c->wall_ms = sandbox_wall_ms(a->sb);
    make_request_id(a, c->request_id);
    route(c);
    sigv4_check(rq, a->rules.keys, a->rules.n_keys, a->rules.region, SERVICE, c->wall_ms, &c->who);
}

static void call_close(struct api_call *c)
{
    batch_clear(&c->batch);
    batch_verdict_clear(&c->verdict);
    buf_clear(&c->body);
    buf_clear(&c->message);
    arena_clear(&c->mem);
}

/* The order of the real service as far as it is known: who, how often, whether allowed, then what.
 */
static void run(struct api *a, struct api_call *c)
{
    if (a->rules.check_signatures && c->who.status)
        api_fail(c, c->who.status, c->who.code, "%s", c->who.message);
    else if (!c->action)
        api_fail(c, 404, "UnknownOperationException", "Unknown operation");
    else if (!api_bucket_take(&a->rules.calls, 1, c->now_us))
        api_fail(c, 400, "Throttling", "Rate exceeded");
    else if (a->rules.validate_first || api_allowed(c, NULL))
        c->action->run(c);
    if (c->code)
        api_error_body(c);
}

/* For the log and for faults that look at the comment, also where the call is not run. */
static void read_batch(struct api_call *c)
{
    struct buf why SL_CLEANUP(buf_clear) = {0};
    struct batch_verdict v = {0};
    const struct xml_node *root;
    bool ok;

    if (!c->action || c->action->run != api_change_records || c->batch.n)
        return;
    root = xml_tree_parse(&c->mem, c->rq->body, c->rq->body_len, ROUTE53_NS, &why);
    ok = root && batch_from_xml(&c->batch, root, &v);
    if (!ok)
        batch_clear(&c->batch);
    batch_verdict_clear(&v);
}

static json_t *changes_json(const struct batch *b)
{
    json_t *list = json_array();

    for (size_t i = 0; i < b->n; i++) {
        json_t *o = rset_to_json(b->changes[i].set);

        json_object_set_new(o, "action", json_string(change_action_name(b->changes[i].action)));
        json_array_append_new(list, o);
    }
    return list;
}

static json_t *call_json(const struct api_call *c, const char *event)
{
    json_t *o =
        json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:s, s:s}", "event", event, "action",
                  c->action ? c->action->name : "", "method", c->rq->method, "target",
                  c->rq->target, "us_first", (json_int_t)c->rq->first_us, "us_last",
                  (json_int_t)c->rq->done_us, "us_done", (json_int_t)c->now_us, "wall_ms",
                  (json_int_t)c->wall_ms, "access_key", c->who.key_id, "signed_at", c->who.date);

    if (!o)
        o = json_pack("{s:s, s:s}", "event", event, "action", "undecodable");
    if (c->zone_id[0] || c->id[0])
        json_object_set_new(o, "zone", json_string(c->zone_id[0] ? c->zone_id : c->id));
    if (c->action && c->action->run == api_change_records) {
        json_object_set_new(o, "comment", json_string(c->batch.comment ? c->batch.comment : ""));
        json_object_set_new(o, "elements", json_integer(c->verdict.elements));
        json_object_set_new(o, "characters", json_integer(c->verdict.characters));
        json_object_set_new(o, "changes", changes_json(&c->batch));
    }
    return o;
}

static void log_call(struct api_call *c, const char *fault, const struct held *h)
{
    json_t *o = call_json(c, "api");
    bool changed = c->action && c->action->run == api_change_records && !c->code && c->change_id[0];

    json_object_set_new(o, "us_done", json_integer((json_int_t)loop_now_us()));
    json_object_set_new(o, "status", json_integer(c->status));
    json_object_set_new(o, "code", json_string(c->code ? c->code : ""));
    json_object_set_new(o, "message", json_string(buf_str(&c->message)));
    json_object_set_new(o, "request_id", json_string(c->request_id));
    if (c->change_id[0])
        json_object_set_new(o, "change_id", json_string(c->change_id));
    json_object_set_new(o, "applied", json_boolean(changed));
    if (fault)
        json_object_set_new(o, "fault", json_string(fault));
    if (h)
        json_object_set_new(o, "held", json_integer((json_int_t)h->id));
    logbook_add(c->sb->log, o);
    if (changed) {
        struct zone *z = store_zone(&c->sb->store, c->zone_id);
        struct rset **sets = arena_array(&c->mem, c->batch.n, sizeof *sets);

        for (size_t i = 0; i < c->batch.n; i++)
            sets[i] = c->batch.changes[i].set;
        api_log_weights(c->sb, z, sets, c->batch.n, c->request_id);
    }
}

/* half: the connection breaks in the middle of the body. */
static void send_reply(struct api_call *c, struct web_conn *conn, bool half)
{
    struct buf headers SL_CLEANUP(buf_clear) = {0};

    buf_addf(&headers, "x-amzn-RequestId: %s\r\nContent-Type: text/xml\r\n", c->request_id);
    if (c->location)
        buf_addf(&headers, "Location: %s\r\n", c->location);
    if (!half) {
        web_reply(conn, c->status, buf_str(&headers), buf_str(&c->body), c->body.len);
        return;
    }
    web_send_head(conn, c->status, buf_str(&headers), (int64_t)c->body.len);
    web_send(conn, buf_str(&c->body), c->body.len / 2);
    web_close(conn);
}

static void held_free(struct held *h)
{
    struct held **at = &h->api->held;

    while (*at != h)
        at = &(*at)->next;
    *at = h->next;
    h->api->n_held--;
    loop_timer_stop(h->api->sb->loop, &h->timer);
    arena_clear(&h->mem);
    free(h);
}

/* The signature is checked again as of now: what is older than five minutes fails here. */
static void land(void *arg)
{
    struct held *h = arg;
    struct api *a = h->api;
    struct web_conn *conn = h->conn_id ? web_find(a->web, h->conn_id) : NULL;
    struct api_call c;

    call_open(&c, a, h->rq);
    run(a, &c);
    read_batch(&c);
    count(a, c.action ? c.action->name : "unknown", c.code ? c.code : "ok");
    log_call(&c, fault_kind_name(h->kind), h);
    if (conn)
        send_reply(&c, conn, false);
    call_close(&c);
    held_free(h);
}

static bool hold(struct api *a, struct api_call *c, const struct fault *f, struct web_conn *conn)
{
    struct held **end = &a->held;
    struct held *h;
    json_t *o;

    if (a->n_held == API_HELD_MAX)
        return false;
    h = x_zalloc(sizeof *h);
    h->api = a;
    h->id = ++a->last_held;
    h->kind = f->kind;
    h->fault_id = f->id;
    h->conn_id = conn ? web_conn_id(conn) : 0;
    h->rq = web_request_copy(&h->mem, c->rq);
    while (*end)
        end = &(*end)->next;
    *end = h;
    a->n_held++;
    if (!f->hold)
        loop_timer_set(a->sb->loop, &h->timer, c->now_us + f->ms * 1000, land, h);
    read_batch(c);
    o = call_json(c, "held");
    json_object_set_new(o, "held", json_integer((json_int_t)h->id));
    json_object_set_new(o, "fault", json_string(fault_kind_name(f->kind)));
    json_object_set_new(o, "signature", json_string(c->who.status ? c->who.code : "good"));
    logbook_add(a->sb->log, o);
    return true;
}

size_t api_release(struct api *a, uint64_t id)
{
    struct held *next;
    size_t n = 0;

    for (struct held *h = a->held; h; h = next) {
        next = h->next;
        if (id && h->id != id)
            continue;
        land(h);
        n++;
    }
    return n;
}

/* A fault that stands in for the call; true when the call is not to be run. */
static bool instead(struct api *a, struct api_call *c, const struct fault *f, struct web_conn *conn)
{
    switch (f->kind) {
    case FAULT_LATENCY:
        return hold(a, c, f, conn);
    case FAULT_LATE:
        if (!hold(a, c, f, f->reply ? conn : NULL))
            return false;
        if (!f->reply)
            web_close(conn);
        return true;
    case FAULT_STATUS:
        api_fail(c, f->status,
                 f->code           ? f->code
                 : f->status < 500 ? "InvalidInput"
                                   : "InternalFailure",
                 "%s", f->message ? f->message : "a fault of the sandbox");
        break;
    case FAULT_THROTTLE:
        api_fail(c, 400, f->code ? f->code : "Throttling", "Rate exceeded");
        break;
    case FAULT_HANG:
    case FAULT_RESET:
    case FAULT_GARBAGE:
        c->status = 0;
        break;
    default:
        return false;
    }
    read_batch(c);
    log_call(c, fault_kind_name(f->kind), NULL);
    count(a, c->action ? c->action->name : "unknown", fault_kind_name(f->kind));
    if (f->kind == FAULT_RESET) {
        web_reset(conn);
    } else if (f->kind == FAULT_GARBAGE) {
        web_send(conn, "\x16\x03 no HTTP at all\n", 19);
        web_close(conn);
    } else if (f->kind != FAULT_HANG && f->body) {
        web_reply(conn, c->status, "Content-Type: text/html\r\n", f->body, strlen(f->body));
    } else if (f->kind != FAULT_HANG) {
        api_error_body(c);
        send_reply(c, conn, false);
    }
    return true;
}

static void handle(void *arg, struct web_conn *conn, void *user, const struct web_request *rq)
{
    struct api *a = arg;
    const struct fault *fired[FAULTS_FIRED_MAX], *f, *lost, *half, *copy;
    struct fault_query q = {.on = FAULT_ON_API};
    struct api_call c;
    size_t n;

    (void)user;
    call_open(&c, a, rq);
    if (a->sb->faults.n)
        read_batch(&c);
    q.action = c.action ? c.action->name : "";
    q.key = c.who.key_id;
    q.comment = c.batch.comment;
    q.path = rq->path;
    n = faults_fire(&a->sb->faults, &q, c.now_us, fired);
    for (size_t i = 0; i < n; i++) {
        if (instead(a, &c, fired[i], conn)) {
            call_close(&c);
            return;
        }
    }
    batch_clear(&c.batch);
    f = faults_pick(fired, n, FAULT_PENDING);
    lost = faults_pick(fired, n, FAULT_LOST_REPLY);
    half = faults_pick(fired, n, FAULT_TRUNCATED);
    copy = faults_pick(fired, n, FAULT_DUPLICATE);
    if (f)
        c.pending_us = f->ms < 0 ? ZONE_NEVER_US : f->ms * 1000;
    run(a, &c);
    count(a, c.action ? c.action->name : "unknown", c.code ? c.code : "ok");
    read_batch(&c);
    f = lost ? lost : half ? half : copy ? copy : f;
    log_call(&c, f ? fault_kind_name(f->kind) : NULL, NULL);
    if (copy)
        hold(a, &c, copy, NULL);
    if (lost)
        web_close(conn);
    else
        send_reply(&c, conn, half != NULL);
    call_close(&c);
}

static int64_t date_ms(void *arg)
{
    const struct api *a = arg;

    return sandbox_wall_ms(a->sb) + a->rules.date_skew_ms;
}

void api_set_date_skew(struct api *a, int64_t ms)
{
    a->rules.date_skew_ms = ms;
}

static const struct web_ops ops = {.handle = handle, .date_ms = date_ms};

void api_log_weights(struct sandbox *sb, const struct zone *z, struct rset *const *sets, size_t n,
                     const char *by)
{
    const struct rtable *t = zone_table(z);
    json_t *groups = json_array();

    for (size_t i = 0; i < n; i++) {
        size_t first, len, k = i;
        json_t *members;

        while (k > 0 && !rset_same_group(sets[k - 1], sets[i]))
            k--;
        if (k > 0)
            continue; /* its group is in the list already */
        len = rtable_group(t, sets[i]->name, sets[i]->type, &first);
        members = json_array();
        for (size_t m = first; m < first + len; m++)
            json_array_append_new(members, rset_to_json(t->sets[m]));
        json_array_append_new(groups, json_pack("{s:s, s:s, s:o}", "name", sets[i]->name, "type",
                                                rtype_name(sets[i]->type), "sets", members));
    }
    logbook_add(sb->log, json_pack("{s:s, s:s, s:s, s:I, s:I, s:o}", "event", "weights", "zone",
                                   z->id, "by", by, "us_done", (json_int_t)loop_now_us(), "wall_ms",
                                   (json_int_t)sandbox_wall_ms(sb), "groups", groups));
}

const struct sigv4_key *api_key(const struct api *a, size_t i)
{
    return i < a->rules.n_keys ? &a->rules.keys[i] : NULL;
}

bool api_end_key(struct api *a, const char *id, int64_t expires_ms)
{
    for (size_t i = 0; i < a->rules.n_keys; i++)
        if (strcmp(a->rules.keys[i].id, id) == 0) {
            a->rules.keys[i].expires_ms = expires_ms;
            return true;
        }
    return false;
}

json_t *api_state(const struct api *a)
{
    json_t *calls = json_object(), *held = json_array();

    for (size_t i = 0; i < a->n_counters; i++) {
        const struct counter *c = &a->counters[i];
        json_t *of = json_object_get(calls, c->action);

        if (!of) {
            of = json_object();
            json_object_set_new(calls, c->action, of);
        }
        json_object_set_new(of, c->code, json_integer((json_int_t)c->n));
    }
    for (const struct held *h = a->held; h; h = h->next)
        json_array_append_new(held, json_pack("{s:I, s:s, s:I, s:s}", "id", (json_int_t)h->id,
                                              "kind", fault_kind_name(h->kind), "fault",
                                              (json_int_t)h->fault_id, "target", h->rq->target));
    return json_pack("{s:o, s:o}", "calls", calls, "held", held);
}

bool api_listen(struct api *a, const char *address, uint16_t *port, bool tls, struct err *err)
{
    return web_listen(a->web, address, port, tls, NULL, err);
}

struct api *api_new(struct sandbox *sb, json_t *section, struct tls_store *tls, struct err *err)
{
    struct api *a = x_zalloc(sizeof *a);

    a->sb = sb;
    a->web = web_server_new(sb->loop, &ops, a, tls);
    rng_init(&a->request_ids, sb->seed, 2);
    if (api_rules_load(sb, &a->rules, section, err))
        return a;
    api_free(a);
    return NULL;
}

void api_free(struct api *a)
{
    if (!a)
        return;
    web_server_free(a->web);
    while (a->held)
        held_free(a->held);
    api_rules_clear(&a->rules);
    free(a);
}
