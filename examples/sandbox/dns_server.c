#include "dns_server.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dns_answer.h"
#include "domain.h"
#include "rset_json.h"

#define SERVERS_DEFAULT  4
#define DELAY_DEFAULT_MS 100
#define HOST_TTL_DEFAULT 60
#define MESSAGE_MAX      65535
#define TCP_CONNS_MAX    256
#define TCP_IDLE_US      10000000
#define BIND_TRIES       50
#define UDP_BATCH        64

struct endpoint {
    struct dns_server *server;
    size_t index; /* n_servers: the resolver */
    uint16_t port;
    struct loop_watch udp, tcp;
    struct rng dice;
    uint64_t n_udp, n_tcp;
};

struct tcp_conn {
    struct tcp_conn *next;
    struct endpoint *at;
    struct loop_watch watch;
    struct loop_timer idle;
    int fd;
    bool gone;
    struct buf in;
};

struct dns_server {
    struct sandbox *sb;
    size_t n_servers;
    struct endpoint ends[ZONE_SERVERS_MAX + 1];
    json_t *hosts; /* stored name -> addresses */
    json_t *unhealthy;
    uint32_t host_ttl;
    struct tcp_conn *conns;
    size_t n_conns;
    struct loop_timer edge; /* the next moment when a stale fault begins or ends */
};

bool dns_server_delays(json_t *section, int64_t *delay_us, size_t *n, struct err *err)
{
    json_t *servers = json_object_get(section, "servers"), *one;
    size_t i;

    *n = SERVERS_DEFAULT;
    for (i = 0; i < SERVERS_DEFAULT; i++)
        delay_us[i] = (int64_t)DELAY_DEFAULT_MS * 1000;
    if (!servers)
        return true;
    *n = json_array_size(servers);
    if (*n < 1 || *n > ZONE_SERVERS_MAX)
        return err_set(err, ERR_FILE, "dns: servers must be a list of 1 to %d", ZONE_SERVERS_MAX);
    json_array_foreach(servers, i, one)
    {
        json_int_t ms = DELAY_DEFAULT_MS;

        if (!json_take(one, "dns server", err, "{s?I}", "delay_ms", &ms))
            return false;
        delay_us[i] = ms * 1000;
    }
    return true;
}

/* Which fault stands in the way; *drop: answer nothing. */
static enum dns_refusal refusal(struct endpoint *e, int64_t now_us, bool *drop)
{
    struct fault_query q = {.on = FAULT_ON_DNS,
                            .server = (int)e->index,
                            .kinds = FAULT_BIT(FAULT_DROP) | FAULT_BIT(FAULT_SERVFAIL) |
                                     FAULT_BIT(FAULT_REFUSED)};
    const struct fault *fired[FAULTS_FIRED_MAX];
    size_t n = faults_fire(&e->server->sb->faults, &q, now_us, fired);

    *drop = faults_pick(fired, n, FAULT_DROP) != NULL;
    if (faults_pick(fired, n, FAULT_SERVFAIL))
        return DNS_SERVFAIL;
    return faults_pick(fired, n, FAULT_REFUSED) ? DNS_REFUSED : DNS_ANSWER;
}

static bool answer(struct endpoint *e, const uint8_t *query, size_t len, bool udp, uint8_t **out,
                   size_t *out_len)
{
    struct dns_server *d = e->server;
    int64_t now_us = loop_now_us();
    bool resolver = e->index == d->n_servers, drop;
    enum dns_refusal no = refusal(e, now_us, &drop);
    struct dns_source src = {&d->sb->store, resolver ? 0 : e->index,
                             resolver,      d->hosts,
                             d->host_ttl,   d->unhealthy,
                             &e->dice,      now_us};

    if (udp)
        e->n_udp++;
    else
        e->n_tcp++;
    return !drop && dns_answer(&src, query, len, udp, no, out, out_len);
}

static void on_udp(void *arg, uint32_t events)
{
    struct endpoint *e = arg;
    uint8_t query[DNS_UDP_EDNS];

    (void)events;
    for (int i = 0; i < UDP_BATCH; i++) {
        struct sockaddr_storage from;
        socklen_t from_len = sizeof from;
        ssize_t n =
            recvfrom(e->udp.fd, query, sizeof query, 0, (struct sockaddr *)&from, &from_len);
        uint8_t *out;
        size_t len;

        if (n < 0)
            return;
        if (!answer(e, query, (size_t)n, true, &out, &len))
            continue;
        /* A full socket buffer loses the answer, as networks do. */
        n = sendto(e->udp.fd, out, len, 0, (struct sockaddr *)&from, from_len);
        (void)n;
        free(out);
    }
}

static void conn_free(void *arg)
{
    struct tcp_conn *c = arg;

    buf_clear(&c->in);
    free(c);
}

