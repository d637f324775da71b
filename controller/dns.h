/* dns.h: DNS messages as bytes, and names and values in one comparable form. The only door to ldns.
 *
 * Two texts are the same value exactly when their canonical forms are the same bytes: that is how
 * an answer is compared with what Route 53 lists. Names are written in lower case with a final dot
 * and every byte but letters, digits, "-", "_", "*" and "/" as \DDD (decimal, RFC 1035
 * section 5.1); addresses as inet_ntop() writes them; TXT as its quoted strings; all else as ldns
 * prints it, names within in lower case.
 *
 * Sending is dns_client.h's. Nothing here opens a socket. */
#ifndef SLUICE_DNS_H
#define SLUICE_DNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sluice/arena.h"
#include "sluice/buf.h"
#include "sluice/common.h"
#include "sluice/err.h"

#define DNS_MESSAGE_MAX 65535u
#define DNS_UDP_SIZE                                                                               \
    1232u /* what we offer by EDNS: fits every path unfragmented (DNS flag day 2020) */
#define DNS_RECORDS_MAX 1000u /* of one answer; more is a broken message */

/* IANA numbers, the ones that are named in code. */
enum dns_type {
    DNS_TYPE_A = 1,
    DNS_TYPE_NS = 2,
    DNS_TYPE_CNAME = 5,
    DNS_TYPE_SOA = 6,
    DNS_TYPE_TXT = 16,
    DNS_TYPE_AAAA = 28,
};

enum dns_rcode { DNS_NOERROR = 0, DNS_SERVFAIL = 2, DNS_NXDOMAIN = 3, DNS_REFUSED = 5 };

struct dns_record {    /* borrowed from the answer's arena */
    const char *name;  /* canonical */
    const char *value; /* canonical */
    uint16_t type;
    uint32_t ttl; /* seconds */
};

struct dns_answer {
    uint8_t rcode;              /* enum dns_rcode or another of RFC 6895 */
    bool authoritative;         /* AA */
    bool truncated;             /* TC: ask again by TCP */
    bool served_stale; /* the server says so itself: extended error 3 or 19 (RFC 8914, section 4) */
    struct dns_record *records; /* the answer section, in order */
    size_t records_n;
    struct dns_record
        *authority; /* the authority section: SOA of a negative answer, NS of a referral */
    size_t authority_n;
    struct arena mem;
};

/* "A", "AAAA", ... in any case; 0 when there is no such type. */
uint16_t dns_type_parse(const char *name);

/* A query with one question, EDNS, and that id. name as people or Route 53 write it: with or
 * without the final dot, \DDD decimal or \OOO octal escapes as `octal` says. ERR_FILE when it is no
 * name (labels of 1 to 63 bytes, 255 in all). */
bool dns_query_format(struct buf *out, const char *name, bool octal, uint16_t type, uint16_t id,
                      bool recursion, struct err *err) SL_MUST_CHECK;

/* The reply to that very query: id, QR, and question are compared. ERR_PROTOCOL when it is
 * another's or no DNS message. Clear out in either case. */
bool dns_answer_parse(struct dns_answer *out, const void *query, size_t query_len,
                      const void *reply, size_t reply_len, struct err *err) SL_MUST_CHECK;
void dns_answer_clear(struct dns_answer *answer);

/* The canonical form, appended. ERR_FILE when it is no name, or no value of that type. */
bool dns_name_canonical(struct buf *out, const char *name, bool octal,
                        struct err *err) SL_MUST_CHECK;
/* value as Route 53 lists it: names without escapes or with octal ones, TXT quoted with octal
 * escapes. */
bool dns_value_canonical(struct buf *out, uint16_t type, const char *value,
                         struct err *err) SL_MUST_CHECK;

#endif
