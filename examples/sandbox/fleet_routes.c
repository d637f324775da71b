#include "fleet_routes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rset_json.h"
#include "sluice/crypto.h"
#include "sluice/text.h"

#define HEX_BYTES        (2 * CRYPTO_SHA256_BYTES + 1)
#define TEST_BYTES_MAX   (INT64_C(4) << 30)
#define TEST_MS_MAX      600000
#define TEST_HEADERS_MAX 1000
#define SESSION_COOKIE   "shop_session"

/* One request to the shop. */
struct visit {
    struct shop *shop;
    const char *fleet;
    struct web_conn *conn;
    const struct web_request *rq;
    const char *rest; /* the path behind the route's prefix */
    int64_t wall_ms;
    struct arena mem;
};

typedef int (*page_fn)(struct visit *v);

static int reply_full(struct visit *v, int status, const char *type, const char *extra,
                      const void *body, size_t len)
{
    struct buf headers SL_CLEANUP(buf_clear) = {0};

    buf_addf(&headers, "Content-Type: %s\r\nX-Served-By: %s\r\nCache-Control: no-store\r\n%s", type,
             v->fleet, extra ? extra : "");
    web_reply(v->conn, status, buf_str(&headers), body, len);
    return status;
}

static int reply(struct visit *v, int status, const char *type, const char *body)
{
    return reply_full(v, status, type, NULL, body, strlen(body));
}

static int reply_json(struct visit *v, int status, const char *extra, json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT);

    reply_full(v, status, "application/json", extra, text, strlen(text));
    free(text);
    json_decref(json);
    return status;
}

/* A text only this run knows: the same for the same seed. */
static void token(const struct shop *s, const char *purpose, const char *of, char out[HEX_BYTES])
{
    struct buf text SL_CLEANUP(buf_clear) = {0};

    buf_addf(&text, "%s\n%s", purpose, of);
    crypto_hmac_sha256_hex(&s->seed, sizeof s->seed, text.data, text.len, out);
}

/* Of a session: by a key of the shop, or of the fleet. */
static void session_token(const struct visit *v, const char *purpose, const char *of,
                          char out[HEX_BYTES])
{
    struct buf who SL_CLEANUP(buf_clear) = {0};

    buf_addf(&who, "%s%s%s", purpose, v->shop->shared_sessions ? "" : " by ",
             v->shop->shared_sessions ? "" : v->fleet);
    token(v->shop, buf_str(&who), of, out);
}

static const char *cookie(struct visit *v, const char *name)
{
    const char *all = web_header(v->rq, "Cookie");
    size_t len = strlen(name);

    while (all && *all) {
        all += strspn(all, "; ");
        if (strncmp(all, name, len) == 0 && all[len] == '=')
            return arena_strndup(&v->mem, all + len + 1, strcspn(all + len + 1, ";"));
        all += strcspn(all, ";");
    }
    return NULL;
}

static int page_home(struct visit *v)
{
    return reply(v, 200, "text/html; charset=utf-8",
                 "<!doctype html><title>Shop</title><h1>The shop is open</h1>\n");
}

static int page_up(struct visit *v)
{
    return reply(v, 200, "text/plain", "ok\n");
}

static int page_login(struct visit *v)
{
    struct buf body SL_CLEANUP(buf_clear) = {0}, headers SL_CLEANUP(buf_clear) = {0};
    char id[32], csrf[HEX_BYTES];

    snprintf(id, sizeof id, "s%llu", (unsigned long long)++v->shop->sessions);
    session_token(v, "csrf", id, csrf);
    buf_addf(&headers, "Set-Cookie: " SESSION_COOKIE "=%s; path=/; HttpOnly\r\n", id);
    buf_addf(
        &body,
        "<!doctype html><title>Sign in</title>\n<meta name=\"csrf-token\" content=\"%s\">\n"
        "<form action=/session method=post><input type=hidden name=authenticity_token value=\"%s\">"
        "<input name=email><input name=password type=password></form>\n",
        csrf, csrf);
    return reply_full(v, 200, "text/html; charset=utf-8", buf_str(&headers), body.data, body.len);
}

