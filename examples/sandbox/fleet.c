#include "fleet.h"

#include <stdio.h>
#include <string.h>

#include "fleet_routes.h"
#include "rset_json.h"
#include "sluice/text.h"

#define FLEETS_MAX    8
#define ADDRESSES_MAX 32
#define COUNTERS_MAX  1000
#define PATH_SHOWN    96
#define PORT_TRIES    50
#define CERT_KINDS                                                                                 \
    (FAULT_BIT(FAULT_EXPIRED) | FAULT_BIT(FAULT_WRONG_NAME) | FAULT_BIT(FAULT_SELF_SIGNED))

struct fleet {
    char *name;
    enum tls_certificate certificate;
    uint64_t handshakes; /* connections to its HTTPS port */
};

struct place { /* one address of one fleet */
    struct fleet *fleet;
    char *address;
};

struct counter {
    const struct fleet *fleet;
    char path[PATH_SHOWN];
    int status;
    uint64_t n;
};

struct fleets {
    struct sandbox *sb;
    struct shop shop;
    struct web_server *web;
    struct tls_store *tls;
    bool log_requests;
    struct fleet list[FLEETS_MAX];
    size_t n;
    struct place places[ADDRESSES_MAX];
    size_t n_places;
    struct counter counters[COUNTERS_MAX];
    size_t n_counters;
};

static void count(struct fleets *f, const struct fleet *fleet, const char *path, int status)
{
    size_t i = 0;

    while (i < f->n_counters &&
           !(f->counters[i].fleet == fleet && f->counters[i].status == status &&
             strncmp(f->counters[i].path, path, PATH_SHOWN - 1) == 0))
        i++;
    if (i == COUNTERS_MAX)
        return;
    if (i == f->n_counters) {
        f->counters[f->n_counters] = (struct counter){.fleet = fleet, .status = status};
        snprintf(f->counters[f->n_counters++].path, PATH_SHOWN, "%s", path);
    }
    f->counters[i].n++;
}

json_t *fleets_state(const struct fleets *f)
{
    json_t *all = json_object();

    for (size_t i = 0; i < f->n; i++) {
        json_t *list = json_array();
        uint64_t total = 0;

        for (size_t k = 0; k < f->n_counters; k++) {
            const struct counter *c = &f->counters[k];

            if (c->fleet != &f->list[i])
                continue;
            total += c->n;
            json_array_append_new(list,
                                  json_pack("{s:s%, s:i, s:I}", "path", c->path, strlen(c->path),
                                            "status", c->status, "n", (json_int_t)c->n));
        }
        json_object_set_new(all, f->list[i].name,
                            json_pack("{s:I, s:I, s:o}", "total", (json_int_t)total, "handshakes",
                                      (json_int_t)f->list[i].handshakes, "requests", list));
    }
    return all;
}

static void log_request(struct fleets *f, const struct place *p, const struct web_request *rq,
                        int status, const char *fault)
{
    const char *host = web_header(rq, "Host");
    struct buf safe SL_CLEANUP(buf_clear) = {0};
    json_t *o;

    count(f, p->fleet, rq->path, status);
    if (!f->log_requests)
        return;
    text_add_safe(&safe, host ? host : "", host ? strlen(host) : 0, 256);
    o = json_pack("{s:s, s:s, s:s, s:b, s:s, s:s, s:i, s:I, s:I}", "event", "fleet", "fleet",
                  p->fleet->name, "address", p->address, "tls", rq->tls, "method", rq->method,
                  "host", buf_str(&safe), "status", status, "us_first", (json_int_t)rq->first_us,
                  "us_done", (json_int_t)loop_now_us());
    if (!o)
        return;
    buf_reset(&safe);
    text_add_safe(&safe, rq->path, strlen(rq->path), 1024);
    json_object_set_new(o, "path", json_string(buf_str(&safe)));
    if (fault)
        json_object_set_new(o, "fault", json_string(fault));
    logbook_add(f->sb->log, o);
}

/* Packs 0 and 1 as deflate reads them, lowest bit of a byte first (RFC 1951 3.1.1). */
static void pack_bits(const char *bits, unsigned char *out)
{
    for (size_t i = 0; bits[i]; i++)
        out[i / 8] = (unsigned char)(out[i / 8] | ((bits[i] == '1') << (i % 8)));
}

/* A gzip stream of zeros in fixed codes (RFC 1951 3.2.6): one literal 0, then matches of length 258
 * (code 285) at distance 1, 13 bits each. Eight matches are 13 whole bytes, which are sent again
 * and again. */
