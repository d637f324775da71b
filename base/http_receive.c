#include "http_internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "sluice/clock.h"
#include "sluice/text.h"

#define FOLDED_FIELD_MAX (16 * 1024) /* a field continued on many lines */

static struct http_field *last_field(struct http_transfer *t)
{
    return t->response.fields_n ? &t->response.fields[t->response.fields_n - 1] : NULL;
}

void http_response_drop_fields(struct http_response *r)
{
    size_t i;

    for (i = 0; i < r->fields_n; i++)
        free(r->fields[i].name); /* its value lies behind it */
    free(r->fields);
    r->fields = NULL;
    r->fields_n = 0;
}

static void trim(const char **s, size_t *len)
{
    while (*len && strchr(" \t\r\n", **s))
        (*s)++, (*len)--;
    while (*len && strchr(" \t\r\n", (*s)[*len - 1]))
        (*len)--;
}

/* Name and value in one piece of memory. */
static struct http_field new_field(const char *name, size_t name_len, const char *value,
                                   size_t value_len)
{
    char *both = x_malloc(name_len + value_len + 2);

    memcpy(both, name, name_len);
    both[name_len] = '\0';
    memcpy(both + name_len + 1, value, value_len);
    both[name_len + 1 + value_len] = '\0';
    return (struct http_field){both, both + name_len + 1};
}

static void add_field(struct http_transfer *t, const char *line, size_t len)
{
    struct http_response *r = &t->response;
    const char *colon = memchr(line, ':', len), *value;
    size_t value_len;

    if (!colon)
        return; /* libcurl has refused what is no header at all */
    value = colon + 1;
    value_len = len - (size_t)(value - line);
    trim(&value, &value_len);
    if (!(r->fields_n & (r->fields_n - 1))) /* room doubles at 1, 2, 4, 8 ... */
        r->fields = x_realloc(r->fields, r->fields_n ? 2 * r->fields_n : 1, sizeof *r->fields);
    r->fields[r->fields_n++] = new_field(line, (size_t)(colon - line), value, value_len);
}

/* A line that begins with a blank goes on with the field above (RFC 9112 section 5.2). */
static void extend_field(struct http_transfer *t, const char *line, size_t len)
{
    struct http_field *f = last_field(t);
    struct buf value SL_CLEANUP(buf_clear) = {0};
    struct http_field longer;

    trim(&line, &len);
    if (!f || !len || strlen(f->value) + len > FOLDED_FIELD_MAX)
        return;
    buf_addf(&value, "%s ", f->value);
    buf_add(&value, line, len);
    longer = new_field(f->name, strlen(f->name), buf_str(&value), value.len);
    free(f->name);
    *f = longer;
}

/* More than one coding is how a bomb gets past a limit on one (curl's CVE-2022-32206). */
static bool coding_is_single(const struct http_response *r)
{
    size_t i, n = 0;

    for (i = 0; i < r->fields_n; i++)
        if (text_eq_nocase(r->fields[i].name, "content-encoding"))
            n += strchr(r->fields[i].value, ',') ? 2 : 1;
    return n <= 1;
}

size_t http_transfer_on_header(char *line, size_t size, size_t n, void *ctx)
{
    struct http_transfer *t = ctx;
    size_t len = size * n;

    t->header_bytes += len;
    if (t->header_bytes > HTTP_HEADER_BYTES_MAX) {
        t->fault = HTTP_TOO_LARGE;
        http_transfer_say(t, HTTP_TOO_LARGE, "the header of the answer is above %zu KiB",
                          HTTP_HEADER_BYTES_MAX / 1024);
        return 0;
    }
    if (len >= 5 && !memcmp(line, "HTTP/", 5)) {
        http_response_drop_fields(&t->response); /* an interim answer went before */
        t->header_done = false;
        t->switching = len >= 12 && !memcmp(line + 8, " 101", 4);
        return len;
    }
    if (t->header_done)
        return len; /* trailers */
    if (len <= 2 && (line[0] == '\r' || line[0] == '\n')) {
        t->header_done = true;
        if (t->upgrade && t->switching) {
            t->response.stopped = true; /* what follows is no HTTP */
            return 0;
        }
        if (coding_is_single(&t->response))
            return len;
        t->fault = HTTP_PROTOCOL;
        http_transfer_say(t, HTTP_PROTOCOL, "more than one content coding");
        return 0;
    }
    if (line[0] == ' ' || line[0] == '\t')
        extend_field(t, line, len);
    else
        add_field(t, line, len);
    return len;
}

