#include "http_internal.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "sluice/text.h"

static void tell_long(struct http_transfer *t, enum http_long what, CURLoption option, long value)
{
    if (t->told.longs[what] == value)
        return;
    curl_easy_setopt(t->easy, option, value);
    t->told.longs[what] = value;
}

/* A text, or a list: NULL is not told twice. */
static void tell_text(struct http_transfer *t, enum http_text what, CURLoption option,
                      const void *value)
{
    if (!value && t->told.nulls[what])
        return;
    curl_easy_setopt(t->easy, option, value);
    t->told.nulls[what] = !value;
}

static bool is_token(const char *s) /* RFC 9110 section 5.6.2 */
{
    size_t n = strspn(s, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                         "ABCDEFGHIJKLMNOPQRSTUVWXYZ");

    return n && !s[n];
}

static bool is_field_value(const char *s)
{
    for (; *s; s++)
        if (((unsigned char)*s < 0x20 && *s != '\t') || *s == 0x7f)
            return false;
    return true;
}

static void append(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);

    if (!longer) {
        fputs("sluice: out of memory\n", stderr);
        abort();
    }
    *list = longer;
}

static bool has_header(const struct http_request *q, const char *name)
{
    size_t i;

    for (i = 0; i < q->headers_n; i++)
        if (text_eq_nocase(q->headers[i].name, name))
            return true;
    return false;
}

static bool load_headers(struct http_transfer *t, const struct http_request *q)
{
    static const struct {
        const char *name, *without; /* libcurl's way of leaving its own out */
        bool of_body;               /* added to requests with a body only */
    } additions[] = {{"Expect", "Expect:", true},
                     {"Content-Type", "Content-Type:", true},
                     {"Accept", "Accept:", false}};
    struct buf line SL_CLEANUP(buf_wipe) = {0};
    size_t i;

    for (i = 0; i < q->headers_n; i++) {
        const struct http_header *h = &q->headers[i];

        if (!is_token(h->name) || !is_field_value(h->value)) {
            http_transfer_say(t, HTTP_INVALID, "header %zu has a byte that no header may have",
                              i + 1);
            return false;
        }
        buf_reset(&line);
        if (h->value[0])
            buf_addf(&line, "%s: %s", h->name, h->value);
        else
            buf_addf(&line, "%s;", h->name); /* libcurl's way of writing an empty value */
        append(&t->headers, buf_str(&line));
    }
    for (i = 0; i < ARRAY_LEN(additions); i++)
        if ((additions[i].of_body ? t->has_body : q->exact) && !has_header(q, additions[i].name))
            append(&t->headers, additions[i].without);
    if (t->headers) /* the last one's were taken back */
        curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
    return true;
}

static bool load_method(struct http_transfer *t, const struct http_request *q)
{
    const char *method = q->method ? q->method : "GET";
    bool wants_body = !strcmp(method, "POST") || !strcmp(method, "PUT") || !strcmp(method, "PATCH");

    if (!is_token(method)) {
        http_transfer_say(t, HTTP_INVALID, "the method is no word");
        return false;
    }
    t->has_body = q->body_len || wants_body;
    if (!t->told.plain)
        curl_easy_setopt(t->easy, CURLOPT_HTTPGET, 1L); /* takes back POST and NOBODY */
    t->told.plain = !t->has_body && strcmp(method, "HEAD") != 0;
    if (t->has_body) {
        if (q->body_len)
            buf_init(&t->body, q->body_len + 1);
        buf_add(&t->body, q->body ? q->body : "", q->body_len);
        curl_easy_setopt(t->easy, CURLOPT_POST, 1L);
        curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, buf_str(&t->body));
        curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->body.len);
    } else if (!strcmp(method, "HEAD")) {
        curl_easy_setopt(t->easy, CURLOPT_NOBODY, 1L);
    }
    tell_text(t, HTTP_TEXT_METHOD, CURLOPT_CUSTOMREQUEST,
              strcmp(method, "GET") || q->body_len ? method : NULL);
    return true;
}

static void set_where(struct http_transfer *t, const char *s, size_t len)
{
    if (len > sizeof t->where - 1)
        len = sizeof t->where - 1;
    memcpy(t->where, s, len);
    t->where[len] = '\0';
}

static void load_url(struct http_transfer *t, const struct http_request *q)
{
    const char *host = strstr(q->url, "://");
    char pin[320];
    size_t i;

    host = host ? host + 3 : q->url;
    if (q->connect_to)
        set_where(t, q->connect_to, strlen(q->connect_to));
    else
        set_where(t, host, strcspn(host, "/?#"));
    curl_easy_setopt(t->easy, CURLOPT_URL, q->url);
    if (q->connect_to) {
        snprintf(pin, sizeof pin, "::%s", q->connect_to);
        append(&t->connect_to, pin);
    }
    tell_text(t, HTTP_TEXT_CONNECT_TO, CURLOPT_CONNECT_TO, t->connect_to);
    for (i = 0; i < q->resolve_n; i++)
        append(&t->resolve, q->resolve[i]);
    tell_text(t, HTTP_TEXT_RESOLVE, CURLOPT_RESOLVE, t->resolve);
    tell_long(t, HTTP_LONG_AS_IS, CURLOPT_PATH_AS_IS, q->exact);
}

