/* dns_client.h: asking name servers without ever blocking.
 *
 * Each question gets its own socket, connected (so that only that server's replies arrive) from a
 * port the kernel picks, and a random id. A reply that is cut is asked for again by TCP; no reply,
 * a broken one, SERVFAIL or REFUSED moves on to the next try and the next server of the question.
 * Sockets sit in http_wait():
 *
 *     n = dns_client_fds(client, fds, DNS_CLIENT_FDS_MAX);
 *     http_wait(http, fds, n, ...);
 *     dns_client_step(client, now);
 *     while (dns_client_next(client, &done)) ...
 *
 * Nothing is cached. At most DNS_CLIENT_FDS_MAX questions are on their way at a time, the others
 * wait in here; the time of a question counts from when it is sent. */
#ifndef SLUICE_DNS_CLIENT_H
#define SLUICE_DNS_CLIENT_H

#include <poll.h>

#include "dns.h"

#define DNS_CLIENT_FDS_MAX     64
#define DNS_CLIENT_SERVERS_MAX 4 /* of one question */
#define DNS_CLIENT_TRY_MS      1500
#define DNS_CLIENT_TRIES       3
#define DNS_SERVER_TEXT_MAX    64

struct dns_client; /* opaque */

/* The address of a server: "192.0.2.1:53", "[2001:db8::1]:53", "192.0.2.1", "2001:db8::1". No
 * names: see dns_server_is_address(). */
struct dns_question {
    const char *servers[DNS_CLIENT_SERVERS_MAX]; /* tried in turn; NULL ends the list */
    const char *name;
    bool octal; /* the name has Route 53's escapes */
    uint16_t type;
    bool recursion;  /* ask a resolver, not an authority */
    uint32_t try_ms; /* 0: DNS_CLIENT_TRY_MS */
    uint32_t tries;  /* over all servers; 0: DNS_CLIENT_TRIES */
};

enum dns_outcome {
    DNS_ANSWERED, /* NOERROR or NXDOMAIN: see the answer */
    DNS_FAILED,   /* SERVFAIL, REFUSED or another code at every try */
    DNS_SILENT,   /* no (whole) reply at any try */
    DNS_NO_ROUTE, /* no way from here to any of the servers */
    DNS_INVALID,  /* no name, or no address of a server */
    DNS_OUTCOME_COUNT
};

struct dns_done {
    uint64_t id;
    void *ctx;
    enum dns_outcome outcome;
    char server[DNS_SERVER_TEXT_MAX]; /* the one that answered, or the last one tried */
    char reason[160];                 /* one plain sentence; "" when answered */
    bool tcp;
    int64_t took_us;          /* of the last try */
    struct dns_answer answer; /* the caller's now: dns_answer_clear() */
};

struct dns_client *dns_client_new(void);
/* Open questions are dropped without an answer. NULL is fine. */
void dns_client_free(struct dns_client *client);

/* Never fails and never 0; every question is answered once by dns_client_next(). Everything is
 * copied. */
uint64_t dns_client_ask(struct dns_client *client, const struct dns_question *question, void *ctx,
                        int64_t now_ms);
/* Drops all questions, also those answered and not yet handed over. */
void dns_client_drop(struct dns_client *client);
size_t dns_client_open(const struct dns_client *client); /* asked and not yet handed over */

size_t dns_client_fds(const struct dns_client *client, struct pollfd *fds, size_t max);
int64_t dns_client_wake_at(
    const struct dns_client *client); /* boottime ms; INT64_MAX: nothing to wait for */
void dns_client_step(struct dns_client *client, int64_t now_ms);
bool dns_client_next(struct dns_client *client, struct dns_done *out);

const char *dns_outcome_name(enum dns_outcome outcome); /* "answered", "failed", ... */

/* Whether text is an address, with or without a port, as the servers above. */
bool dns_server_is_address(const char *text);
/* Appends "ADDRESS:PORT" (port 53 unless text has one). ERR_FILE. */
bool dns_server_format(struct buf *out, const char *text, struct err *err) SL_MUST_CHECK;

/* The `nameserver` lines of a resolv.conf(5), as many as fit, as "ADDRESS:53". Without any:
 * 127.0.0.1:53, as the C library has it. path NULL: /etc/resolv.conf. */
struct dns_resolvers {
    char address[DNS_CLIENT_SERVERS_MAX][DNS_SERVER_TEXT_MAX];
    size_t n;
};
void dns_resolvers_load(struct dns_resolvers *out, const char *path);

#endif
