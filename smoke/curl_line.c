/* curl_line.c: one row an option of curl(1). */
#include "curl_line.h"

#include <string.h>
#include <strings.h>

#include "sluice/http.h"
#include "sluice/text.h"

/* ---- options
 * ---------------------------------------------------------------------------------------- */

struct reader {
    struct curl_line *line;
    bool get, json; /* -G, --json */
    bool method_said;
    struct err *err;
};

typedef bool take_option(struct reader *r, const char *value);

static bool note(struct reader *r, const char *text)
{
    if (r->line->notes_n < CURL_LINE_NOTES_MAX)
        r->line->notes[r->line->notes_n++] = text;
    return true;
}

static bool add_header(struct reader *r, const char *name, size_t name_len, const char *value)
{
    struct curl_line *line = r->line;

    if (line->headers_n == CURL_LINE_HEADERS_MAX)
        return err_set(r->err, ERR_USAGE, "more than %d headers", CURL_LINE_HEADERS_MAX);
    line->headers[line->headers_n++] =
        (struct curl_line_header){.name = arena_strndup(&line->mem, name, name_len),
                                  .value = arena_strdup(&line->mem, value)};
    return true;
}

static bool take_header(struct reader *r, const char *value)
{
    const char *colon = strchr(value, ':'), *rest;

    if (value[0] == '@')
        return err_set(r->err, ERR_USAGE, "-H @FILE cannot be imported: paste the headers");
    if (!colon || colon == value)
        return colon || err_set(r->err, ERR_USAGE, "-H '%s' is no header: NAME: VALUE", value);
    rest = colon + 1 + strspn(colon + 1, " \t");
    if (!*rest)
        return note(r, "an empty -H took a header of curl's away; smoke sends few of its own");
    return add_header(r, value, (size_t)(colon - value), rest);
}

static bool take_request(struct reader *r, const char *value)
{
    r->line->method = arena_strdup(&r->line->mem, value);
    r->method_said = true;
    return true;
}

static void join_data(struct reader *r)
{
    if (r->line->has_body)
        buf_add_char(&r->line->body, '&');
    r->line->has_body = true;
}

static bool take_raw(struct reader *r, const char *value)
{
    join_data(r);
    buf_add_str(&r->line->body, value);
    return true;
}

static bool take_data(struct reader *r, const char *value)
{
    if (value[0] == '@')
        return err_set(r->err, ERR_USAGE,
                       "a body from a file (%s) cannot be imported: put it into the suite by hand",
                       value);
    return take_raw(r, value);
}

static bool take_urlencode(struct reader *r, const char *value)
{
    const char *eq = strchr(value, '=');

    if (!eq && strchr(value, '@'))
        return take_data(r, "@");
    join_data(r);
    if (eq && eq > value)
        buf_add(&r->line->body, value, (size_t)(eq - value) + 1);
    value = eq ? eq + 1 : value;
    text_add_percent(&r->line->body, value, strlen(value), "");
    return true;
}

static bool take_json(struct reader *r, const char *value)
{
    if (value[0] == '@')
        return take_data(r, value);
    r->json = true;
    r->line->has_body = true;
    buf_add_str(&r->line->body, value);
    return true;
}

static bool take_user(struct reader *r, const char *value)
{
    const char *colon = strchr(value, ':');
    size_t len = colon ? (size_t)(colon - value) : strlen(value);

    r->line->user = arena_strndup(&r->line->mem, value, len);
    r->line->password = arena_strdup(&r->line->mem, colon ? colon + 1 : "");
    return true;
}

static bool take_cookie(struct reader *r, const char *value)
{
    if (!strchr(value, '='))
        return err_set(r->err, ERR_USAGE, "-b with a file cannot be imported: paste the cookies");
    return add_header(r, "Cookie", 6, value);
}

static bool take_agent(struct reader *r, const char *value)
{
    return add_header(r, "User-Agent", 10, value);
}

static bool take_referer(struct reader *r, const char *value)
{
    return add_header(r, "Referer", 7, value);
}

static bool take_bearer(struct reader *r, const char *value)
{
    const char *text = arena_printf(&r->line->mem, "Bearer %s", value);

    return add_header(r, "Authorization", 13, text);
}

static bool take_head(struct reader *r, const char *value)
{
    (void)value;
    return take_request(r, "HEAD");
}

static bool take_get(struct reader *r, const char *value)
{
    (void)value;
    r->get = true;
    return true;
}

static bool take_insecure(struct reader *r, const char *value)
{
    (void)value;
    return note(r, "-k is left out: certificates are always verified; --cacert FILE trusts another "
                   "authority");
}

