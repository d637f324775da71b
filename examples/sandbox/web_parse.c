#include "web_parse.h"

#include <string.h>

#include "sluice/text.h"

#define CHUNKS_MAX 65536

void web_parse_add(struct web_parse *p, const void *data, size_t len, int64_t now_us)
{
    if (!p->in.len)
        p->first_us = now_us;
    p->last_us = now_us;
    p->in.max = WEB_HEAD_MAX + 2 * WEB_BODY_MAX;
    buf_add(&p->in, data, len);
}

bool web_parse_full(const struct web_parse *p)
{
    return p->in.len > WEB_HEAD_MAX + WEB_BODY_MAX;
}

void web_parse_clear(struct web_parse *p)
{
    buf_clear(&p->in);
    arena_clear(&p->mem);
}

void web_parse_next(struct web_parse *p)
{
    size_t left = p->in.len - p->used;

    memmove(p->in.data, p->in.data + p->used, left);
    buf_cut(&p->in, left);
    p->used = 0;
    p->continued = false;
    p->first_us = p->last_us;
    arena_clear(&p->mem);
    p->request = (struct web_request){0};
}

static enum web_parsed bad(struct web_parse *p, int status, const char *fault)
{
    p->used = p->in.len;
    p->status = status;
    p->fault = fault;
    return WEB_BAD;
}

static bool parse_line(struct web_parse *p, char *line)
{
    struct web_request *rq = &p->request;
    char *target = strchr(line, ' '), *version, *mark;

    if (!target || target == line)
        return false;
    *target++ = '\0';
    version = strchr(target, ' ');
    if (!version || (*target != '/' && strcmp(target, "*") != 0))
        return false;
    *version++ = '\0';
    if (strcmp(version, "HTTP/1.1") != 0 && strcmp(version, "HTTP/1.0") != 0)
        return false;
    p->keep_alive = strcmp(version, "HTTP/1.1") == 0;
    rq->method = line;
    rq->target = target;
    mark = strchr(target, '?');
    rq->path = mark ? arena_strndup(&p->mem, target, (size_t)(mark - target)) : target;
    rq->query = mark ? mark + 1 : "";
    return true;
}

static bool parse_header(struct web_request *rq, char *line)
{
    char *colon = strchr(line, ':'), *value, *end;

    if (!colon || colon == line || rq->n_headers == WEB_HEADERS_MAX)
        return false;
    for (const char *s = line; s < colon; s++) {
        if (*s <= ' ' || *s == 0x7f)
            return false;
    }
    *colon = '\0';
    value = colon + 1;
    while (*value == ' ' || *value == '\t')
        value++;
    end = value + strlen(value);
    while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
        *--end = '\0';
    rq->headers[rq->n_headers++] = (struct web_header){line, value};
    return true;
}

static bool parse_head(struct web_parse *p, size_t len)
{
    struct web_request *rq = &p->request;
    char *text = arena_strndup(&p->mem, p->in.data, len);
    char *line = text;

    *rq = (struct web_request){0};
    if (strlen(text) != len)
        return false;
    rq->headers = arena_array(&p->mem, WEB_HEADERS_MAX, sizeof *rq->headers);
    for (bool first = true; line; first = false) {
        char *end = strstr(line, "\r\n");

        if (end)
            *end = '\0';
        if (first ? !parse_line(p, line) : !parse_header(rq, line))
            return false;
        line = end ? end + 2 : NULL;
    }
    return true;
}

/* RFC 9112 7.1. Trailers are skipped. */
static enum web_parsed dechunk(struct web_parse *p, size_t at)
{
    struct buf body SL_CLEANUP(buf_clear) = {0};

    for (int i = 0; i < CHUNKS_MAX; i++) {
        char *line = p->in.data + at;
        char *end = memmem(line, p->in.len - at, "\r\n", 2);
        unsigned long long size;
        char *stop;

        if (!end)
            return WEB_MORE;
        size = strtoull(line, &stop, 16);
        if (stop == line || size > WEB_BODY_MAX || body.len + size > WEB_BODY_MAX)
            return bad(p, 400, "bad chunk\n");
        at = (size_t)(end - p->in.data) + 2;
        if (!size)
            break;
        if (p->in.len < at + size + 2)
            return WEB_MORE;
        buf_add(&body, p->in.data + at, size);
        at += size + 2;
    }
    for (;;) {
        char *end = memmem(p->in.data + at, p->in.len - at, "\r\n", 2);

        if (!end)
            return WEB_MORE;
        if (end == p->in.data + at)
            break;
        at = (size_t)(end - p->in.data) + 2;
    }
    p->used = at + 2;
    p->request.body = arena_strndup(&p->mem, buf_str(&body), body.len);
    p->request.body_len = body.len;
    return WEB_READY;
}