#define MATCH            "1100010100000"
#define MATCHES_IN_CHUNK 2048
static void send_bomb(struct web_conn *c, int64_t bytes)
{
    unsigned char head[13] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3}, eight[13] = {0};
    struct buf chunk SL_CLEANUP(buf_clear) = {0};

    pack_bits("110"
              "00110000" MATCH,
              head + 10); /* last block, fixed codes; literal 0; one match */
    pack_bits(MATCH MATCH MATCH MATCH MATCH MATCH MATCH MATCH, eight);
    web_send_head(c, 200,
                  "Content-Type: text/plain\r\nContent-Encoding: gzip\r\n"
                  "Transfer-Encoding: chunked\r\n",
                  -1);
    web_send(c, "d\r\n", 3);
    web_send(c, head, sizeof head);
    web_send(c, "\r\n", 2);
    buf_addf(&chunk, "%zx\r\n", sizeof eight * MATCHES_IN_CHUNK / 8);
    for (int i = 0; i < MATCHES_IN_CHUNK / 8; i++)
        buf_add(&chunk, eight, sizeof eight);
    buf_add_str(&chunk, "\r\n");
    web_send_pattern(c, chunk.data, chunk.len,
                     chunk.len * (uint64_t)(bytes / (INT64_C(258) * MATCHES_IN_CHUNK) + 1));
    web_send(c, "0\r\n\r\n", 5);
    web_end(c);
}

static void send_status(struct web_conn *c, const struct fault *f, const char *fleet)
{
    struct buf headers SL_CLEANUP(buf_clear) = {0};
    const char *body = f->body ? f->body : "a fault of the sandbox\n";

    buf_addf(&headers, "Content-Type: text/plain\r\nX-Served-By: %s\r\n", fleet);
    if (f->retry_after >= 0)
        buf_addf(&headers, "Retry-After: %d\r\n", f->retry_after);
    web_reply(c, f->kind == FAULT_WRONG_BODY ? 200 : f->status, buf_str(&headers), body,
              strlen(body));
}

/* True when the fault answers; *status is what it said. */
static bool instead(struct web_conn *c, const struct fault *f, const char *fleet, int *status)
{
    static const char text[] = "Content-Type: text/plain\r\n";
    static const char body[] = "this takes its time\n";

    *status = 200;
    switch (f->kind) {
    case FAULT_STATUS:
    case FAULT_WRONG_BODY:
        *status = f->kind == FAULT_STATUS ? f->status : 200;
        send_status(c, f, fleet);
        return true;
    case FAULT_HANG:
        *status = 0;
        return true;
    case FAULT_RESET:
        *status = 0;
        web_reset(c);
        return true;
    case FAULT_GARBAGE:
        *status = 0;
        web_send(c, "\x16\x03 no HTTP at all\n", 19);
        web_close(c);
        return true;
    case FAULT_TRUNCATED:
        web_send_head(c, 200, text, 1000);
        web_send(c, body, sizeof body - 1);
        web_close(c);
        return true;
    case FAULT_SLOW_LORIS:
        web_send_head(c, 200, text, 100000);
        web_send_slowly(c, body, sizeof body - 1, 1, f->ms ? f->ms : 1000);
        web_send_slowly(c, body, sizeof body - 1, 1, f->ms ? f->ms : 1000);
        web_close(c);
        return true;
    case FAULT_BOMB:
        send_bomb(c, f->bytes);
        return true;
    case FAULT_FLOOD:
        web_send_head(c, 200, text, f->bytes);
        web_send_pattern(c, body, sizeof body - 1, (uint64_t)f->bytes);
        web_end(c);
        return true;
    default:
        return false;
    }
}

static void handle(void *arg, struct web_conn *conn, void *user, const struct web_request *rq)
{
    struct fleets *f = arg;
    const struct place *p = user;
    const struct fault *fired[FAULTS_FIRED_MAX];
    struct fault_query q = {.on = FAULT_ON_FLEET,
                            .fleet = p->fleet->name,
                            .address = p->address,
                            .path = rq->path,
                            .method = rq->method,
                            .kinds = ~(uint32_t)CERT_KINDS};
    const char *name = NULL;
    size_t n = f->sb->faults.n ? faults_fire(&f->sb->faults, &q, loop_now_us(), fired) : 0;
    int status = 0;

    for (size_t i = 0; i < n; i++) {
        name = fault_kind_name(fired[i]->kind);
        if (fired[i]->kind == FAULT_LATENCY) {
            web_wait(conn, fired[i]->ms);
        } else if (instead(conn, fired[i], p->fleet->name, &status)) {
            log_request(f, p, rq, status, name);
            return;
        }
    }
    status = shop_handle(&f->shop, p->fleet->name, conn, rq, sandbox_wall_ms(f->sb));
    log_request(f, p, rq, status, name);
}

