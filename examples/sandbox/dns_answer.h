/* dns_answer.h: the sandbox's door to ldns: a query's bytes in, an answer's bytes out. */
#ifndef SANDBOX_DNS_ANSWER_H
#define SANDBOX_DNS_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "rng.h"
#include "store.h"

#define DNS_UDP_PLAIN 512
#define DNS_UDP_EDNS  4096

enum dns_refusal { DNS_ANSWER, DNS_SERVFAIL, DNS_REFUSED };

struct dns_source {
    struct store *store;
    size_t server;       /* whose view of the zones */
    bool resolver;       /* follows CNAMEs and knows the hosts */
    const json_t *hosts; /* name in stored form -> addresses */
    uint32_t host_ttl;
    const json_t *unhealthy; /* health check -> true */
    struct rng *dice;
    int64_t now_us;
};

/* Answers one query. udp: the answer is cut to what the asker takes, with TC set. *out is
 * malloc'ed. False when the bytes deserve no answer. */
bool dns_answer(const struct dns_source *src, const uint8_t *query, size_t len, bool udp,
                enum dns_refusal refusal, uint8_t **out, size_t *out_len) SL_MUST_CHECK;

#endif
