/* dns_server.h: a name server inside a test program, on one loopback port by UDP and TCP, moved by hand
 * in the same loop as what asks it. Replies are put together byte by byte, not with the library that the
 * client reads them with. */
#ifndef SLUICE_DNS_SERVER_H
#define SLUICE_DNS_SERVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test.h"

struct dns_reply {
    uint8_t data[65536];
    size_t len;
    bool tcp;
    char name[256]; /* the question, labels with dots, as it came */
    uint16_t type;
    bool drop;
};

typedef void dns_handler(void *ctx, struct dns_reply *reply);

struct dns_server {
    int udp, listener, tcp;
    char address[32]; /* "127.0.0.1:PORT" */
    dns_handler *handler;
    void *ctx;
    unsigned int queries;
};

static inline void dns_put16(struct dns_reply *r, unsigned int v)
{
    r->data[r->len++] = (uint8_t)(v >> 8);
    r->data[r->len++] = (uint8_t)v;
}

/* One answer with the question's own name; the count in the header goes up. */
static inline void dns_put(struct dns_reply *r, uint16_t type, uint32_t ttl, const void *rdata, size_t len)
{
    dns_put16(r, 0xc00c);
    dns_put16(r, type);
    dns_put16(r, 1);
    dns_put16(r, ttl >> 16);
    dns_put16(r, ttl & 0xffff);
    dns_put16(r, (unsigned int)len);
    memcpy(r->data + r->len, rdata, len);
    r->len += len;
    r->data[7]++;
}

static inline void dns_put_a(struct dns_reply *r, uint32_t ttl, const char *address)
{
    struct in_addr a;

    inet_pton(AF_INET, address, &a);
    dns_put(r, 1, ttl, &a, 4);
}

static inline void dns_flags(struct dns_reply *r, unsigned int first, unsigned int rcode)
{
    r->data[2] = (uint8_t)first;
    r->data[3] = (uint8_t)rcode;
}

/* A port that is free for UDP need not be for TCP: then another is taken. */
static inline void dns_server_start(struct dns_server *s, dns_handler *handler, void *ctx)
{
    struct sockaddr_in a;
    socklen_t len = sizeof a;
    int size = 1 << 20, tries;

    *s = (struct dns_server){.udp = -1, .listener = -1, .tcp = -1, .handler = handler, .ctx = ctx};
    for (tries = 0; tries < 50; tries++) {
        a = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        s->udp = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        s->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        setsockopt(s->udp, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
        assert_int_equal(bind(s->udp, (struct sockaddr *)&a, sizeof a), 0);
        getsockname(s->udp, (struct sockaddr *)&a, &len);
        if (bind(s->listener, (struct sockaddr *)&a, sizeof a) == 0)
            break;
        close(s->udp);
        close(s->listener);
    }
    assert_true(tries < 50);
    assert_int_equal(listen(s->listener, 8), 0);
    snprintf(s->address, sizeof s->address, "127.0.0.1:%d", ntohs(a.sin_port));
}

static inline void dns_server_stop(struct dns_server *s)
{
    close(s->udp);
    close(s->listener);
    if (s->tcp >= 0)
        close(s->tcp);
}

/* Header and question of the query, as the start of a reply with no records. */
static inline void dns_begin(struct dns_reply *r, const uint8_t *query, size_t len)
{
    size_t at = 12;

    r->name[0] = '\0';
    while (at < len && query[at]) {
        snprintf(r->name + strlen(r->name), sizeof r->name - strlen(r->name), "%.*s.", query[at],
                 (const char *)query + at + 1);
        at += 1 + (size_t)query[at];
    }
    r->type = (uint16_t)(query[at + 1] << 8 | query[at + 2]);
    r->len = at + 5;
    memcpy(r->data, query, r->len);
    dns_flags(r, 0x84, 0);
    memset(r->data + 6, 0, 6);
    r->drop = false;
}

static inline void dns_server_step(struct dns_server *s)
{
    static struct dns_reply reply;
    uint8_t query[512];
    struct sockaddr_in from;
    socklen_t from_len = sizeof from;
    ssize_t n;

    while ((n = recvfrom(s->udp, query, sizeof query, 0, (struct sockaddr *)&from, &from_len)) > 0) {
        reply.tcp = false;
        dns_begin(&reply, query, (size_t)n);
        s->queries++;
        s->handler(s->ctx, &reply);
        if (!reply.drop)
            sendto(s->udp, reply.data, reply.len, 0, (struct sockaddr *)&from, from_len);
    }
    if (s->tcp < 0)
        s->tcp = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (s->tcp >= 0 && (n = recv(s->tcp, query, sizeof query, 0)) > 2) {
        uint8_t size[2];

        reply.tcp = true;
        dns_begin(&reply, query + 2, (size_t)n - 2);
        s->handler(s->ctx, &reply);
        size[0] = (uint8_t)(reply.len >> 8);
        size[1] = (uint8_t)reply.len;
        if (!reply.drop && send(s->tcp, size, 2, MSG_NOSIGNAL) == 2)
            send(s->tcp, reply.data, reply.len, MSG_NOSIGNAL);
        close(s->tcp);
        s->tcp = -1;
    }
}

#endif