static int page_session(struct visit *v)
{
    const char *form = v->rq->body, *id = cookie(v, SESSION_COOKIE);
    const char *email = web_field(&v->mem, form, "email");
    const char *password = web_field(&v->mem, form, "password");
    const char *given = web_field(&v->mem, form, "authenticity_token");
    struct buf headers SL_CLEANUP(buf_clear) = {0};
    char csrf[HEX_BYTES], proof[HEX_BYTES];

    session_token(v, "csrf", id ? id : "", csrf);
    if (!id || !given || strcmp(given, csrf) != 0)
        return reply(v, 422, "text/plain", "the authenticity token is not valid\n");
    if (!email || !*email || !password || strcmp(password, v->shop->password) != 0)
        return reply(v, 401, "text/plain", "wrong email or password\n");
    session_token(v, "signed in", id, proof);
    buf_addf(&headers,
             "Location: %s://%s/dashboard\r\nSet-Cookie: " SESSION_COOKIE "=%s.%s; path=/; "
             "HttpOnly\r\n",
             v->rq->tls ? "https" : "http",
             web_header(v->rq, "Host") ? web_header(v->rq, "Host") : "localhost", id, proof);
    return reply_full(v, 302, "text/plain", buf_str(&headers), "", 0);
}

static int page_dashboard(struct visit *v)
{
    const char *session = cookie(v, SESSION_COOKIE);
    char *dot = session ? strchr(session, '.') : NULL;
    char proof[HEX_BYTES];

    if (dot) {
        *dot = '\0';
        session_token(v, "signed in", session, proof);
        if (strcmp(dot + 1, proof) == 0)
            return reply(v, 200, "text/html; charset=utf-8",
                         "<!doctype html><title>Dashboard</title><h1>Welcome back</h1>\n");
    }
    return reply_full(v, 302, "text/plain", "Location: /login\r\n", "", 0);
}

static bool authorised(struct visit *v)
{
    const char *header = web_header(v->rq, "Authorization");

    if (!v->shop->api_token)
        return true;
    return header && strncasecmp(header, "Bearer ", 7) == 0 &&
           strcmp(header + 7, v->shop->api_token) == 0;
}

static json_t *find_clients(struct visit *v, const char *q)
{
    json_t *found = json_array(), *name;
    size_t i;

    json_array_foreach(v->shop->clients, i, name)
    {
        if (!q || !*q || strcasestr(json_string_value(name), q))
            json_array_append_new(found,
                                  json_pack("{s:I, s:O}", "id", (json_int_t)(i + 1), "name", name));
    }
    return found;
}

static int page_clients(struct visit *v)
{
    json_t *found;
    json_int_t total;

    if (!authorised(v))
        return reply_json(v, 401, "WWW-Authenticate: Bearer\r\n",
                          json_pack("{s:s}", "error", "a bearer token is wanted"));
    found = find_clients(v, web_field(&v->mem, v->rq->query, "q"));
    total = (json_int_t)json_array_size(found);
    return reply_json(v, 200, NULL,
                      json_pack("{s:o, s:{s:I, s:s}}", "data", found, "meta", "total", total,
                                "served_by", v->fleet));
}

static void add_html(struct buf *out, const char *text)
{
    for (; *text; text++) {
        if (strchr("<>&\"", *text))
            buf_addf(out, "&#%d;", *text);
        else
            buf_add_char(out, *text);
    }
}

static int page_find(struct visit *v)
{
    const char *q = web_field(&v->mem, v->rq->query, "q"), *host = web_header(v->rq, "Host");
    struct buf body SL_CLEANUP(buf_clear) = {0};

    buf_add_str(&body, "<!doctype html><title>Search</title><h1>Results for ");
    if (q && *q)
        add_html(&body, q);
    else /* a tenant's own page names the tenant */
        buf_addf(&body, "%.*s", (int)strcspn(host ? host : "everything", ".:"),
                 host ? host : "everything");
    buf_add_str(&body, "</h1>\n");
    return reply_full(v, 200, "text/html; charset=utf-8", NULL, body.data, body.len);
}