static void conn_drop(void *arg)
{
    struct tcp_conn *c = arg;
    struct dns_server *d = c->at->server;
    struct tcp_conn **at = &d->conns;

    if (c->gone)
        return;
    c->gone = true;
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    d->n_conns--;
    loop_unwatch(d->sb->loop, &c->watch);
    loop_timer_stop(d->sb->loop, &c->idle);
    close(c->fd);
    loop_later(d->sb->loop, conn_free, c);
}

/* Answers are small and the peer is on this machine: what does not fit the socket's buffer at once
 * ends the connection. */
static bool send_framed(struct tcp_conn *c, const uint8_t *data, size_t len)
{
    struct buf out SL_CLEANUP(buf_clear) = {0};

    buf_add_char(&out, (char)(len >> 8));
    buf_add_char(&out, (char)(len & 255));
    buf_add(&out, data, len);
    return send(c->fd, out.data, out.len, MSG_NOSIGNAL) == (ssize_t)out.len;
}

static bool serve_whole(struct tcp_conn *c)
{
    while (c->in.len >= 2) {
        const uint8_t *raw = (const uint8_t *)c->in.data;
        size_t need = (size_t)raw[0] * 256 + raw[1], len;
        uint8_t *out;
        bool sent;

        if (c->in.len < need + 2)
            return true;
        if (!answer(c->at, raw + 2, need, false, &out, &len))
            return false;
        sent = len <= MESSAGE_MAX && send_framed(c, out, len);
        free(out);
        if (!sent)
            return false;
        memmove(c->in.data, c->in.data + need + 2, c->in.len - need - 2);
        buf_cut(&c->in, c->in.len - need - 2);
    }
    return true;
}

static void on_conn(void *arg, uint32_t events)
{
    struct tcp_conn *c = arg;
    char chunk[4096];
    ssize_t n = recv(c->fd, chunk, sizeof chunk, 0);

    (void)events;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0) {
        buf_add(&c->in, chunk, (size_t)n);
        if (buf_ok(&c->in) && serve_whole(c)) {
            loop_timer_set(c->at->server->sb->loop, &c->idle, loop_now_us() + TCP_IDLE_US,
                           conn_drop, c);
            return;
        }
    }
    conn_drop(c);
}

