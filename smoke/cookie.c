/* cookie.c: RFC 6265 sections 5.1 to 5.4. */
#include "cookie.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "sluice/text.h"

static void wipe(struct cookie *c)
{
    if (c->value)
        explicit_bzero(c->value, strlen(c->value));
    free(c->name);
    free(c->value);
    free(c->domain);
    free(c->path);
    *c = (struct cookie){0};
}

static void drop(struct cookie_jar *jar, size_t i)
{
    wipe(&jar->list[i]);
    memmove(&jar->list[i], &jar->list[i + 1], (jar->n - i - 1) * sizeof jar->list[0]);
    jar->n--;
}

static bool is_address(const char *host)
{
    return host[0] == '[' || strspn(host, "0123456789.") == strlen(host);
}

/* Section 5.1.3; both lower case. */
static bool domain_match(const char *host, const char *domain)
{
    size_t h = strlen(host), d = strlen(domain);

    if (strcmp(host, domain) == 0)
        return true;
    return h > d && strcmp(host + h - d, domain) == 0 && host[h - d - 1] == '.' &&
           !is_address(host);
}

/* Section 5.1.4. */
static bool path_match(const char *path, const char *cookie_path)
{
    size_t n = strlen(cookie_path);

    if (strncmp(path, cookie_path, n) != 0)
        return false;
    return path[n] == '\0' || cookie_path[n - 1] == '/' || path[n] == '/';
}

static char *default_path(const char *path)
{
    const char *slash = strrchr(path, '/');

    return path[0] != '/' || slash == path ? x_strdup("/")
                                           : x_strndup(path, (size_t)(slash - path));
}

static void trim(const char **s, size_t *len)
{
    while (*len && isspace((unsigned char)**s)) {
        (*s)++;
        (*len)--;
    }
    while (*len && isspace((unsigned char)(*s)[*len - 1]))
        (*len)--;
}

/* Section 5.1.1 in the forms that are still sent: "Wed, 21 Oct 2026 07:28:00 GMT", also with
 * dashes. */
static bool parse_date(const char *s, int64_t *out)
{
    struct err err = {0};
    char *copy = x_strdup(s);
    bool ok;

    for (char *p = copy; *p; p++)
        if (*p == '-')
            *p = ' ';
    ok = text_parse_http_date_ms(copy, out, &err);
    free(copy);
    return ok;
}

/* Section 5.2.2: only a whole number counts. */
static bool parse_max_age(const char *s, int64_t now_ms, int64_t *out)
{
    struct err err = {0};
    int64_t seconds;

    if (s[0] == '-' && strspn(s + 1, "0123456789") == strlen(s + 1) && s[1]) {
        *out = INT64_MIN;
        return true;
    }
    if (strspn(s, "0123456789") != strlen(s) || !*s)
        return false;
    while (s[0] == '0' && s[1])
        s++;
    if (!text_parse_i64(s, 0, INT64_C(400) * 86400, &seconds, &err))
        seconds = INT64_C(400) * 86400;
    *out = seconds == 0 ? INT64_MIN : now_ms + seconds * 1000;
    return true;
}

struct attributes {
    bool has_max_age, bad_domain;
    int64_t now_ms;
};

static void set_domain(struct cookie *c, struct attributes *at, const struct http_url *url,
                       const char *value)
{
    char *domain;

    if (*value == '.')
        value++;
    if (!*value)
        return;
    domain = x_strdup(value);
    for (char *p = domain; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    at->bad_domain = !domain_match(url->host, domain) ||
                     (strcmp(url->host, domain) != 0 && !strchr(domain, '.'));
    free(c->domain);
    c->domain = domain;
    c->host_only = false;
}

static void set_attribute(struct cookie *c, struct attributes *at, const struct http_url *url,
                          const char *name, const char *value)
{
    int64_t t;

    if (strcasecmp(name, "secure") == 0) {
        c->secure = true;
    } else if (strcasecmp(name, "max-age") == 0) {
        if (parse_max_age(value, at->now_ms, &t)) {
            c->expires_ms = t;
            at->has_max_age = true;
        }
    } else if (strcasecmp(name, "expires") == 0) {
        if (!at->has_max_age && parse_date(value, &t))
            c->expires_ms = t;
    } else if (strcasecmp(name, "path") == 0) {
        free(c->path);
        c->path = value[0] == '/' ? x_strdup(value) : default_path(url->path);
    } else if (strcasecmp(name, "domain") == 0) {
        set_domain(c, at, url, value);
    }
}

static void read_attributes(struct cookie *c, struct attributes *at, const struct http_url *url,
                            const char *s)
{
    while (*s) {
        const char *name = s + (*s == ';'), *end = strchrnul(name, ';');
        const char *eq = memchr(name, '=', (size_t)(end - name));
        const char *value = eq ? eq + 1 : end;
        size_t name_len = (size_t)((eq ? eq : end) - name), value_len = (size_t)(end - value);
        char *n, *v;

        trim(&name, &name_len);
        trim(&value, &value_len);
        n = x_strndup(name, name_len);
        v = x_strndup(value, value_len);
        set_attribute(c, at, url, n, v);
        free(n);
        free(v);
        s = end;
    }
}

static void keep(struct cookie_jar *jar, struct cookie *c, int64_t now_ms)
{
    for (size_t i = 0; i < jar->n; i++)
        if (strcmp(jar->list[i].name, c->name) == 0 &&
            strcmp(jar->list[i].domain, c->domain) == 0 &&
            strcmp(jar->list[i].path, c->path) == 0) {
            drop(jar, i);
            break;
        }
    if (c->expires_ms <= now_ms) {
        wipe(c);
        return;
    }
    if (!jar->list)
        jar->list = x_calloc(COOKIE_JAR_MAX, sizeof *jar->list);
    if (jar->n == COOKIE_JAR_MAX)
        drop(jar, 0);
    jar->list[jar->n++] = *c;
}

void cookie_store(struct cookie_jar *jar, const struct http_url *url, const char *set_cookie,
                  int64_t now_ms)
{
    const char *end = strchrnul(set_cookie, ';');
    const char *eq = memchr(set_cookie, '=', (size_t)(end - set_cookie));
    const char *name = set_cookie, *value = eq ? eq + 1 : end;
    size_t name_len = (size_t)((eq ? eq : end) - name), value_len = (size_t)(end - value);
    struct attributes at = {.now_ms = now_ms};
    struct cookie c = {.host_only = true, .expires_ms = INT64_MAX};

    trim(&name, &name_len);
    trim(&value, &value_len);
    if (!eq || name_len == 0 || name_len + value_len > COOKIE_BYTES_MAX)
        return;
    for (const char *p = set_cookie; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return;
    c.name = x_strndup(name, name_len);
    c.value = x_strndup(value, value_len);
    c.domain = x_strdup(url->host);
    c.path = default_path(url->path);
    read_attributes(&c, &at, url, end);
    if (at.bad_domain)
        wipe(&c);
    else
        keep(jar, &c, now_ms);
}

static bool belongs(const struct cookie *c, const struct http_url *url, int64_t now_ms)
{
    if (c->expires_ms <= now_ms || (c->secure && strcmp(url->scheme, "https") != 0))
        return false;
    if (c->host_only ? strcmp(url->host, c->domain) != 0 : !domain_match(url->host, c->domain))
        return false;
    return path_match(url->path, c->path);
}

static bool is_among(const char *name, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i], name) == 0)
            return true;
    return false;
}

