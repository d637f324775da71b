/* Any bytes behind the question of a DNS reply: an err, or records in canonical form.
 *
 * seeds: tests/data/dns */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct dns_record *r)
{
    const char *s;

    for (s = r->name; *s; s++)
        if ((unsigned char)*s <= 0x20 || (unsigned char)*s > 0x7e)
            abort();
    if (s == r->name || s[-1] != '.' || !r->value)
        abort();
}

/* The first byte is the flags and rcode, the next three the counts; then records. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf query = {0}, reply = {0};
    struct dns_answer answer = {0};
    struct err err = {0};
    size_t i;

    if (size < 4 || !dns_query_format(&query, "www.example.com", false, DNS_TYPE_A, 1, false, &err))
        return 0;
    buf_add(&reply, query.data, query.len - 11); /* without the OPT record */
    reply.data[2] = (char)(0x80 | (data[0] & 0x06));
    reply.data[3] = (char)(data[0] >> 4);
    for (i = 0; i < 3; i++)
        reply.data[7 + 2 * i] = (char)data[1 + i];
    buf_add(&reply, data + 4, size - 4);
    if (dns_answer_parse(&answer, query.data, query.len, reply.data, reply.len, &err)) {
        for (i = 0; i < answer.records_n; i++)
            check(&answer.records[i]);
        for (i = 0; i < answer.authority_n; i++)
            check(&answer.authority[i]);
    }
    dns_answer_clear(&answer);
    buf_clear(&query);
    buf_clear(&reply);
    return 0;
}
