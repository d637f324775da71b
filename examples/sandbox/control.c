#include "control.h"

#include <stdio.h>
#include <string.h>

#include "domain.h"
#include "rset_json.h"
#include "sluice/text.h"

#define EDITS_MAX 1000

struct control {
    struct sandbox *sb;
    struct api *api;
    struct dns_server *dns;
    struct fleets *fleets;
    struct web_server *web;
};

/* What a route answers: json (taken), or bytes in out, or an err. */
struct answer {
    json_t *json;
    struct buf out;
    struct err err;
};

typedef void (*route_fn)(struct control *c, const struct web_request *rq, json_t *body,
                         struct answer *a);

static json_t *zones_json(const struct store *s)
{
    json_t *zones = json_array();

    for (const struct zone *z = s->zones; z; z = z->next) {
        const struct rtable *t = zone_table(z);
        json_t *sets = json_array();

        for (size_t i = 0; i < t->n; i++)
            json_array_append_new(sets, rset_to_json(t->sets[i]));
        json_array_append_new(
            zones, json_pack("{s:s, s:s, s:o}", "id", z->id, "name", z->name, "sets", sets));
    }
    return zones;
}

static void get_state(struct control *c, const struct web_request *rq, json_t *body,
                      struct answer *a)
{
    (void)rq;
    (void)body;
    a->json = json_pack("{s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o}", "up_ms",
                        (json_int_t)((loop_now_us() - c->sb->start_us) / 1000), "wall_ms",
                        (json_int_t)sandbox_wall_ms(c->sb), "clock_offset_ms",
                        (json_int_t)c->sb->clock_offset_ms, "log_seq",
                        (json_int_t)logbook_last(c->sb->log), "zones", zones_json(&c->sb->store),
                        "api", api_state(c->api), "dns", dns_server_state(c->dns), "fleets",
                        fleets_state(c->fleets), "faults", faults_to_json(&c->sb->faults));
}

static void get_log(struct control *c, const struct web_request *rq, json_t *body, struct answer *a)
{
    struct arena mem SL_CLEANUP(arena_clear) = {0};
    const char *since = web_field(&mem, rq->query, "since");
    int64_t from = 0;

    (void)body;
    if (since && !text_parse_i64(since, 0, INT64_MAX, &from, &a->err))
        return;
    a->out.max = (size_t)512 * 1024 * 1024;
    logbook_since(c->sb->log, (uint64_t)from, &a->out);
}

static void note(struct control *c, const char *what, json_t *detail)
{
    json_t *o = json_pack("{s:s, s:s, s:I}", "event", "control", "what", what, "us_done",
                          (json_int_t)loop_now_us());

    if (detail)
        json_object_set(o, "detail", detail);
    logbook_add(c->sb->log, o);
}

static void post_faults(struct control *c, const struct web_request *rq, json_t *body,
                        struct answer *a)
{
    json_t *ids = json_array(), *one;
    size_t i;

    (void)rq;
    if (json_is_array(body)) {
        json_array_foreach(body, i, one)
        {
            uint64_t id = faults_add(&c->sb->faults, one, &a->err);

            if (!id)
                break;
            json_array_append_new(ids, json_integer((json_int_t)id));
        }
    } else {
        uint64_t id = faults_add(&c->sb->faults, body, &a->err);

        if (id)
            json_array_append_new(ids, json_integer((json_int_t)id));
    }
    dns_server_faults_changed(c->dns);
    note(c, "faults", body);
    if (a->err.kind)
        json_decref(ids);
    else
        a->json = json_pack("{s:o}", "ids", ids);
}

static void delete_faults(struct control *c, const struct web_request *rq, json_t *body,
                          struct answer *a)
{
    struct arena mem SL_CLEANUP(arena_clear) = {0};
    const char *text = web_field(&mem, rq->query, "id");
    int64_t id = 0;