/* Once a handle. What differs from request to request is set by the others, every time and whatever
 * its value, so that nothing is left of the request before; resetting the handle instead would cost
 * a tenth of a request. */
static void load_always(struct http_transfer *t)
{
    CURL *e = t->easy;

    if (t->told.ready)
        return;
    t->told = (struct http_told){.ready = true};
    for (int i = 0; i < HTTP_LONG_COUNT; i++)
        t->told.longs[i] = -1;
    curl_easy_setopt(e, CURLOPT_PRIVATE, t);
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, t->error);
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    curl_easy_setopt(e, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L); /* they are the proxy's */
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(e, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
    /* A look-up that hangs in its thread must not be waited for when the transfer is over. */
    curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L);
#endif
    /* With a CA directory set, libcurl parses the bundle anew for every connection. */
    curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, http_transfer_on_header);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, http_transfer_on_body);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, http_transfer_on_connected);
    curl_easy_setopt(e, CURLOPT_PREREQDATA, t);
    curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, http_transfer_on_socket);
    curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, t);
    curl_easy_setopt(e, CURLOPT_USERAGENT, t->config->user_agent);
    if (t->config->ca_file)
        curl_easy_setopt(e, CURLOPT_CAINFO, t->config->ca_file);
}

static void load_limits(struct http_transfer *t, const struct http_request *q)
{
    static const long versions[] = {
        [HTTP_VERSION_AUTO] = CURL_HTTP_VERSION_2TLS,
        [HTTP_VERSION_1_1] = CURL_HTTP_VERSION_1_1,
        [HTTP_VERSION_2] = CURL_HTTP_VERSION_2TLS,
    };
    long version;

    assert((size_t)q->version < ARRAY_LEN(versions));
    version = versions[q->version];
    if (q->version == HTTP_VERSION_2 && text_starts_with(q->url, "http:"))
        version = CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE;
    if (q->upgrade)
        version = CURL_HTTP_VERSION_1_1;
    t->keep = q->body_keep ? q->body_keep : HTTP_BODY_KEEP_DEFAULT;
    t->max = q->body_max ? q->body_max : HTTP_BODY_MAX_DEFAULT;
    buf_init(&t->response.body, t->keep + 1);
    t->connect_ms = q->connect_ms ? q->connect_ms : HTTP_CONNECT_MS_DEFAULT;
    t->total_ms = q->total_ms ? q->total_ms : HTTP_TOTAL_MS_DEFAULT;
    tell_long(t, HTTP_LONG_VERSION, CURLOPT_HTTP_VERSION, version);
    tell_long(t, HTTP_LONG_CONNECT_MS, CURLOPT_CONNECTTIMEOUT_MS, (long)t->connect_ms);
    tell_long(t, HTTP_LONG_TOTAL_MS, CURLOPT_TIMEOUT_MS, (long)t->total_ms);
    tell_long(t, HTTP_LONG_FRESH, CURLOPT_FRESH_CONNECT, q->fresh || q->handshake);
    tell_text(t, HTTP_TEXT_ENCODING, CURLOPT_ACCEPT_ENCODING, q->gzip ? "gzip" : NULL);
    if (q->ca_file) {
        curl_easy_setopt(t->easy, CURLOPT_CAINFO, q->ca_file);
        t->told.ready = false; /* only a reset brings libcurl's own bundle back */
    }
}

static void load_route(struct http_transfer *t, const struct http_request *q)
{
    tell_text(t, HTTP_TEXT_CERT, CURLOPT_SSLCERT, q->cert_file);
    tell_text(t, HTTP_TEXT_KEY, CURLOPT_SSLKEY, q->key_file ? q->key_file : q->cert_file);
    if (q->proxy || !t->told.direct) {
        curl_easy_setopt(t->easy, CURLOPT_PROXY, q->proxy ? q->proxy : "");
        curl_easy_setopt(t->easy, CURLOPT_NOPROXY, q->proxy ? "" : "*");
    }
    t->told.direct = !q->proxy;
}

bool http_transfer_load(struct http_transfer *t, const struct http_request *q)
{
    t->on_body = q->on_body;
    t->want_certificate = q->certificate;
    t->link_local = q->link_local;
    t->once = q->once;
    t->upgrade = q->upgrade;
    t->handshake = q->handshake;
    load_always(t);
    load_limits(t, q);
    load_route(t, q);
    load_url(t, q);
    return load_method(t, q) && load_headers(t, q);
}

static void wipe_slist(struct curl_slist **list)
{
    struct curl_slist *item;

    for (item = *list; item; item = item->next)
        explicit_bzero(item->data, strlen(item->data)); /* headers carry credentials */
    curl_slist_free_all(*list);
    *list = NULL;
}

void http_transfer_unload(struct http_transfer *t)
{
    if (!t->told.ready)
        curl_easy_reset(t->easy);
    if (t->headers)
        curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, NULL);
    tell_text(t, HTTP_TEXT_CONNECT_TO, CURLOPT_CONNECT_TO, NULL);
    tell_text(t, HTTP_TEXT_RESOLVE, CURLOPT_RESOLVE, NULL);
    if (!t->told.plain)
        curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, NULL);
    wipe_slist(&t->headers);
    wipe_slist(&t->connect_to);
    wipe_slist(&t->resolve);
    buf_wipe(&t->body);
}