static bool take_location(struct reader *r, const char *value)
{
    (void)value;
    return note(r, "-L is left out: a redirect is an answer, and is expected as such");
}

static bool take_pin(struct reader *r, const char *value)
{
    (void)value;
    return note(r, "--connect-to and --resolve are left out: give --connect-to to smoke");
}

static bool take_cacert(struct reader *r, const char *value)
{
    (void)value;
    return note(r, "--cacert is left out: give it to smoke");
}

static bool seconds(struct reader *r, const char *value, int64_t *out)
{
    double s;
    struct err why = {0};

    if (!text_parse_double(value, 0.001, 600, &s, &why))
        return err_set(r->err, ERR_USAGE, "'%s' is no time in seconds up to 600", value);
    *out = (int64_t)(s * 1000);
    return true;
}

static bool take_max_time(struct reader *r, const char *value)
{
    return seconds(r, value, &r->line->timeout_ms);
}

static bool take_connect_time(struct reader *r, const char *value)
{
    return seconds(r, value, &r->line->connect_ms);
}

static bool pass_over(struct reader *r, const char *value)
{
    (void)r;
    (void)value;
    return true;
}

static bool take_url(struct reader *r, const char *value)
{
    struct curl_line *line = r->line;
    const char *scheme, *rest, *at;
    size_t host_len;

    if (line->url)
        return err_set(r->err, ERR_USAGE, "two urls: '%s' and '%s'; import one command at a time",
                       line->url, value);
    value = arena_strndup(&line->mem, value, strcspn(value, "#"));
    scheme = strstr(value, "://");
    if (!scheme || strcspn(value, "/?") < (size_t)(scheme - value)) {
        note(r, "the url had no scheme: curl takes http for it");
        value = arena_printf(&line->mem, "http://%s", value);
        scheme = value + 4;
    }
    rest = scheme + 3;
    host_len = strcspn(rest, "/?#");
    at = memrchr(rest, '@', host_len);
    if (at) {
        take_user(r, arena_strndup(&line->mem, rest, (size_t)(at - rest)));
        value = arena_printf(&line->mem, "%.*s%s", (int)(rest - value), value, at + 1);
    }
    line->url = value;
    return true;
}

/* curl(1) of version 7.88. A row without a function is one that smoke cannot say. */
static const struct row {
    const char *name;
    char letter;
    bool value;
    take_option *take;
} rows[] = {
    {"header", 'H', true, take_header},
    {"request", 'X', true, take_request},
    {"data", 'd', true, take_data},
    {"data-ascii", 0, true, take_data},
    {"data-binary", 0, true, take_data},
    {"data-raw", 0, true, take_raw},
    {"data-urlencode", 0, true, take_urlencode},
    {"json", 0, true, take_json},
    {"user", 'u', true, take_user},
    {"oauth2-bearer", 0, true, take_bearer},
    {"cookie", 'b', true, take_cookie},
    {"user-agent", 'A', true, take_agent},
    {"referer", 'e', true, take_referer},
    {"head", 'I', false, take_head},
    {"get", 'G', false, take_get},
    {"url", 0, true, take_url},
    {"insecure", 'k', false, take_insecure},
    {"location", 'L', false, take_location},
    {"connect-to", 0, true, take_pin},
    {"resolve", 0, true, take_pin},
    {"cacert", 0, true, take_cacert},
    {"max-time", 'm', true, take_max_time},
    {"connect-timeout", 0, true, take_connect_time},
    {"silent", 's', false, pass_over},
    {"show-error", 'S', false, pass_over},
    {"include", 'i', false, pass_over},
    {"verbose", 'v', false, pass_over},
    {"fail", 'f', false, pass_over},
    {"fail-with-body", 0, false, pass_over},
    {"progress-bar", '#', false, pass_over},
    {"no-buffer", 'N', false, pass_over},
    {"compressed", 0, false, pass_over},
    {"globoff", 'g', false, pass_over},
    {"path-as-is", 0, false, pass_over},
    {"http1.1", 0, false, pass_over},
    {"http2", 0, false, pass_over},
    {"ipv4", '4', false, pass_over},
    {"ipv6", '6', false, pass_over},
    {"output", 'o', true, pass_over},
    {"remote-name", 'O', false, pass_over},
    {"write-out", 'w', true, pass_over},
    {"dump-header", 'D', true, pass_over},
    {"cookie-jar", 'c', true, pass_over},
    {"retry", 0, true, pass_over},
    {"basic", 0, false, pass_over},
    {"form", 'F', true, NULL},
    {"upload-file", 'T', true, NULL},
    {"cert", 'E', true, NULL},
    {"key", 0, true, NULL},
    {"proxy", 'x', true, NULL},
    {"digest", 0, false, NULL},
    {"ntlm", 0, false, NULL},
    {"negotiate", 0, false, NULL},
    {"aws-sigv4", 0, true, NULL},
    {"config", 'K', true, NULL},
};