/* Chunked, one event a chunk: the events leave one by one. */
static void send_chunk(struct visit *v, const char *text)
{
    struct buf chunk SL_CLEANUP(buf_clear) = {0};

    buf_addf(&chunk, "%zx\r\n%s\r\n", strlen(text), text);
    web_send(v->conn, chunk.data, chunk.len);
}

static void open_events(struct visit *v, const char *extra)
{
    struct buf headers SL_CLEANUP(buf_clear) = {0};

    buf_addf(&headers,
             "Content-Type: text/event-stream\r\nCache-Control: no-store\r\n"
             "X-Served-By: %s\r\nTransfer-Encoding: chunked\r\n%s",
             v->fleet, extra ? extra : "");
    web_send_head(v->conn, 200, buf_str(&headers), -1);
}

static int close_events(struct visit *v)
{
    web_send(v->conn, "0\r\n\r\n", 5);
    web_end(v->conn);
    return 200;
}

static int page_assist(struct visit *v)
{
    static const char *const words[] = {"po", "ng", " from", " the", " assistant"};
    json_error_t why;
    json_t *ask = json_loadb(v->rq->body, v->rq->body_len, 0, &why);
    bool good = json_is_string(json_object_get(ask, "prompt"));

    json_decref(ask);
    if (!good)
        return reply_json(v, 400, NULL, json_pack("{s:s}", "error", "a prompt is wanted"));
    open_events(v, NULL);
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        char event[256];

        snprintf(event, sizeof event,
                 "id: %zu\ndata: {\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,"
                 "\"delta\":{\"content\":\"%s\"}}]}\n\n",
                 i, words[i]);
        web_wait(v->conn, v->shop->token_ms);
        send_chunk(v, event);
    }
    send_chunk(v, "data: [DONE]\n\n");
    return close_events(v);
}

static json_t *rpc_error(json_t *id, int code, const char *message)
{
    return json_pack("{s:s, s:O, s:{s:i, s:s}}", "jsonrpc", "2.0", "id", id ? id : json_null(),
                     "error", "code", code, "message", message);
}

static json_t *rpc_result(json_t *id, json_t *result)
{
    return json_pack("{s:s, s:O, s:o}", "jsonrpc", "2.0", "id", id, "result", result);
}

static json_t *mcp_tools(void)
{
    return json_pack("{s:[{s:s, s:s, s:{s:s, s:{s:{s:s}}, s:[s]}}]}", "tools", "name",
                     "find_client", "description", "Finds clients by name", "inputSchema", "type",
                     "object", "properties", "q", "type", "string", "required", "q");
}

static json_t *mcp_call(struct visit *v, json_t *params, json_t *id)
{
    const char *name = json_string_value(json_object_get(params, "name"));
    const char *q = json_string_value(json_object_get(json_object_get(params, "arguments"), "q"));
    json_t *found;
    char *text;

    if (!name || strcmp(name, "find_client") != 0)
        return rpc_error(id, -32602, "Unknown tool");
    if (!q)
        return rpc_result(id, json_pack("{s:[{s:s, s:s}], s:b}", "content", "type", "text", "text",
                                        "q is missing", "isError", 1));
    found = find_clients(v, q);
    text = json_dumps(found, JSON_COMPACT);
    found = rpc_result(id, json_pack("{s:[{s:s, s:s}], s:{s:o}, s:b}", "content", "type", "text",
                                     "text", text, "structuredContent", "clients", found, "isError",
                                     0));
    free(text);
    return found;
}

static int mcp_reply(struct visit *v, const char *extra, json_t *message)
{
    struct buf event SL_CLEANUP(buf_clear) = {0};
    char *text;

    if (!v->shop->mcp_sse)
        return reply_json(v, 200, extra, message);
    text = json_dumps(message, JSON_COMPACT);
    json_decref(message);
    buf_addf(&event, "event: message\ndata: %s\n\n", text);
    free(text);
    open_events(v, extra);
    send_chunk(v, buf_str(&event));
    return close_events(v);
}