void cookie_format(const struct cookie_jar *jar, const struct http_url *url, int64_t now_ms,
                   const char *const *without, size_t without_n, struct buf *out)
{
    size_t order[COOKIE_JAR_MAX], n = 0;

    for (size_t i = 0; i < jar->n; i++) {
        size_t at = n;

        if (!belongs(&jar->list[i], url, now_ms) || is_among(jar->list[i].name, without, without_n))
            continue;
        while (at > 0 && strlen(jar->list[order[at - 1]].path) < strlen(jar->list[i].path)) {
            order[at] = order[at - 1];
            at--;
        }
        order[at] = i;
        n++;
    }
    for (size_t i = 0; i < n; i++)
        buf_addf(out, "%s%s=%s", out->len ? "; " : "", jar->list[order[i]].name,
                 jar->list[order[i]].value);
}

void cookie_jar_clear(struct cookie_jar *jar)
{
    for (size_t i = 0; i < jar->n; i++)
        wipe(&jar->list[i]);
    free(jar->list);
    *jar = (struct cookie_jar){0};
}

void cookie_jar_add(struct cookie_jar *jar, const struct cookie_jar *from)
{
    for (size_t i = 0; i < from->n; i++) {
        const struct cookie *c = &from->list[i];

        for (size_t k = jar->n; k-- > 0;)
            if (strcmp(jar->list[k].name, c->name) == 0 &&
                strcmp(jar->list[k].domain, c->domain) == 0 &&
                strcmp(jar->list[k].path, c->path) == 0)
                drop(jar, k);
        if (jar->n == COOKIE_JAR_MAX)
            drop(jar, 0);
        jar->list = x_realloc(jar->list, jar->n + 1, sizeof *jar->list);
        jar->list[jar->n++] = (struct cookie){.name = x_strdup(c->name),
                                              .value = x_strdup(c->value),
                                              .domain = x_strdup(c->domain),
                                              .path = x_strdup(c->path),
                                              .host_only = c->host_only,
                                              .secure = c->secure,
                                              .expires_ms = c->expires_ms};
    }
}

/* ---- looking at one answer
 * ------------------------------------------------------------------------- */

static const char *find_line(const struct http_response *r, const char *name)
{
    size_t n = strlen(name);
    const char *found = NULL;

    for (size_t i = 0; i < r->fields_n; i++) {
        const char *value = r->fields[i].value;

        if (strcasecmp(r->fields[i].name, "Set-Cookie") == 0 && strncmp(value, name, n) == 0 &&
            value[n] == '=')
            found = value;
    }
    return found;
}

bool cookie_find_set(const struct http_response *response, const char *name, const char **value,
                     size_t *len)
{
    const char *line = find_line(response, name);

    if (!line)
        return false;
    *value = line + strlen(name) + 1;
    *len = strcspn(*value, ";");
    trim(value, len);
    return true;
}

bool cookie_find_attribute(const struct http_response *response, const char *name,
                           const char *attribute, const char **value, size_t *len)
{
    const char *p = find_line(response, name);
    size_t n = strlen(attribute);

    for (p = p ? strchr(p, ';') : NULL; p; p = strchr(p, ';')) {
        p++;
        p += strspn(p, " \t");
        if (strncasecmp(p, attribute, n) != 0 || !strchr("=; \t", p[n]))
            continue;
        *value = p + n + (p[n] == '=');
        *len = strcspn(*value, ";");
        trim(value, len);
        return true;
    }
    return false;
}
