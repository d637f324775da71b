#include "dns_client.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sluice/clock.h"
#include "sluice/crypto.h"
#include "sluice/file.h"
#include "sluice/text.h"

#define PORT_DEFAULT      53
#define TRIES_MAX         20u
#define DATAGRAMS_A_STEP  16 /* of one socket: a forger that floods it gets no more of our time */
#define RESOLV_CONF_BYTES ((size_t)64 * 1024)

enum stage { WAITING, UDP, TCP_CONNECTING, TCP_READING };

struct question {
    struct question *next;
    enum stage stage;
    int fd;
    char server[DNS_CLIENT_SERVERS_MAX][DNS_SERVER_TEXT_MAX];
    size_t servers_n;
    struct sockaddr_storage to;
    socklen_t to_len;
    struct buf query; /* with room for the length in front, as TCP wants it */
    struct buf reply; /* TCP */
    uint32_t tried, tries, try_ms;
    int64_t deadline_ms, sent_us;
    bool some_route, some_code;
    struct dns_done done;
};

struct dns_client {
    struct question *active[DNS_CLIENT_FDS_MAX];
    size_t active_n;
    struct question *waiting, **waiting_end;
    struct question *finished, **finished_end;
    size_t open;
    uint64_t last_id;
};

static const char *const outcome_names[] = {
    [DNS_ANSWERED] = "answered", [DNS_FAILED] = "failed",   [DNS_SILENT] = "silent",
    [DNS_NO_ROUTE] = "no_route", [DNS_INVALID] = "invalid",
};
_Static_assert(ARRAY_LEN(outcome_names) == DNS_OUTCOME_COUNT, "a name for every outcome");

const char *dns_outcome_name(enum dns_outcome outcome)
{
    return (size_t)outcome < ARRAY_LEN(outcome_names) ? outcome_names[outcome] : "unknown";
}

/* -- addresses --------------------------------------------------------------------------------- */

static bool split(const char *text, char host[DNS_SERVER_TEXT_MAX], uint32_t *port)
{
    const char *colon = strrchr(text, ':'), *end = text + strlen(text);
    bool has_port;

    *port = PORT_DEFAULT;
    has_port = text[0] == '[' ? colon && colon > text && colon[-1] == ']'
                              : colon && strchr(text, ':') == colon;
    if (has_port) {
        if (!text_parse_u32(colon + 1, 1, UINT16_MAX, port, NULL))
            return false;
        end = colon;
    }
    if (text[0] == '[') {
        text++;
        if (end <= text || *--end != ']')
            return false;
    }
    if ((size_t)(end - text) >= DNS_SERVER_TEXT_MAX)
        return false;
    memcpy(host, text, (size_t)(end - text));
    host[end - text] = '\0';
    return true;
}

static bool parse_server(const char *text, struct sockaddr_storage *out, socklen_t *len)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)out;
    char host[DNS_SERVER_TEXT_MAX];
    uint32_t port;

    memset(out, 0, sizeof *out);
    if (!split(text, host, &port))
        return false;
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)port);
        *len = sizeof *v4;
        return true;
    }
    if (inet_pton(AF_INET6, host, &v6->sin6_addr) != 1)
        return false;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons((uint16_t)port);
    *len = sizeof *v6;
    return true;
}

bool dns_server_is_address(const char *text)
{
    struct sockaddr_storage a;
    socklen_t len;

    return parse_server(text, &a, &len);
}

bool dns_server_format(struct buf *out, const char *text, struct err *err)
{
    char host[DNS_SERVER_TEXT_MAX];
    uint32_t port;

    if (!dns_server_is_address(text) || !split(text, host, &port))
        return err_set(err, ERR_FILE, "\"%s\" is no address of a name server", text);
    buf_addf(out, strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, port);
    return true;
}