static void on_tcp(void *arg, uint32_t events)
{
    struct endpoint *e = arg;
    struct dns_server *d = e->server;
    int fd = accept4(e->tcp.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    struct tcp_conn *c;

    (void)events;
    if (fd < 0)
        return;
    if (d->n_conns == TCP_CONNS_MAX) {
        close(fd);
        return;
    }
    c = x_zalloc(sizeof *c);
    buf_init(&c->in, 2 * MESSAGE_MAX);
    c->at = e;
    c->fd = fd;
    c->next = d->conns;
    d->conns = c;
    d->n_conns++;
    loop_watch(d->sb->loop, &c->watch, fd, EPOLLIN, on_conn, c);
    loop_timer_set(d->sb->loop, &c->idle, loop_now_us() + TCP_IDLE_US, conn_drop, c);
}

static int bind_one(int kind, uint16_t port)
{
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, kind | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd >= 0 && (bind(fd, (struct sockaddr *)&at, sizeof at) < 0 ||
                    (kind == SOCK_STREAM && listen(fd, 128) < 0))) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* A port that is free for UDP and for TCP: the kernel picks one, the other kind may be taken. */
static bool open_endpoint(struct endpoint *e, struct err *err)
{
    for (int i = 0; i < BIND_TRIES; i++) {
        struct sockaddr_in at;
        socklen_t len = sizeof at;
        int tcp = bind_one(SOCK_STREAM, 0), udp;

        if (tcp < 0 || getsockname(tcp, (struct sockaddr *)&at, &len) < 0)
            break;
        udp = bind_one(SOCK_DGRAM, ntohs(at.sin_port));
        if (udp < 0) {
            close(tcp);
            continue;
        }
        e->port = ntohs(at.sin_port);
        loop_watch(e->server->sb->loop, &e->udp, udp, EPOLLIN, on_udp, e);
        loop_watch(e->server->sb->loop, &e->tcp, tcp, EPOLLIN, on_tcp, e);
        return true;
    }
    return err_set(err, ERR_IO, "cannot find a port for DNS: %s", strerror(errno));
}

static bool load_hosts(struct dns_server *d, json_t *hosts, struct err *err)
{
    const char *name, *why;
    json_t *addresses, *one;
    size_t i;

    json_object_foreach(hosts, name, addresses)
    {
        struct buf stored SL_CLEANUP(buf_clear) = {0};

        if (!domain_canonical(name, &stored, &why))
            return err_set(err, ERR_FILE, "dns: host %s: %s", name, why);
        json_array_foreach(addresses, i, one)
        {
            if (!json_is_string(one))
                return err_set(err, ERR_FILE, "dns: host %s: addresses must be texts", name);
        }
        json_object_set(d->hosts, buf_str(&stored), addresses);
    }
    return true;
}

struct dns_server *dns_server_new(struct sandbox *sb, json_t *section, struct err *err)
{
    struct dns_server *d = x_zalloc(sizeof *d);
    json_t *servers = NULL, *hosts = NULL;
    int ttl = HOST_TTL_DEFAULT;
    bool ok;

    d->sb = sb;
    d->n_servers = sb->store.n_servers;
    d->hosts = json_object();
    d->unhealthy = json_object();
    ok = (!section || json_take(section, "dns", err, "{s?o, s?o, s?i}", "servers", &servers,
                                "hosts", &hosts, "ttl", &ttl)) &&
         load_hosts(d, hosts, err);
    d->host_ttl = (uint32_t)ttl;
    for (size_t i = 0; ok && i <= d->n_servers; i++) {
        struct endpoint *e = &d->ends[i];

        e->server = d;
        e->index = i;
        rng_init(&e->dice, sb->seed, 100 + i);
        ok = open_endpoint(e, err);
    }
    if (ok)
        return d;
    dns_server_free(d);
    return NULL;
}

static void close_watch(struct loop *l, struct loop_watch *w)
{
    int fd = w->fd;

    if (!w->fn)
        return;
    loop_unwatch(l, w);
    close(fd);
}

void dns_server_free(struct dns_server *d)
{
    if (!d)
        return;
    while (d->conns)
        conn_drop(d->conns);
    loop_timer_stop(d->sb->loop, &d->edge);
    for (size_t i = 0; i <= d->n_servers; i++) {
        close_watch(d->sb->loop, &d->ends[i].udp);
        close_watch(d->sb->loop, &d->ends[i].tcp);
    }
    json_decref(d->hosts);
    json_decref(d->unhealthy);
    /* Dropped connections still point here until the turn ends; loop_free() ends it. */
    loop_later(d->sb->loop, free, d);
}

uint16_t dns_server_port(const struct dns_server *d, size_t k)
{
    return d->ends[k].port;
}

uint16_t dns_server_resolver_port(const struct dns_server *d)
{
    return d->ends[d->n_servers].port;
}

json_t *dns_server_state(const struct dns_server *d)
{
    json_t *list = json_array();

    for (size_t i = 0; i <= d->n_servers; i++) {
        const struct endpoint *e = &d->ends[i];
        bool resolver = i == d->n_servers;

        json_array_append_new(
            list,
            json_pack("{s:s, s:i, s:I, s:I, s:I}", "role", resolver ? "resolver" : "authoritative",
                      "port", e->port, "udp", (json_int_t)e->n_udp, "tcp", (json_int_t)e->n_tcp,
                      "delay_ms", (json_int_t)(resolver ? 0 : d->sb->store.delay_us[i] / 1000)));
    }
    return list;
}

void dns_server_set_health(struct dns_server *d, const char *check, bool healthy)
{
    if (healthy)
        json_object_del(d->unhealthy, check);
    else
        json_object_set_new(d->unhealthy, check, json_true());
}

static bool is_stale(const struct dns_server *d, size_t k, int64_t at_us)
{
    for (size_t i = 0; i < d->sb->faults.n; i++) {
        const struct fault *f = d->sb->faults.list[i];

        if (f->kind == FAULT_STALE && (f->server < 0 || f->server == (int)k) &&
            at_us >= f->from_us && at_us < f->to_us)
            return true;
    }
    return false;
}

static void on_edge(void *arg)
{
    dns_server_faults_changed(arg);
}

void dns_server_faults_changed(struct dns_server *d)
{
    int64_t now_us = loop_now_us(), at_us = now_us - d->sb->start_us, next = INT64_MAX;

    for (size_t k = 0; k < d->n_servers; k++) {
        bool stale = is_stale(d, k, at_us);

        for (struct zone *z = d->sb->store.zones; z; z = z->next) {
            if (stale)
                zone_freeze(z, k, now_us);
            else
                zone_thaw(z, k);
        }
    }
    for (size_t i = 0; i < d->sb->faults.n; i++) {
        const struct fault *f = d->sb->faults.list[i];

        if (f->kind != FAULT_STALE)
            continue;
        if (f->from_us > at_us && f->from_us < next)
            next = f->from_us;
        if (f->to_us > at_us && f->to_us < next)
            next = f->to_us;
    }
    loop_timer_stop(d->sb->loop, &d->edge);
    if (next != INT64_MAX)
        loop_timer_set(d->sb->loop, &d->edge, d->sb->start_us + next, on_edge, d);
}