static int mcp_message(struct visit *v, json_t *rpc)
{
    const char *method = json_string_value(json_object_get(rpc, "method"));
    const char *session = web_header(v->rq, "Mcp-Session-Id");
    json_t *id = json_object_get(rpc, "id"), *params = json_object_get(rpc, "params");
    struct buf extra SL_CLEANUP(buf_clear) = {0};
    char want[HEX_BYTES];

    token(v->shop, "mcp", v->fleet, want);
    if (!method || strcmp(json_string_value(json_object_get(rpc, "jsonrpc"))
                              ? json_string_value(json_object_get(rpc, "jsonrpc"))
                              : "",
                          "2.0") != 0)
        return reply_json(v, 400, NULL, rpc_error(id, -32600, "Invalid Request"));
    if (strcmp(method, "initialize") == 0 && id) {
        const char *version = json_string_value(json_object_get(params, "protocolVersion"));

        buf_addf(&extra, "Mcp-Session-Id: %s\r\n", want);
        return mcp_reply(
            v, buf_str(&extra),
            rpc_result(id, json_pack("{s:s, s:{s:{}}, s:{s:s, s:s}}", "protocolVersion",
                                     version ? version : "2025-06-18", "capabilities", "tools",
                                     "serverInfo", "name", "shop", "version", "1")));
    }
    if (!session)
        return reply_json(v, 400, NULL, rpc_error(id, -32600, "Mcp-Session-Id is missing"));
    if (strcmp(session, want) != 0)
        return reply_json(v, 404, NULL, rpc_error(id, -32001, "Session not found"));
    if (!id)
        return reply(v, 202, "text/plain", "");
    if (strcmp(method, "ping") == 0)
        return mcp_reply(v, NULL, rpc_result(id, json_object()));
    if (strcmp(method, "tools/list") == 0)
        return mcp_reply(v, NULL, rpc_result(id, mcp_tools()));
    if (strcmp(method, "tools/call") == 0)
        return mcp_reply(v, NULL, mcp_call(v, params, id));
    return mcp_reply(v, NULL, rpc_error(id, -32601, "Method not found"));
}

/* Model Context Protocol, streamable HTTP transport: POST one message, JSON or an event stream
 * back. */
static int page_mcp(struct visit *v)
{
    const char *accept = web_header(v->rq, "Accept");
    json_error_t why;
    json_t *rpc;
    int status;

    if (!accept || !strstr(accept, "application/json") || !strstr(accept, "text/event-stream"))
        return reply_json(v, 406, NULL,
                          rpc_error(NULL, -32000,
                                    "Not Acceptable: the client must accept "
                                    "both application/json and text/event-stream"));
    rpc = json_loadb(v->rq->body, v->rq->body_len, 0, &why);
    if (!json_is_object(rpc)) {
        json_decref(rpc);
        return reply_json(v, 400, NULL, rpc_error(NULL, -32700, "Parse error"));
    }
    status = mcp_message(v, rpc);
    json_decref(rpc);
    return status;
}

/* Stripe: HMAC-SHA-256 of "t.body", as t=…,v1=… ; several v1 while secrets change. */
static int page_stripe(struct visit *v)
{
    const char *header = web_header(v->rq, "Stripe-Signature");
    struct buf signed_text SL_CLEANUP(buf_clear) = {0};
    const char *at = NULL;
    char want[HEX_BYTES];
    bool match = false;
    struct err err = {0};
    int64_t t = 0;

    for (const char *p = header; p && *p; p += strcspn(p, ","), p += *p == ',') {
        if (strncmp(p, "t=", 2) == 0)
            at = arena_strndup(&v->mem, p + 2, strcspn(p + 2, ","));
    }
    if (!at || !text_parse_i64(at, 0, INT64_C(1) << 40, &t, &err))
        return reply_json(v, 400, NULL, json_pack("{s:s}", "error", "no signature"));
    buf_addf(&signed_text, "%s.", at);
    buf_add(&signed_text, v->rq->body, v->rq->body_len);
    crypto_hmac_sha256_hex(v->shop->stripe_secret, strlen(v->shop->stripe_secret), signed_text.data,
                           signed_text.len, want);
    for (const char *p = header; *p; p += strcspn(p, ","), p += *p == ',') {
        if (strncmp(p, "v1=", 3) == 0)
            match |= crypto_equal(want, strlen(want), p + 3, strcspn(p + 3, ","));
    }
    if (!match)
        return reply_json(v, 400, NULL,
                          json_pack("{s:s}", "error", "the signature does not match"));
    if (llabs(v->wall_ms / 1000 - t) > SHOP_STRIPE_TOLERANCE_S)
        return reply_json(v, 400, NULL,
                          json_pack("{s:s}", "error", "the timestamp is out of tolerance"));
    return reply_json(v, 200, NULL, json_pack("{s:b}", "received", 1));
}