void dns_resolvers_load(struct dns_resolvers *out, const char *path)
{
    struct buf text SL_CLEANUP(buf_clear) = {0};
    char *line, *save = NULL, address[DNS_SERVER_TEXT_MAX];

    memset(out, 0, sizeof *out);
    if (!file_read(&text, path ? path : "/etc/resolv.conf", RESOLV_CONF_BYTES, NULL))
        buf_reset(&text);
    for (line = text.len ? strtok_r(text.data, "\n", &save) : NULL; line;
         line = strtok_r(NULL, "\n", &save)) {
        struct buf formed SL_CLEANUP(buf_clear) = {0};

        if (out->n < DNS_CLIENT_SERVERS_MAX && sscanf(line, "nameserver %63s", address) == 1 &&
            dns_server_format(&formed, address, NULL))
            snprintf(out->address[out->n++], DNS_SERVER_TEXT_MAX, "%s", buf_str(&formed));
    }
    if (!out->n)
        snprintf(out->address[out->n++], DNS_SERVER_TEXT_MAX, "127.0.0.1:53");
}

/* -- one question ------------------------------------------------------------------------------ */

static void question_free(struct question *q)
{
    file_close(&q->fd);
    buf_clear(&q->query);
    buf_clear(&q->reply);
    dns_answer_clear(&q->done.answer);
    free(q);
}

static const uint8_t *message(const struct question *q)
{
    return (const uint8_t *)q->query.data + 2;
}

static void finish(struct dns_client *c, struct question *q, enum dns_outcome outcome)
{
    file_close(&q->fd);
    q->done.outcome = outcome;
    if (outcome == DNS_ANSWERED)
        q->done.reason[0] = '\0';
    q->next = NULL;
    *c->finished_end = q;
    c->finished_end = &q->next;
}

static void say(struct question *q, const char *what)
{
    snprintf(q->done.reason, sizeof q->done.reason, "%s %s", q->done.server, what);
}

static bool is_no_route(int e)
{
    return e == ENETUNREACH || e == EHOSTUNREACH || e == EAFNOSUPPORT || e == EADDRNOTAVAIL ||
           e == EACCES || e == EPERM;
}

/* Notes why this try brought nothing. */
static void note_errno(struct question *q, int e)
{
    q->some_route = q->some_route || !is_no_route(e);
    say(q, strerror(e));
}

