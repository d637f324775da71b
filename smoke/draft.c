/* draft.c: suites as text. Every draft is read back by suite_decode() before anybody sees it. */
#include "draft.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "sluice/json.h"
#include "sluice/suite.h"
#include "sluice/text.h"

#define TITLE_BYTES_MAX   80
#define LATENCY_LEAST_MS  1000 /* a first suite should not cry at the first slow night */
#define LATENCY_FACTOR    10
#define DAYS_LEFT_DEFAULT 14
#define DAY_MS            INT64_C(86400000)
#define JSON_KEYS_MAX     5

/* ---- scalars
 * ---------------------------------------------------------------------------------------- */

void draft_add_text(struct buf *out, const char *s, size_t len)
{
    buf_add_char(out, '"');
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];

        if (c == '"' || c == '\\')
            buf_addf(out, "\\%c", c);
        else if (c == '\n')
            buf_add_str(out, "\\n");
        else if (c == '\t')
            buf_add_str(out, "\\t");
        else if (c < 0x20 || c == 0x7f)
            buf_addf(out, "\\x%02x", c);
        else if (c == '{' && i + 1 < len && s[i + 1] == '{' && (i == 0 || s[i - 1] != '{'))
            buf_add_str(out, "\\\\{");
        else
            buf_add_char(out, (char)c);
    }
    buf_add_char(out, '"');
}

static void add_text(struct buf *out, const char *s)
{
    draft_add_text(out, s, strlen(s));
}

bool draft_check(const struct buf *text, struct err *err)
{
    struct suite suite = {0};
    struct arena mem = {0};
    struct err why = {0};
    const struct doc *doc = doc_parse(&mem, "draft", text, &why);
    bool ok = doc && suite_decode(&suite, doc_root(doc), "", NULL, &why);

    suite_clear(&suite);
    arena_clear(&mem);
    return ok || err_set(err, ERR_BUG, "the drafted suite does not load: line %u: %s", why.line,
                         why.text);
}

/* ---- pages
 * ------------------------------------------------------------------------------------------ */

static bool is_type(const struct http_response *r, const char *type)
{
    const char *value = http_response_find(r, "Content-Type");

    return value && strncasecmp(value, type, strlen(type)) == 0;
}

/* The title of an HTML page, when it can stand in a suite as it is. */
static bool find_title(const struct http_response *r, const char **title, size_t *len)
{
    const char *body = buf_str(&r->body), *open, *close;

    if (!is_type(r, "text/html") || memchr(body, 0, r->body.len))
        return false;
    open = strcasestr(body, "<title");
    open = open ? strchr(open, '>') : NULL;
    close = open ? strcasestr(open, "</title") : NULL;
    if (!close)
        return false;
    open++;
    while (open < close && strchr(" \t\r\n", *open))
        open++;
    while (close > open && strchr(" \t\r\n", close[-1]))
        close--;
    *title = open;
    *len = (size_t)(close - open);
    return *len > 0 && *len <= TITLE_BYTES_MAX && !memchr(open, '\n', *len) &&
           text_is_utf8(open, *len);
}

static bool is_plain_key(const char *key)
{
    return *key && strlen(key) < 60 &&
           strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTU"
                       "VWXYZ0123456789_-") == strlen(key);
}

static void add_json_keys(struct buf *out, const struct http_response *r)
{
    struct err err = {0};
    json_t *root = is_type(r, "application/json") && !r->truncated
                       ? json_parse(buf_str(&r->body), r->body.len, &err)
                       : NULL;
    const char *key;
    json_t *value;
    int n = 0;

    json_object_foreach(root, key, value)
    {
        if (!is_plain_key(key) || n == JSON_KEYS_MAX)
            continue;
        if (n++ == 0)
            buf_add_str(out, "      json:\n");
        buf_addf(out, "        /%s: {exists: true}\n", key);
    }
    json_decref(root);
}

static int64_t days_left(const struct http_response *r, int64_t wall_ms)
{
    int64_t days = r->certificate.sha256[0] ? (r->certificate.not_after_ms - wall_ms) / DAY_MS : 0;

    return days < DAYS_LEFT_DEFAULT ? days : DAYS_LEFT_DEFAULT;
}

static int64_t fair_latency_ms(const struct http_response *r)
{
    int64_t ms = r->timing.total_us * LATENCY_FACTOR / 1000;

    return ms < LATENCY_LEAST_MS ? LATENCY_LEAST_MS : (ms / 1000 + 1) * 1000;
}