static const struct row *find_row(const char *name, size_t len, char letter)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (name ? strlen(rows[i].name) == len && memcmp(rows[i].name, name, len) == 0
                 : rows[i].letter == letter)
            return &rows[i];
    return NULL;
}

static bool use_row(struct reader *r, const struct row *row, const char *shown, const char *value)
{
    if (!row)
        return err_set(r->err, ERR_USAGE,
                       "curl's option '%s' is not known here: leave it out, or write that check by "
                       "hand",
                       shown);
    if (!row->take)
        return err_set(r->err, ERR_USAGE,
                       "curl's option '%s' cannot be imported: smoke.yaml(5) says how a check "
                       "does it",
                       shown);
    if (row->value && !value)
        return err_set(r->err, ERR_USAGE, "curl's option '%s' needs a value", shown);
    return row->take(r, value);
}

static bool read_option(struct reader *r, const char *const *words, size_t n, size_t *i)
{
    const char *word = words[*i];

    if (word[1] == '-') {
        const struct row *row = find_row(word + 2, strlen(word + 2), 0);
        bool takes = row && row->value && *i + 1 < n;

        return use_row(r, row, word, takes ? words[++*i] : NULL);
    }
    for (const char *p = word + 1; *p; p++) {
        const struct row *row = find_row(NULL, 0, *p);
        const char shown[] = {'-', *p, 0};

        if (row && row->value) {
            const char *value = p[1] ? p + 1 : *i + 1 < n ? words[++*i] : NULL;

            return use_row(r, row, shown, value);
        }
        if (!use_row(r, row, shown, NULL))
            return false;
    }
    return true;
}

static bool has_header(const struct curl_line *line, const char *name)
{
    for (size_t i = 0; i < line->headers_n; i++)
        if (strcasecmp(line->headers[i].name, name) == 0)
            return true;
    return false;
}

/* What curl adds and implies once all options are known. */
static bool finish(struct reader *r)
{
    static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};
    struct curl_line *line = r->line;
    struct http_url parts = {0};
    struct err why = {0};
    size_t i;

    if (!line->url)
        return err_set(r->err, ERR_USAGE, "the curl command names no url");
    if (r->get && line->has_body) {
        line->url = arena_printf(&line->mem, "%s%c%s", line->url,
                                 strchr(line->url, '?') ? '&' : '?', buf_str(&line->body));
        line->has_body = false;
    }
    if (!http_url_parse(&parts, line->url, &why)) {
        http_url_clear(&parts);
        return err_set(r->err, ERR_USAGE, "'%.200s': %s", line->url, why.text);
    }
    http_url_clear(&parts);
    if (!r->method_said)
        line->method = line->has_body ? "POST" : "GET";
    for (i = 0; i < ARRAY_LEN(methods) && strcmp(line->method, methods[i]) != 0;)
        i++;
    if (i == ARRAY_LEN(methods))
        return err_set(r->err, ERR_USAGE, "the method '%.20s' is none that a suite has",
                       line->method);
    if (line->has_body && i < 2)
        return err_set(r->err, ERR_USAGE, "a %s request with a body is none that a suite has",
                       line->method);
    if (line->has_body && r->json && !has_header(line, "Accept") &&
        !add_header(r, "Accept", 6, "application/json"))
        return false;
    if (line->has_body && !has_header(line, "Content-Type"))
        return add_header(r, "Content-Type", 12,
                          r->json ? "application/json" : "application/x-www-form-urlencoded");
    return true;
}

bool curl_line_parse(struct curl_line *line, const char *const *words, size_t n, struct err *err)
{
    struct reader r = {.line = line, .err = err};

    line->method = "GET";
    if (n == 0 || (strcmp(words[0], "curl") != 0 && !text_ends_with(words[0], "/curl")))
        return err_set(err, ERR_USAGE, "this is no curl command: it begins with '%s'",
                       n ? words[0] : "");
    for (size_t i = 1; i < n; i++) {
        bool option = words[i][0] == '-' && words[i][1];

        if (option ? !read_option(&r, words, n, &i) : !take_url(&r, words[i]))
            return false;
    }
    return finish(&r);
}

void curl_line_clear(struct curl_line *line)
{
    buf_wipe(&line->body);
    arena_clear(&line->mem);
    *line = (struct curl_line){0};
}