size_t http_transfer_on_body(char *data, size_t size, size_t n, void *ctx)
{
    struct http_transfer *t = ctx;
    struct http_response *r = &t->response;
    size_t len = size * n, room = t->keep - r->body.len;

    r->body_bytes += len;
    buf_add(&r->body, data, len < room ? len : room);
    r->truncated = r->body_bytes > r->body.len;
    if (t->on_body && !t->on_body(t->ctx, data, len, clock_boot_us() - t->started_us)) {
        r->stopped = true;
        return 0;
    }
    if (r->body_bytes <= t->max)
        return len;
    t->fault = HTTP_TOO_LARGE;
    http_transfer_say(t, HTTP_TOO_LARGE, "the body of the answer is above %zu KiB", t->max / 1024);
    return 0;
}

int http_transfer_on_connected(void *ctx, char *ip, char *local_ip, int port, int local_port)
{
    struct http_transfer *t = ctx;
    struct curl_tlssessioninfo *tls = NULL;

    (void)ip, (void)local_ip, (void)port, (void)local_port;
    if (t->once && t->sent) {
        t->fault = HTTP_RESET;
        http_transfer_say(t, HTTP_RESET, "%s closed the connection without an answer", t->where);
        return CURL_PREREQFUNC_ABORT;
    }
    if (!t->sent && curl_easy_getinfo(t->easy, CURLINFO_TLS_SSL_PTR, &tls) == CURLE_OK && tls &&
        tls->backend == CURLSSLBACKEND_OPENSSL && tls->internals) {
        t->response.tls_version = crypto_tls_version(tls->internals);
        /* From the connection itself: CURLINFO_CERTINFO knows nothing on a reused one. */
        if (t->want_certificate)
            crypto_tls_peer(&t->response.certificate, tls->internals);
    }
    if (t->handshake) {
        t->response.stopped = true;
        return CURL_PREREQFUNC_ABORT;
    }
    t->sent = true;
    t->response.timing.sent_at_us = clock_boot_us();
    return CURL_PREREQFUNC_OK;
}

static bool is_link_local(const struct sockaddr *sa)
{
    static const uint8_t ec2[16] = {0xfd, 0, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0x54};
    const struct in6_addr *v6 = &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;
    uint32_t v4;

    if (sa->sa_family == AF_INET6 && !IN6_IS_ADDR_V4MAPPED(v6))
        return IN6_IS_ADDR_LINKLOCAL(v6) || !memcmp(v6->s6_addr, ec2, sizeof ec2);
    if (sa->sa_family == AF_INET6)
        memcpy(&v4, v6->s6_addr + 12, sizeof v4);
    else if (sa->sa_family == AF_INET)
        v4 = ((const struct sockaddr_in *)(const void *)sa)->sin_addr.s_addr;
    else
        return false;
    return ntohl(v4) >> 16 == 0xa9fe;
}

curl_socket_t http_transfer_on_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *addr)
{
    struct http_transfer *t = ctx;
    int fd;

    (void)purpose;
    if (!t->link_local && is_link_local(&addr->addr)) {
        t->fault = HTTP_INVALID;
        http_transfer_say(t, HTTP_INVALID, "%s is a link-local address; refused", t->where);
        return CURL_SOCKET_BAD;
    }
    fd = socket(addr->family, addr->socktype | SOCK_CLOEXEC, addr->protocol);
    if (fd < 0)
        t->socket_errno = errno;
    return fd;
}