    (void)body;
    if (text && !text_parse_i64(text, 1, INT64_MAX, &id, &a->err))
        return;
    if (!faults_remove(&c->sb->faults, (uint64_t)id)) {
        err_set(&a->err, ERR_FILE, "no fault %s", text);
        return;
    }
    dns_server_faults_changed(c->dns);
    note(c, text ? "fault removed" : "faults cleared", NULL);
    a->json = json_object();
}

static struct zone *zone_named(const struct store *s, const char *name, struct err *err)
{
    struct zone *z = store_zone(s, name);
    struct buf stored SL_CLEANUP(buf_clear) = {0};
    const char *why;

    if (z)
        return z;
    if (domain_canonical(name, &stored, &why)) {
        for (z = s->zones; z; z = z->next) {
            if (strcmp(z->name, buf_str(&stored)) == 0)
                return z;
        }
    }
    err_set(err, ERR_FILE, "no zone %s", name);
    return NULL;
}

struct edits {
    struct rset *list[EDITS_MAX];
    size_t n;
};

static bool take_edits(struct edits *e, json_t *json, struct err *err)
{
    json_t *one;
    size_t i;

    json_array_foreach(json, i, one)
    {
        if (e->n == EDITS_MAX)
            return err_set(err, ERR_LIMIT, "more than %d edits", EDITS_MAX);
        e->list[e->n] = rset_from_json(one, err);
        if (!e->list[e->n])
            return false;
        e->n++;
    }
    return true;
}

/* {"name", "type", "set", "weight"}: the set as it stands, with another weight. */
static bool take_weights(struct edits *e, const struct zone *z, json_t *json, struct err *err)
{
    json_t *one;
    size_t i;

    json_array_foreach(json, i, one)
    {
        struct rset *like = rset_from_json(one, err);
        struct rset *now = like ? rtable_find(zone_table(z), like) : NULL;
        json_t *copy;

        if (!now || e->n == EDITS_MAX) {
            rset_unref(like);
            return err_set(err, ERR_FILE, "weights: no such set");
        }
        copy = rset_to_json(now);
        json_object_set_new(copy, "weight", json_integer(like->weight));
        rset_unref(like);
        e->list[e->n] = rset_from_json(copy, err);
        json_decref(copy);
        if (!e->list[e->n])
            return false;
        e->n++;
    }
    return true;
}

static void log_foreign(struct control *c, const struct zone *z, const struct edits *put,
                        const struct edits *drop)
{
    json_t *sets = json_array();
    struct edits *all = x_zalloc(sizeof *all);

    for (size_t i = 0; i < put->n + drop->n && all->n < EDITS_MAX; i++) {
        bool is_put = i < put->n;
        json_t *o = rset_to_json(is_put ? put->list[i] : drop->list[i - put->n]);

        json_object_set_new(o, "action", json_string(is_put ? "PUT" : "DELETE"));
        json_array_append_new(sets, o);
        all->list[all->n++] = is_put ? put->list[i] : drop->list[i - put->n];
    }
    logbook_add(c->sb->log, json_pack("{s:s, s:s, s:I, s:I, s:o}", "event", "foreign", "zone",
                                      z->id, "us_done", (json_int_t)loop_now_us(), "wall_ms",
                                      (json_int_t)sandbox_wall_ms(c->sb), "changes", sets));
    api_log_weights(c->sb, z, all->list, all->n, "foreign");
    free(all);
}

static void post_change(struct control *c, const struct web_request *rq, json_t *body,
                        struct answer *a)
{
    json_t *put_json = NULL, *drop_json = NULL, *weights = NULL;
    struct edits *put = x_zalloc(sizeof *put), *drop = x_zalloc(sizeof *drop);
    const char *zone;
    struct zone *z;