static void add_page(struct buf *out, const struct draft_page *page, int64_t wall_ms)
{
    const struct http_response *r = page->response;
    const char *title, *to = http_response_find(r, "Location");
    const char *type = http_response_find(r, "Content-Type");
    size_t len;

    buf_add_str(out, "  - name: ");
    add_text(out, page->name);
    buf_add_str(out, "\n    request: {get: ");
    add_text(out, page->path);
    buf_addf(out, "}\n    expect:\n      status: %u\n", r->status);
    if (r->status >= 300 && r->status < 400 && to && text_is_utf8(to, strlen(to))) {
        buf_add_str(out, "      header: {location: ");
        add_text(out, to);
        buf_add_str(out, "}\n");
    } else if (type && text_is_utf8(type, strlen(type)) && r->status < 300) {
        buf_add_str(out, "      header: {content-type: {starts_with: ");
        draft_add_text(out, type, strcspn(type, "; "));
        buf_add_str(out, "}}\n");
    }
    if (r->status < 300 && find_title(r, &title, &len)) {
        buf_add_str(out, "      body: {contains: ");
        draft_add_text(out, title, len);
        buf_add_str(out, "}\n");
    }
    if (r->status < 300)
        add_json_keys(out, r);
    buf_add_str(out, "      latency: ");
    text_format_duration(out, fair_latency_ms(r));
    buf_add_char(out, '\n');
    if (days_left(r, wall_ms) >= 1)
        buf_addf(out, "      certificate: {days_left: %lld}\n", (long long)days_left(r, wall_ms));
}

void draft_pages(struct buf *out, const char *base_url, const struct draft_page *pages, size_t n,
                 int64_t wall_ms)
{
    buf_add_str(out, "# A first suite, made from what the server answered. smoke.yaml(5) has all "
                     "keys.\n"
                     "# Editors check it against the output of: smoke --schema\n"
                     "version: 1\n"
                     "base_url: ");
    add_text(out, base_url);
    buf_add_str(out, "\ndefaults: {timeout: 10s}\nchecks:\n");
    for (size_t i = 0; i < n; i++)
        add_page(out, &pages[i], wall_ms);
    buf_add_str(out,
                "\n"
                "# What to add next: what your users do first.\n"
                "#\n"
                "# secrets:\n"
                "#   password: {env: SMOKE_PASSWORD}\n"
                "#\n"
                "#  - name: sign in\n"
                "#    tags: [auth]\n"
                "#    steps:\n"
                "#      - request: {get: /login}\n"
                "#        capture: {csrf: {regex: 'name=\"csrf-token\" content=\"([^\"]+)\"'}}\n"
                "#      - request:\n"
                "#          post: /session\n"
                "#          form: {email: smoke@example.com, password: \"{{secret.password}}\", "
                "authenticity_token: \"{{csrf}}\"}\n"
                "#        expect: {status: 302}\n"
                "#  - name: search finds something\n"
                "#    request: {get: \"/v1/search?q=test\"}\n"
                "#    expect: {json: {/total: {at_least: 1}}, latency: 1s}\n");
}

/* ---- a curl command line
 * ---------------------------------------------------------------------------- */

/* Headers whose value is a credential, as far as a name can tell. */
static bool is_credential(const char *name)
{
    static const char *const parts[] = {"authorization", "cookie",    "token", "secret",
                                        "api-key",       "apikey",    "passw", "signature",
                                        "session",       "access-key"};

    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        if (strcasestr(name, parts[i]))
            return true;
    return false;
}