static int64_t number(const char *text, int64_t max)
{
    struct err err = {0};
    int64_t n;

    return text_parse_i64(text, 0, max, &n, &err) ? n : -1;
}

static int page_status(struct visit *v)
{
    int64_t status = number(v->rest, 599);

    if (status < 200)
        return reply(v, 400, "text/plain", "a status from 200 to 599 is wanted\n");
    return reply(v, (int)status, "text/plain", "as asked\n");
}

static int page_bytes(struct visit *v)
{
    static const char line[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\n";
    int64_t n = number(v->rest, TEST_BYTES_MAX);
    struct buf headers SL_CLEANUP(buf_clear) = {0};

    if (n < 0)
        return reply(v, 400, "text/plain", "a number of bytes is wanted\n");
    buf_addf(&headers, "Content-Type: text/plain\r\nX-Served-By: %s\r\n", v->fleet);
    web_send_head(v->conn, 200, buf_str(&headers), n);
    if (strcmp(v->rq->method, "HEAD") != 0)
        web_send_pattern(v->conn, line, sizeof line - 1, (uint64_t)n);
    web_end(v->conn);
    return 200;
}

static int page_slow(struct visit *v)
{
    int64_t ms = number(v->rest, TEST_MS_MAX);

    if (ms < 0)
        return reply(v, 400, "text/plain", "a number of milliseconds is wanted\n");
    web_wait(v->conn, ms);
    return reply(v, 200, "text/plain", "at last\n");
}

static int page_redirect(struct visit *v)
{
    const char *to = web_field(&v->mem, v->rq->query, "to");
    struct buf headers SL_CLEANUP(buf_clear) = {0};

    if (!to || strpbrk(to, "\r\n"))
        return reply(v, 400, "text/plain", "to is wanted\n");
    buf_addf(&headers, "Location: %s\r\n", to);
    return reply_full(v, 302, "text/plain", buf_str(&headers), "", 0);
}

/* A socket that opens and closes (RFC 6455 section 4.2.2): what a handshake wants to see. */
static int page_socket(struct visit *v)
{
    const char *key = web_header(v->rq, "Sec-WebSocket-Key"), *up = web_header(v->rq, "Upgrade");
    struct buf text SL_CLEANUP(buf_clear) = {0}, headers SL_CLEANUP(buf_clear) = {0};
    uint8_t digest[CRYPTO_SHA1_BYTES];

    if (!key || !up || strcmp(up, "websocket") != 0)
        return reply(v, 426, "text/plain", "a websocket is wanted\n");
    buf_addf(&text, "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
    crypto_sha1(text.data, text.len, digest);
    buf_add_str(&headers, "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ");
    text_add_base64(&headers, digest, sizeof digest);
    buf_add_str(&headers, "\r\n");
    web_send_head(v->conn, 101, buf_str(&headers), -1);
    web_close(v->conn);
    return 101;
}

static int page_headers(struct visit *v)
{
    int64_t n = number(v->rest, TEST_HEADERS_MAX);
    struct buf headers SL_CLEANUP(buf_clear) = {0};

    for (int64_t i = 0; i < n; i++)
        buf_addf(&headers, "X-Filler-%lld: %0100d\r\n", (long long)i, 0);
    return reply_full(v, 200, "text/plain", buf_str(&headers), "many\n", 5);
}

static void add_le(struct buf *out, uint32_t n, int bytes)
{
    for (int i = 0; i < bytes; i++)
        buf_add_char(out, (char)(unsigned char)(n >> (8 * i)));
}

/* RFC 1952 with one stored block (RFC 1951 3.2.4). */
static int page_gzip(struct visit *v)
{
    static const char text[] = "squeezed\n";
    struct buf body SL_CLEANUP(buf_clear) = {0};
    uint32_t crc = 0xffffffff;
    uint16_t len = sizeof text - 1;

    for (size_t i = 0; i < len; i++) {
        crc ^= (unsigned char)text[i];
        for (int k = 0; k < 8; k++)
            crc = (crc >> 1) ^ (crc & 1 ? 0xedb88320U : 0);
    }
    buf_add(&body, "\x1f\x8b\x08\0\0\0\0\0\0\x03\x01", 11);
    add_le(&body, len, 2);
    add_le(&body, (uint16_t)~len, 2);
    buf_add(&body, text, len);
    add_le(&body, ~crc, 4);
    add_le(&body, len, 4);
    return reply_full(v, 200, "text/plain", "Content-Encoding: gzip\r\n", body.data, body.len);
}

struct page {
    const char *method, *path; /* a path that ends with '/' and is longer than that is a prefix */
    page_fn fn;
};

static const struct page pages[] = {
    {"GET", "/", page_home},
    {"GET", "/up", page_up},
    {"GET", "/login", page_login},
    {"POST", "/session", page_session},
    {"GET", "/dashboard", page_dashboard},
    {"GET", "/v1/clients", page_clients},
    {"GET", "/find", page_find},
    {"POST", "/v1/assist", page_assist},
    {"POST", "/mcp", page_mcp},
    {"POST", "/webhooks/stripe", page_stripe},
    {"GET", "/status/", page_status},
    {"GET", "/bytes/", page_bytes},
    {"GET", "/slow/", page_slow},
    {"GET", "/redirect", page_redirect},
    {"GET", "/socket/websocket", page_socket},
    {"GET", "/headers/", page_headers},
    {"GET", "/gzip", page_gzip},
};

int shop_handle(struct shop *s, const char *fleet, struct web_conn *c, const struct web_request *rq,
                int64_t wall_ms)
{
    struct visit v = {.shop = s, .fleet = fleet, .conn = c, .rq = rq, .wall_ms = wall_ms};
    const char *method = strcmp(rq->method, "HEAD") == 0 ? "GET" : rq->method;
    bool path_known = false;
    int status = 0;

    for (size_t i = 0; i < ARRAY_LEN(pages) && !status; i++) {
        size_t len = strlen(pages[i].path);
        bool prefix = len > 1 && pages[i].path[len - 1] == '/';

        if (prefix ? strncmp(rq->path, pages[i].path, len) != 0
                   : strcmp(rq->path, pages[i].path) != 0)
            continue;
        path_known = true;
        v.rest = rq->path + len;
        if (strcmp(method, pages[i].method) == 0)
            status = pages[i].fn(&v);
    }
    if (!status)
        status = path_known ? reply(&v, 405, "text/plain", "not with this method\n")
                            : reply(&v, 404, "text/plain", "no such page\n");
    arena_clear(&v.mem);
    return status;
}

bool shop_load(struct shop *s, json_t *section, uint64_t seed, struct err *err)
{
    const char *password = "correct horse", *api_token = NULL, *stripe = "whsec_sandbox",
               *mcp = "json";
    json_t *clients = NULL, *name;
    json_int_t token_ms = 20;
    int shared = 1;
    size_t i;

    if (section &&
        !json_take(section, "shop", err, "{s?s, s?s, s?s, s?o, s?I, s?s, s?b}", "password",
                   &password, "api_token", &api_token, "stripe_secret", &stripe, "clients",
                   &clients, "token_ms", &token_ms, "mcp_reply", &mcp, "shared_sessions", &shared))
        return false;
    json_array_foreach(clients, i, name)
    {
        if (!json_is_string(name))
            return err_set(err, ERR_FILE, "shop: clients must be texts");
    }
    *s = (struct shop){x_strdup(password),
                       x_strdup(api_token),
                       x_strdup(stripe),
                       clients ? json_incref(clients) : json_pack("[s]", "Acme Ltd"),
                       token_ms,
                       strcmp(mcp, "sse") == 0,
                       shared != 0,
                       seed,
                       0};
    return true;
}

void shop_clear(struct shop *s)
{
    free(s->password);
    free(s->api_token);
    free(s->stripe_secret);
    json_decref(s->clients);
}