    (void)rq;
    if (json_take(body, "change", &a->err, "{s:s, s?o, s?o, s?o}", "zone", &zone, "put", &put_json,
                  "delete", &drop_json, "weights", &weights) &&
        (z = zone_named(&c->sb->store, zone, &a->err)) &&
        (!put_json || take_edits(put, put_json, &a->err)) &&
        (!weights || take_weights(put, z, weights, &a->err)) &&
        (!drop_json || take_edits(drop, drop_json, &a->err))) {
        store_force(&c->sb->store, z, put->list, put->n, drop->list, drop->n, loop_now_us());
        log_foreign(c, z, put, drop);
        a->json =
            json_pack("{s:I, s:I}", "put", (json_int_t)put->n, "deleted", (json_int_t)drop->n);
    }
    for (size_t i = 0; i < put->n; i++)
        rset_unref(put->list[i]);
    for (size_t i = 0; i < drop->n; i++)
        rset_unref(drop->list[i]);
    free(put);
    free(drop);
}

static void post_release(struct control *c, const struct web_request *rq, json_t *body,
                         struct answer *a)
{
    json_int_t id = 0;

    (void)rq;
    if (!json_take(body, "release", &a->err, "{s?I}", "id", &id))
        return;
    note(c, "release", body);
    a->json = json_pack("{s:I}", "released", (json_int_t)api_release(c->api, (uint64_t)id));
}

static void post_sync(struct control *c, const struct web_request *rq, json_t *body,
                      struct answer *a)
{
    const char *id = NULL;

    (void)rq;
    if (!json_take(body, "sync", &a->err, "{s?s}", "change", &id))
        return;
    note(c, "sync", body);
    a->json =
        json_pack("{s:I}", "synced", (json_int_t)store_sync_now(&c->sb->store, id, loop_now_us()));
}

static void post_clock(struct control *c, const struct web_request *rq, json_t *body,
                       struct answer *a)
{
    json_int_t offset = c->sb->clock_offset_ms, skew = 0;

    (void)rq;
    if (!json_take(body, "clock", &a->err, "{s?I, s?I}", "offset_ms", &offset, "date_skew_ms",
                   &skew))
        return;
    c->sb->clock_offset_ms = offset;
    if (json_object_get(body, "date_skew_ms"))
        api_set_date_skew(c->api, skew);
    note(c, "clock", body);
    a->json = json_pack("{s:I}", "wall_ms", (json_int_t)sandbox_wall_ms(c->sb));
}

/* A session's end, told beforehand or now. */
static void post_keys(struct control *c, const struct web_request *rq, json_t *body,
                      struct answer *a)
{
    const char *id;
    json_int_t life_s = 0;

    (void)rq;
    if (!json_take(body, "keys", &a->err, "{s:s, s:I}", "id", &id, "expires_in_s", &life_s))
        return;
    if (!api_end_key(c->api, id, sandbox_wall_ms(c->sb) + life_s * 1000)) {
        err_set(&a->err, ERR_FILE, "keys: no key %s", id);
        return;
    }
    note(c, "keys", body);
    a->json = json_object();
}

static void post_dns(struct control *c, const struct web_request *rq, json_t *body,
                     struct answer *a)
{
    json_int_t delay_ms = 0;
    int server = 0;

    (void)rq;
    if (!json_take(body, "dns", &a->err, "{s:i, s:I}", "server", &server, "delay_ms", &delay_ms))
        return;
    if (server < 0 || (size_t)server >= c->sb->store.n_servers || delay_ms < 0) {
        err_set(&a->err, ERR_FILE, "dns: no server %d", server);
        return;
    }
    c->sb->store.delay_us[server] = delay_ms * 1000;
    note(c, "dns", body);
    a->json = json_object();
}

static void post_health(struct control *c, const struct web_request *rq, json_t *body,
                        struct answer *a)
{
    const char *id;
    int healthy = 0;

    (void)rq;
    if (!json_take(body, "health", &a->err, "{s:s, s:b}", "id", &id, "healthy", &healthy))
        return;
    dns_server_set_health(c->dns, id, healthy != 0);
    note(c, "health", body);
    a->json = json_object();
}

/* The true shares of a group, newest version: what the weights say, not what was drawn. */
static void get_shares(struct control *c, const struct web_request *rq, json_t *body,
                       struct answer *a)
{
    struct arena mem SL_CLEANUP(arena_clear) = {0};
    const char *name = web_field(&mem, rq->query, "name"),
               *type = web_field(&mem, rq->query, "type");
    struct buf stored SL_CLEANUP(buf_clear) = {0};
    enum rtype t;
    const char *why;
    json_t *shares = json_object();