static enum tls_certificate certificate(void *arg, void *user)
{
    struct fleets *f = arg;
    const struct place *p = user;
    const struct fault *fired[FAULTS_FIRED_MAX];
    struct fault_query q = {.on = FAULT_ON_FLEET,
                            .fleet = p->fleet->name,
                            .address = p->address,
                            .path = "",
                            .kinds = CERT_KINDS};
    size_t n = f->sb->faults.n ? faults_fire(&f->sb->faults, &q, loop_now_us(), fired) : 0;

    p->fleet->handshakes++;
    if (!n)
        return p->fleet->certificate;
    return fired[0]->kind == FAULT_EXPIRED      ? TLS_EXPIRED
           : fired[0]->kind == FAULT_WRONG_NAME ? TLS_WRONG_NAME
                                                : TLS_SELF_SIGNED;
}

static int64_t date_ms(void *arg)
{
    const struct fleets *f = arg;

    return sandbox_wall_ms(f->sb);
}

static const struct web_ops ops = {handle, certificate, date_ms};

static bool load_fleet(struct fleets *f, json_t *json, struct err *err)
{
    static const char *const kinds[] = {
        [TLS_GOOD] = "good",
        [TLS_EXPIRED] = "expired",
        [TLS_WRONG_NAME] = "wrong_name",
        [TLS_SELF_SIGNED] = "self_signed",
    };
    struct fleet *fleet = &f->list[f->n];
    const char *name, *kind = "good";
    json_t *addresses, *one;
    size_t i, k = 0;

    if (f->n == FLEETS_MAX)
        return err_set(err, ERR_LIMIT, "more than %d fleets", FLEETS_MAX);
    if (!json_take(json, "fleet", err, "{s:s, s:o, s?s}", "name", &name, "addresses", &addresses,
                   "certificate", &kind))
        return false;
    while (k < ARRAY_LEN(kinds) && strcmp(kinds[k], kind) != 0)
        k++;
    if (k == ARRAY_LEN(kinds))
        return err_set(err, ERR_FILE, "fleet %s: unknown certificate '%s'", name, kind);
    fleet->name = x_strdup(name);
    fleet->certificate = (enum tls_certificate)k;
    f->n++;
    json_array_foreach(addresses, i, one)
    {
        if (f->n_places == ADDRESSES_MAX || !json_is_string(one))
            return err_set(err, ERR_FILE, "fleet %s: addresses must be texts, %d in all", name,
                           ADDRESSES_MAX);
        f->places[f->n_places++] = (struct place){fleet, x_strdup(json_string_value(one))};
    }
    return true;
}

struct fleets *fleets_new(struct sandbox *sb, json_t *fleets, json_t *shop, struct tls_store *tls,
                          bool log_requests, struct err *err)
{
    struct fleets *f = x_zalloc(sizeof *f);
    bool ok = shop_load(&f->shop, shop, sb->seed, err);
    json_t *one;
    size_t i;

    f->sb = sb;
    f->tls = tls;
    f->log_requests = log_requests;
    f->web = web_server_new(sb->loop, &ops, f, tls);
    json_array_foreach(fleets, i, one) ok = ok && load_fleet(f, one, err);
    if (ok)
        return f;
    fleets_free(f);
    return NULL;
}

void fleets_free(struct fleets *f)
{
    if (!f)
        return;
    web_server_free(f->web);
    for (size_t i = 0; i < f->n; i++)
        free(f->list[i].name);
    for (size_t i = 0; i < f->n_places; i++)
        free(f->places[i].address);
    shop_clear(&f->shop);
    free(f);
}

/* Every place on one port. The kernel picks it for the first; another place may find it taken, then
 * all start again. */
static bool listen_everywhere(struct fleets *f, uint16_t *port, bool tls, struct err *err)
{
    uint16_t wanted = *port;

    for (int i = 0; f->n_places && i < PORT_TRIES; i++) {
        size_t mark = web_listeners(f->web), k = 0;

        err_clear(err);
        *port = wanted;
        while (k < f->n_places &&
               web_listen(f->web, f->places[k].address, port, tls, &f->places[k], err))
            k++;
        if (k == f->n_places)
            return true;
        web_unlisten(f->web, mark);
        if (err->kind != ERR_BUSY || wanted)
            return false;
    }
    return !f->n_places;
}

bool fleets_listen(struct fleets *f, uint16_t *http_port, uint16_t *https_port, struct err *err)
{
    return listen_everywhere(f, http_port, false, err) &&
           listen_everywhere(f, https_port, true, err);
}