static bool open_socket(struct question *q, int type)
{
    file_close(&q->fd);
    q->fd = socket(q->to.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (q->fd >= 0 &&
        (connect(q->fd, (struct sockaddr *)&q->to, q->to_len) == 0 || errno == EINPROGRESS))
        return true;
    note_errno(q, errno);
    return false;
}

static bool start_udp(struct question *q, int64_t now_ms)
{
    const char *server = q->server[q->tried % q->servers_n];

    q->tried++;
    snprintf(q->done.server, sizeof q->done.server, "%s", server);
    if (!parse_server(server, &q->to, &q->to_len))
        return false;                    /* checked in dns_client_ask() */
    crypto_random(q->query.data + 2, 2); /* a new id a try */
    q->stage = UDP;
    q->done.tcp = false;
    q->deadline_ms = now_ms + q->try_ms;
    q->sent_us = clock_boot_us();
    if (!open_socket(q, SOCK_DGRAM))
        return false;
    if (send(q->fd, message(q), q->query.len - 2, MSG_NOSIGNAL) < 0) {
        note_errno(q, errno);
        return false;
    }
    say(q, "does not answer");
    return true;
}

/* The next try that gets as far as waiting; false when all are used up. */
static bool try_on(struct question *q, int64_t now_ms)
{
    while (q->tried < q->tries)
        if (start_udp(q, now_ms)) {
            q->some_route = true;
            return true;
        }
    return false;
}

static enum dns_outcome give_up(const struct question *q)
{
    if (q->some_code)
        return DNS_FAILED;
    return q->some_route ? DNS_SILENT : DNS_NO_ROUTE;
}

enum verdict { WAIT, NEXT_TRY, OVER };

static enum verdict take_reply(struct question *q, const void *data, size_t len, int64_t now_ms)
{
    struct dns_answer *a = &q->done.answer;

    dns_answer_clear(a);
    if (!dns_answer_parse(a, message(q), q->query.len - 2, data, len, NULL)) {
        dns_answer_clear(a);
        say(q, "sends what is no answer");
        return q->stage == UDP ? WAIT : NEXT_TRY; /* by UDP it may be a forgery */
    }
    q->done.took_us = clock_boot_us() - q->sent_us;
    if (a->truncated && q->stage == UDP) {
        q->stage = TCP_CONNECTING;
        q->done.tcp = true;
        q->deadline_ms = now_ms + q->try_ms;
        return open_socket(q, SOCK_STREAM) ? WAIT : NEXT_TRY;
    }
    if (!a->truncated && (a->rcode == DNS_NOERROR || a->rcode == DNS_NXDOMAIN))
        return OVER;
    q->some_code = true;
    snprintf(q->done.reason, sizeof q->done.reason, "%s answers with code %u", q->done.server,
             a->rcode);
    return NEXT_TRY;
}

static enum verdict read_udp(struct question *q, int64_t now_ms)
{
    static uint8_t block[4096]; /* one loop thread; we offered less */
    enum verdict v = WAIT;
    int i;

    for (i = 0; i < DATAGRAMS_A_STEP && v == WAIT && q->stage == UDP; i++) {
        ssize_t n = recv(q->fd, block, sizeof block, 0);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            break;
        if (n < 0) {
            note_errno(q, errno);
            return NEXT_TRY;
        }
        v = take_reply(q, block, (size_t)n, now_ms);
    }
    return v;
}

static enum verdict write_tcp(struct question *q)
{
    socklen_t len = sizeof(int);
    size_t size = q->query.len - 2;
    int e = 0;

    if (getsockopt(q->fd, SOL_SOCKET, SO_ERROR, &e, &len) < 0 || e) {
        note_errno(q, e);
        return NEXT_TRY;
    }
    q->query.data[0] = (char)(size >> 8);
    q->query.data[1] = (char)(size & 0xff);
    /* A few hundred bytes into an empty socket buffer go whole or not at all. */
    if (send(q->fd, q->query.data, q->query.len, MSG_NOSIGNAL) != (ssize_t)q->query.len) {
        note_errno(q, errno);
        return NEXT_TRY;
    }
    buf_reset(&q->reply);
    q->stage = TCP_READING;
    return WAIT;
}

static enum verdict read_tcp(struct question *q, int64_t now_ms)
{
    uint8_t block[4096];

    for (;;) {
        ssize_t n = recv(q->fd, block, sizeof block, 0);
        size_t size;

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return WAIT;
        if (n <= 0) {
            say(q, "closes the connection without an answer");
            return NEXT_TRY;
        }
        buf_add(&q->reply, block, (size_t)n);
        if (q->reply.len < 2)
            continue;
        size = (size_t)(uint8_t)q->reply.data[0] << 8 | (uint8_t)q->reply.data[1];
        if (q->reply.len >= size + 2)
            return take_reply(q, q->reply.data + 2, size, now_ms);
        if (!buf_ok(&q->reply))
            return NEXT_TRY;
    }
}

static enum verdict move(struct question *q, short revents, int64_t now_ms)
{
    if (revents && q->stage == UDP)
        return read_udp(q, now_ms);
    if (revents && q->stage == TCP_CONNECTING)
        return write_tcp(q);
    if (revents && q->stage == TCP_READING)
        return read_tcp(q, now_ms);
    return now_ms >= q->deadline_ms ? NEXT_TRY : WAIT;
}

/* -- the client -------------------------------------------------------------------------------- */

struct dns_client *dns_client_new(void)
{
    struct dns_client *c = x_zalloc(sizeof *c);

    c->waiting_end = &c->waiting;
    c->finished_end = &c->finished;
    return c;
}

static void drop_list(struct question **list, struct question ***end)
{
    while (*list) {
        struct question *q = *list;

        *list = q->next;
        question_free(q);
    }
    *end = list;
}

void dns_client_drop(struct dns_client *c)
{
    while (c->active_n)
        question_free(c->active[--c->active_n]);
    drop_list(&c->waiting, &c->waiting_end);
    drop_list(&c->finished, &c->finished_end);
    c->open = 0;
}

void dns_client_free(struct dns_client *c)
{
    if (!c)
        return;
    dns_client_drop(c);
    free(c);
}

static void activate(struct dns_client *c, int64_t now_ms)
{
    while (c->waiting && c->active_n < DNS_CLIENT_FDS_MAX) {
        struct question *q = c->waiting;

        c->waiting = q->next;
        if (!c->waiting)
            c->waiting_end = &c->waiting;
        q->next = NULL;
        if (try_on(q, now_ms))
            c->active[c->active_n++] = q;
        else
            finish(c, q, give_up(q));
    }
}

static bool load(struct question *q, const struct dns_question *from)
{
    struct err err = {0};
    size_t i;

    buf_add(&q->query, "\0\0", 2);
    if (!dns_query_format(&q->query, from->name, from->octal, from->type, 0, from->recursion,
                          &err)) {
        snprintf(q->done.reason, sizeof q->done.reason, "%.150s", err.text);
        return false;
    }
    for (i = 0; i < DNS_CLIENT_SERVERS_MAX && from->servers[i]; i++) {
        if (!dns_server_is_address(from->servers[i])) {
            snprintf(q->done.reason, sizeof q->done.reason, "%.60s is no address of a server",
                     from->servers[i]);
            return false;
        }
        snprintf(q->server[i], sizeof q->server[i], "%s", from->servers[i]);
    }
    q->servers_n = i;
    if (!i)
        snprintf(q->done.reason, sizeof q->done.reason, "no server to ask");
    return i > 0;
}

uint64_t dns_client_ask(struct dns_client *c, const struct dns_question *from, void *ctx,
                        int64_t now_ms)
{
    struct question *q = x_zalloc(sizeof *q);
    uint32_t tries = from->tries ? from->tries : DNS_CLIENT_TRIES;

    q->fd = -1;
    q->done.id = ++c->last_id;
    q->done.ctx = ctx;
    q->tries = tries < TRIES_MAX ? tries : TRIES_MAX;
    q->try_ms = from->try_ms ? from->try_ms : DNS_CLIENT_TRY_MS;
    buf_init(&q->reply, DNS_MESSAGE_MAX + 4096);
    c->open++;
    if (!load(q, from)) {
        finish(c, q, DNS_INVALID);
        return q->done.id;
    }
    *c->waiting_end = q;
    c->waiting_end = &q->next;
    activate(c, now_ms);
    return c->last_id;
}

size_t dns_client_open(const struct dns_client *c)
{
    return c->open;
}

size_t dns_client_fds(const struct dns_client *c, struct pollfd *fds, size_t max)
{
    size_t i, n = c->active_n < max ? c->active_n : max;

    for (i = 0; i < n; i++)
        fds[i] =
            (struct pollfd){.fd = c->active[i]->fd,
                            .events = c->active[i]->stage == TCP_CONNECTING ? POLLOUT : POLLIN};
    return n;
}

int64_t dns_client_wake_at(const struct dns_client *c)
{
    int64_t at = c->finished ? 0 : INT64_MAX;
    size_t i;

    for (i = 0; i < c->active_n; i++)
        if (c->active[i]->deadline_ms < at)
            at = c->active[i]->deadline_ms;
    return at;
}

void dns_client_step(struct dns_client *c, int64_t now_ms)
{
    struct pollfd fds[DNS_CLIENT_FDS_MAX];
    size_t i, n = dns_client_fds(c, fds, DNS_CLIENT_FDS_MAX), kept = 0;

    if (n && poll(fds, (nfds_t)n, 0) < 0)
        memset(fds, 0, sizeof fds); /* EINTR: at the next step */
    for (i = 0; i < n; i++) {
        struct question *q = c->active[i];
        enum verdict v = move(q, fds[i].revents, now_ms);

        if (v == NEXT_TRY && try_on(q, now_ms))
            v = WAIT;
        if (v == WAIT)
            c->active[kept++] = q;
        else
            finish(c, q, v == OVER ? DNS_ANSWERED : give_up(q));
    }
    c->active_n = kept;
    activate(c, now_ms);
}

bool dns_client_next(struct dns_client *c, struct dns_done *out)
{
    struct question *q = c->finished;

    if (!q)
        return false;
    c->finished = q->next;
    if (!c->finished)
        c->finished_end = &c->finished;
    c->open--;
    *out = q->done;
    memset(&q->done, 0, sizeof q->done);
    question_free(q);
    return true;
}