    (void)body;
    if (!name || !type || !rtype_parse(type, &t) || !domain_canonical(name, &stored, &why)) {
        json_decref(shares);
        err_set(&a->err, ERR_FILE, "shares wants name and type");
        return;
    }
    for (const struct zone *z = c->sb->store.zones; z; z = z->next) {
        size_t first, n = rtable_group(zone_table(z), buf_str(&stored), t, &first);
        int sum = 0;

        for (size_t i = first; i < first + n; i++)
            sum += zone_table(z)->sets[i]->weight > 0 ? zone_table(z)->sets[i]->weight : 0;
        for (size_t i = first; i < first + n; i++) {
            const struct rset *s = zone_table(z)->sets[i];
            double share = sum ? (s->weight > 0 ? (double)s->weight / sum : 0) : 1.0 / (double)n;

            json_object_set_new(shares, s->set_id ? s->set_id : "", json_real(share));
        }
    }
    a->json = shares;
}

struct route {
    const char *method, *path;
    bool body; /* wants JSON; an empty body is {} */
    route_fn fn;
};

static const struct route routes[] = {
    {"GET", "/state", false, get_state},    {"GET", "/log", false, get_log},
    {"POST", "/faults", true, post_faults}, {"DELETE", "/faults", false, delete_faults},
    {"POST", "/change", true, post_change}, {"POST", "/release", true, post_release},
    {"POST", "/sync", true, post_sync},     {"POST", "/clock", true, post_clock},
    {"POST", "/dns", true, post_dns},       {"POST", "/health", true, post_health},
    {"POST", "/keys", true, post_keys},     {"GET", "/shares", false, get_shares},
};

static void send_answer(struct web_conn *conn, struct answer *a)
{
    static const char type[] = "Content-Type: application/json\r\n";
    int status = a->err.kind ? 400 : 200;

    if (a->err.kind) {
        json_decref(a->json);
        a->json = json_pack("{s:s}", "error", a->err.text);
    }
    if (a->json) {
        char *text = json_dumps(a->json, JSON_COMPACT);

        web_reply(conn, status, type, text, strlen(text));
        free(text);
    } else {
        web_reply(conn, status, type, buf_str(&a->out), a->out.len);
    }
    json_decref(a->json);
    buf_clear(&a->out);
}

static void handle(void *arg, struct web_conn *conn, void *user, const struct web_request *rq)
{
    struct control *c = arg;
    struct answer a = {0};
    json_error_t why;

    (void)user;
    for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
        const struct route *r = &routes[i];
        json_t *body = NULL;

        if (strcmp(r->method, rq->method) != 0 || strcmp(r->path, rq->path) != 0)
            continue;
        if (r->body) {
            body = rq->body_len ? json_loadb(rq->body, rq->body_len, JSON_REJECT_DUPLICATES, &why)
                                : json_object();
            if (!body)
                err_set(&a.err, ERR_FILE, "the body is no JSON: %s", why.text);
        }
        if (!a.err.kind)
            r->fn(c, rq, body, &a);
        json_decref(body);
        send_answer(conn, &a);
        return;
    }
    web_reply(conn, 404, NULL, "no such call\n", 13);
}

static const struct web_ops ops = {.handle = handle};

struct control *control_new(struct sandbox *sb, struct api *api, struct dns_server *dns,
                            struct fleets *fleets)
{
    struct control *c = x_zalloc(sizeof *c);

    *c = (struct control){sb, api, dns, fleets, NULL};
    c->web = web_server_new(sb->loop, &ops, c, NULL);
    return c;
}

void control_free(struct control *c)
{
    if (!c)
        return;
    web_server_free(c->web);
    free(c);
}

bool control_listen(struct control *c, const char *address, uint16_t *port, struct err *err)
{
    return web_listen(c->web, address, port, false, NULL, err);
}
