#include "sluice/http.h"

#include <string.h>

#include "http_internal.h"

#include "sluice/text.h"

#define URL_FLAGS (CURLU_DISALLOW_USER | CURLU_PATH_AS_IS)

static bool has_foul_byte(const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s <= 0x20 || *s == 0x7f)
            return true;
    return false;
}

/* libcurl would turn such a name into its ASCII form, or not, as the locale and its own build
 * allow. */
static bool has_foreign_host(const char *url)
{
    const char *host = strstr(url, "://");

    for (host = host ? host + 3 : ""; *host && !strchr("/?#", *host); host++)
        if ((unsigned char)*host >= 0x80)
            return true;
    return false;
}

static bool set_part(CURLU *u, const char *url, struct err *err)
{
    CURLUcode code;

    if (strlen(url) > HTTP_URL_MAX)
        return err_set(err, ERR_FILE, "url of %zu bytes is above %d", strlen(url), HTTP_URL_MAX);
    if (has_foul_byte(url))
        return err_set(err, ERR_FILE, "url with a blank or a control byte in it");
    if (has_foreign_host(url))
        return err_set(err, ERR_FILE,
                       "url with a host that is not ASCII; write it in its xn-- form");
    code = curl_url_set(u, CURLUPART_URL, url, URL_FLAGS);
    if (code == CURLUE_USER_NOT_ALLOWED)
        return err_set(err, ERR_FILE, "url with a user name in it");
    if (code != CURLUE_OK)
        return err_set(err, ERR_FILE, "not an absolute http url: %s", curl_url_strerror(code));
    return true;
}

/* NULL where the url has no such part. */
static char *get_part(CURLU *u, CURLUPart part, unsigned int flags)
{
    char *text = NULL, *copy;

    if (curl_url_get(u, part, &text, flags) != CURLUE_OK)
        return NULL;
    copy = x_strdup(text);
    curl_free(text);
    return copy;
}

static bool is_http(CURLU *u)
{
    char *scheme = get_part(u, CURLUPART_SCHEME, 0);
    bool ok = scheme && (!strcmp(scheme, "http") || !strcmp(scheme, "https"));

    free(scheme);
    return ok;
}

static void lower(char *s)
{
    for (; s && *s; s++)
        if (*s >= 'A' && *s <= 'Z')
            *s = (char)(*s + 'a' - 'A');
}

/* ---- origins that were parsed before
 * ------------------------------------------------------------------ */

/* A suite names few origins and many paths, and libcurl takes microseconds to part a url. What it
 * made of an origin is kept; path and query of a url of plain bytes need no library. One thread. */
#define ORIGINS_KEPT     1024
#define ORIGIN_BYTES_MAX 300

static struct origin {
    char *text; /* "https://www.example.com:8443", as it was written */
    char *scheme, *host;
    uint16_t port;
} origins[ORIGINS_KEPT];

static size_t origin_len(const char *url)
{
    const char *host = strstr(url, "://");

    return host ? (size_t)(host + 3 - url) + strcspn(host + 3, "/?#") : 0;
}

static struct origin *origin_slot(const char *url, size_t len)
{
    uint32_t h = 2166136261u; /* FNV-1a */

    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)url[i]) * 16777619u;
    return &origins[h % ORIGINS_KEPT];
}

/* How many bytes of a path or query stand for themselves. strspn() would build its table anew for
 * every url. */
static size_t plain_len(const char *s)
{
    size_t n = 0;

    while ((s[n] >= 'a' && s[n] <= 'z') || (s[n] >= 'A' && s[n] <= 'Z') ||
           (s[n] >= '0' && s[n] <= '9') || (s[n] && strchr("-._~/&=+%:,;@!*", s[n])))
        n++;
    return n;
}

static bool parse_known(struct http_url *out, const char *url)
{
    size_t len = origin_len(url), path, query;
    const struct origin *o;

    if (len == 0 || len > ORIGIN_BYTES_MAX || (url[len] != '/' && url[len] != '\0'))
        return false;
    o = origin_slot(url, len);
    if (!o->text || strncmp(o->text, url, len) != 0 || o->text[len] != '\0')
        return false;
    path = plain_len(url + len);
    query = url[len + path] == '?' ? plain_len(url + len + path + 1) : 0;
    if (url[len + path + (url[len + path] == '?') + query] != '\0' ||
        len + path + query > HTTP_URL_MAX - 1)
        return false;
    out->scheme = x_strdup(o->scheme);
    out->host = x_strdup(o->host);
    out->port = o->port;
    out->path = path ? x_strndup(url + len, path) : x_strdup("/");
    if (query)
        out->query = x_strndup(url + len + path + 1, query);
    return true;
}

static void keep_origin(const struct http_url *parts, const char *url)
{
    size_t len = origin_len(url);
    struct origin *o;

    if (len == 0 || len > ORIGIN_BYTES_MAX)
        return;
    o = origin_slot(url, len);
    free(o->text);
    free(o->scheme);
    free(o->host);
    *o = (struct origin){.text = x_strndup(url, len),
                         .scheme = x_strdup(parts->scheme),
                         .host = x_strdup(parts->host),
                         .port = parts->port};
}

static bool parse_new(struct http_url *out, const char *url, struct err *err)
{
    CURLU *u = curl_url();
    char *port;
    uint32_t number = 0;
    bool ok;

    memset(out, 0, sizeof *out);
    ok = set_part(u, url, err);
    if (ok && !is_http(u))
        ok = err_set(err, ERR_FILE, "neither http nor https");
    if (ok) {
        out->scheme = get_part(u, CURLUPART_SCHEME, 0);
        out->host = get_part(u, CURLUPART_HOST, 0);
        out->path = get_part(u, CURLUPART_PATH, 0);
        out->query = get_part(u, CURLUPART_QUERY, 0);
        lower(out->host);
        port = get_part(u, CURLUPART_PORT, CURLU_DEFAULT_PORT);
        ok = port && text_parse_u32(port, 1, 65535, &number, err);
        out->port = (uint16_t)number;
        free(port);
    }
    curl_url_cleanup(u);
    return ok || err_set(err, ERR_FILE, "not an http url");
}

bool http_url_parse(struct http_url *out, const char *url, struct err *err)
{
    memset(out, 0, sizeof *out);
    if (parse_known(out, url))
        return true;
    if (!parse_new(out, url, err))
        return false;
    keep_origin(out, url);
    return true;
}

void http_url_clear(struct http_url *url)
{
    free(url->scheme);
    free(url->host);
    free(url->path);
    free(url->query);
    memset(url, 0, sizeof *url);
}

bool http_url_same_origin(const struct http_url *a, const struct http_url *b)
{
    return !strcmp(a->scheme, b->scheme) && !strcmp(a->host, b->host) && a->port == b->port;
}

bool http_url_resolve(struct buf *out, const char *base, const char *ref, struct err *err)
{
    CURLU *u = curl_url();
    char *text = NULL;
    bool ok = set_part(u, base, err) && set_part(u, ref, err);

    if (ok && !is_http(u))
        ok = err_set(err, ERR_FILE, "neither http nor https");
    if (ok) {
        curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0);
        text = get_part(u, CURLUPART_URL, 0);
        ok = text || err_set(err, ERR_FILE, "not an http url");
    }
    if (ok)
        buf_add_str(out, text);
    free(text);
    curl_url_cleanup(u);
    return ok;
}