static enum web_parsed take_body(struct web_parse *p, size_t at)
{
    const char *coding = web_header(&p->request, "Transfer-Encoding");
    const char *length = web_header(&p->request, "Content-Length");
    int64_t len = 0;

    if (coding && text_eq_nocase(coding, "chunked"))
        return dechunk(p, at);
    if (coding)
        return bad(p, 501, "unknown transfer coding\n");
    if (length && !text_parse_i64(length, 0, WEB_BODY_MAX, &len, &(struct err){0}))
        return bad(p, 413, "bad or too great a Content-Length\n");
    if (p->in.len - at < (size_t)len)
        return WEB_MORE;
    p->used = at + (size_t)len;
    p->request.body = arena_strndup(&p->mem, p->in.data + at, (size_t)len);
    p->request.body_len = (size_t)len;
    return WEB_READY;
}

enum web_parsed web_parse_try(struct web_parse *p, bool tls)
{
    const char *end, *header;
    enum web_parsed got;

    if (!p->in.len)
        return WEB_MORE;
    end = memmem(p->in.data, p->in.len, "\r\n\r\n", 4);
    if (!end)
        return p->in.len > WEB_HEAD_MAX ? bad(p, 431, "the head is too long\n") : WEB_MORE;
    arena_clear(&p->mem);
    if (!parse_head(p, (size_t)(end - p->in.data)))
        return bad(p, 400, "bad request\n");
    got = take_body(p, (size_t)(end - p->in.data) + 4);
    if (got == WEB_MORE) {
        header = web_header(&p->request, "Expect");
        if (header && text_eq_nocase(header, "100-continue") && !p->continued) {
            p->continued = true;
            return WEB_CONTINUE;
        }
        return web_parse_full(p) ? bad(p, 413, "the body is too long\n") : WEB_MORE;
    }
    if (got != WEB_READY)
        return got;
    header = web_header(&p->request, "Connection");
    if (header && text_eq_nocase(header, "close"))
        p->keep_alive = false;
    else if (header && text_eq_nocase(header, "keep-alive"))
        p->keep_alive = true;
    p->request.tls = tls;
    p->request.first_us = p->first_us;
    p->request.done_us = p->last_us;
    return WEB_READY;
}

const char *web_header(const struct web_request *rq, const char *name)
{
    for (size_t i = 0; i < rq->n_headers; i++) {
        if (text_eq_nocase(rq->headers[i].name, name))
            return rq->headers[i].value;
    }
    return NULL;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

char *web_decode(struct arena *mem, const char *s, size_t len, bool plus_is_blank)
{
    char *out = arena_alloc(mem, len + 1);
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        if (s[i] == '%' && i + 2 < len && hex_digit(s[i + 1]) >= 0 && hex_digit(s[i + 2]) >= 0) {
            out[n++] = (char)(hex_digit(s[i + 1]) * 16 + hex_digit(s[i + 2]));
            i += 2;
        } else {
            out[n++] = s[i] == '+' && plus_is_blank ? ' ' : s[i];
        }
    }
    out[n] = '\0';
    return out;
}

const char *web_field(struct arena *mem, const char *fields, const char *name)
{
    while (*fields) {
        size_t len = strcspn(fields, "&");
        const char *eq = memchr(fields, '=', len);
        size_t name_len = eq ? (size_t)(eq - fields) : len;

        if (strcmp(web_decode(mem, fields, name_len, true), name) == 0)
            return eq ? web_decode(mem, eq + 1, len - name_len - 1, true) : "";
        fields += len + (fields[len] == '&');
    }
    return NULL;
}

struct web_request *web_request_copy(struct arena *mem, const struct web_request *rq)
{
    struct web_request *copy = arena_alloc(mem, sizeof *copy);

    *copy = *rq;
    copy->method = arena_strdup(mem, rq->method);
    copy->target = arena_strdup(mem, rq->target);
    copy->path = arena_strdup(mem, rq->path);
    copy->query = arena_strdup(mem, rq->query);
    copy->body = arena_strndup(mem, rq->body, rq->body_len);
    copy->headers = arena_array(mem, rq->n_headers ? rq->n_headers : 1, sizeof *copy->headers);
    for (size_t i = 0; i < rq->n_headers; i++)
        copy->headers[i] = (struct web_header){arena_strdup(mem, rq->headers[i].name),
                                               arena_strdup(mem, rq->headers[i].value)};
    return copy;
}

struct reason {
    int status;
    const char *text;
};

static const struct reason reasons[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {413, "Content Too Large"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
};

const char *web_reason(int status)
{
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
        if (reasons[i].status == status)
            return reasons[i].text;
    }
    return "Status";
}