/* "x-api-key" to "x_api_key": a name for a template and, in upper case, for the environment. */
static void add_name(struct buf *out, const char *name, bool upper)
{
    for (const char *p = name; *p; p++) {
        char c = *p;

        if (upper && c >= 'a' && c <= 'z')
            c = (char)(c - 'a' + 'A');
        else if (!upper && c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        else if (!((c | 0x20) >= 'a' && (c | 0x20) <= 'z') && !(c >= '0' && c <= '9'))
            c = '_';
        buf_add_char(out, c);
    }
}

static void add_secret(struct buf *secrets, const char *name, struct buf *needed)
{
    buf_add_str(secrets, "  ");
    add_name(secrets, name, false);
    buf_add_str(secrets, ": {env: SMOKE_");
    add_name(secrets, name, true);
    buf_add_str(secrets, "}\n");
    buf_add_str(needed, "SMOKE_");
    add_name(needed, name, true);
    buf_add_char(needed, '\n');
}

static bool is_bearer(const struct curl_line_header *h)
{
    return strcasecmp(h->name, "Authorization") == 0 && strncasecmp(h->value, "Bearer ", 7) == 0;
}

static const char *content_type(const struct curl_line *line)
{
    for (size_t i = 0; i < line->headers_n; i++)
        if (strcasecmp(line->headers[i].name, "Content-Type") == 0)
            return line->headers[i].value;
    return "";
}

/* The body in JSON's own form, when it is JSON and has nothing a template would take. */
static char *json_body(const struct curl_line *line)
{
    struct err err = {0};
    json_t *root;
    struct buf text = {0};

    if (!strcasestr(content_type(line), "json") || strstr(buf_str(&line->body), "{{"))
        return NULL;
    root = json_parse(buf_str(&line->body), line->body.len, &err);
    if (!root)
        return NULL;
    json_add_compact(&text, root);
    json_decref(root);
    return buf_take(&text);
}

static void add_body(struct buf *out, const struct curl_line *line)
{
    char *json = json_body(line);

    if (json) {
        buf_addf(out, "      json: %s\n", json);
    } else {
        buf_add_str(out, "      body: ");
        draft_add_text(out, buf_str(&line->body), line->body.len);
        buf_add_char(out, '\n');
    }
    free(json);
}

/* What the program makes itself. */
static bool is_made(const struct curl_line *line, const char *name)
{
    return strcasecmp(name, "Content-Length") == 0 || strcasecmp(name, "Host") == 0 ||
           strcasecmp(name, "Connection") == 0 || strcasecmp(name, "Accept-Encoding") == 0 ||
           strcasecmp(name, "TE") == 0 || (line->user && strcasecmp(name, "Authorization") == 0);
}

static void add_headers(struct buf *out, struct buf *secrets, const struct curl_line *line,
                        struct buf *needed)
{
    struct buf headers SL_CLEANUP(buf_wipe) = {0};

    for (size_t i = 0; i < line->headers_n; i++) {
        const struct curl_line_header *h = &line->headers[i];

        if (is_made(line, h->name))
            continue;
        if (is_bearer(h)) {
            add_secret(secrets, "token", needed);
            buf_add_str(out, "      auth: {bearer: \"{{secret.token}}\"}\n");
            continue;
        }
        buf_addf(&headers, "        %s: ", h->name);
        if (is_credential(h->name)) {
            add_secret(secrets, h->name, needed);
            buf_add_str(&headers, "\"{{secret.");
            add_name(&headers, h->name, false);
            buf_add_str(&headers, "}}\"\n");
        } else {
            add_text(&headers, h->value);
            buf_add_char(&headers, '\n');
        }
    }
    if (line->user) {
        add_secret(secrets, "password", needed);
        buf_add_str(out, "      auth: {basic: {user: ");
        add_text(out, line->user);
        buf_add_str(out, ", password: \"{{secret.password}}\"}}\n");
    }
    if (headers.len)
        buf_addf(out, "      headers:\n%s", buf_str(&headers));
}

static void add_time(struct buf *out, const char *key, int64_t ms)
{
    if (ms == 0)
        return;
    buf_addf(out, "      %s: ", key);
    text_format_duration(out, ms);
    buf_add_char(out, '\n');
}

void draft_curl(struct buf *out, const struct curl_line *line, struct buf *needed)
{
    const char *rest = strstr(line->url, "://") + 3;
    size_t origin = (size_t)(rest - line->url) + strcspn(rest, "/?");
    const char *path = line->url + origin;
    struct buf request SL_CLEANUP(buf_wipe) = {0}, secrets SL_CLEANUP(buf_clear) = {0};
    struct buf method SL_CLEANUP(buf_clear) = {0}, shown SL_CLEANUP(buf_clear) = {0};

    add_name(&method, line->method, false);
    buf_addf(&shown, "%s%.*s", *path == '/' ? "" : "/", (int)strcspn(path, "?"), path);
    buf_addf(&request, "    request:\n      %s: ", buf_str(&method));
    {
        struct buf full SL_CLEANUP(buf_clear) = {0};

        buf_addf(&full, "%s%s", *path == '/' ? "" : "/", path);
        add_text(&request, buf_str(&full));
    }
    buf_add_char(&request, '\n');
    add_headers(&request, &secrets, line, needed);
    if (line->has_body)
        add_body(&request, line);
    add_time(&request, "timeout", line->timeout_ms);
    add_time(&request, "connect_timeout", line->connect_ms);

    buf_add_str(out, "# Made from a curl command line. smoke.yaml(5) has all keys.\n");
    for (size_t i = 0; i < line->notes_n; i++)
        buf_addf(out, "# %s\n", line->notes[i]);
    buf_add_str(out, "version: 1\nbase_url: ");
    draft_add_text(out, line->url, origin);
    buf_add_char(out, '\n');
    if (secrets.len)
        buf_addf(out, "secrets:\n%s", buf_str(&secrets));
    buf_add_str(out, "checks:\n  - name: ");
    {
        struct buf name SL_CLEANUP(buf_clear) = {0};

        buf_addf(&name, "%s %.150s", line->method, buf_str(&shown));
        add_text(out, buf_str(&name));
    }
    buf_addf(out, "\n%s    expect:\n      status: 2xx\n", buf_str(&request));
}
