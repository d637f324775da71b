/* lease.h: the record that says who is ramping.
 *
 * One TXT a zone (`_sluice.<zone>`). Every change batch deletes the value it knows and creates the
 * next one, so that whoever does not know the current value changes nothing (fence.h). The value is
 * public: it holds no host name and no secret, and fits into one TXT string of 255 bytes:
 *
 *   "sluice1 cutover=shop run=20270203T010000Z-k3v9 owner=9f…(16 hex) gen=1801616400 state=forward
 *    exp=1801617000 back=0 step=10 plan=9c1185a5c5e9 ttl=300 nb=0 nonce=…(16 hex)"
 *
 * (one line, single blanks). Keys stand in this order and are all there. Reading is strict; another
 * version is told apart from damage, because a person may be running a newer sluice. */
#ifndef SLUICE_LEASE_H
#define SLUICE_LEASE_H

#include <stdbool.h>
#include <stdint.h>

#include "sluice/buf.h"
#include "sluice/err.h"

#define LEASE_VERSION        1
#define LEASE_TEXT_MAX       255 /* bytes inside the quotes: one TXT character-string */
#define LEASE_VALUE_SIZE     (LEASE_TEXT_MAX + 3) /* with quotes and NUL */
#define LEASE_CUTOVER_MAX    40
#define LEASE_RUN_MAX        32
#define LEASE_OWNER_MAX      16
#define LEASE_HASH_MAX       12
#define LEASE_NONCE_MAX      16
#define LEASE_GENERATION_MAX 999999999999ull
#define LEASE_TIME_MAX       99999999999ll /* Unix seconds */
#define LEASE_PERCENT_MAX    101u          /* 101: every weight as it was at the baseline */

enum lease_state { LEASE_FORWARD, LEASE_REVERTING, LEASE_RELEASED, LEASE_STATE_COUNT };

struct lease {
    char cutover[LEASE_CUTOVER_MAX +
                 1];                 /* letters, digits, '.', '_', '-'; what does not fit is cut */
    char run[LEASE_RUN_MAX + 1];     /* the run that wrote it, also when released */
    char owner[LEASE_OWNER_MAX + 1]; /* random, one a run; "" when released */
    uint64_t generation; /* only grows; starts at Unix seconds, so also over a removal */
    enum lease_state state;
    int64_t expires_s;    /* Unix seconds, Route 53's time */
    uint32_t rollback_to; /* percent on the new side a rollback goes to */
    uint32_t step;        /* percent this batch is for */
    char plan_hash[LEASE_HASH_MAX + 1];
    uint32_t ttl_was;                /* seconds the records had before prepare; 0: not lowered */
    int64_t not_before_s;            /* Unix seconds nothing may step before; 0: none */
    char nonce[LEASE_NONCE_MAX + 1]; /* which batch wrote it */
};

enum lease_reading {
    LEASE_READ,          /* understood */
    LEASE_VERSION_OTHER, /* a lease of another format version */
    LEASE_DAMAGED        /* not a lease at all, or a broken one */
};

/* The TXT value as Route 53 wants it, with its quotes, into out[LEASE_VALUE_SIZE]. Asserts that
 * every field is valid: lease_check(). */
void lease_format(const struct lease *lease, char out[LEASE_VALUE_SIZE]);

/* Reads a TXT value as listed (with quotes). out is only filled when LEASE_READ is returned. */
enum lease_reading lease_parse(const char *value, struct lease *out);

/* True when lease_format() can write it. */
bool lease_check(const struct lease *lease);

/* Copies a name into a lease field: bytes that may not stand there become '_', the rest is cut at
 * max. */
void lease_name_set(char *field, size_t max, const char *name);

bool lease_eq(const struct lease *a, const struct lease *b);
/* True when both are of one run and one owner (a released lease belongs to nobody). */
bool lease_same_owner(const struct lease *a, const struct lease *b);
const char *lease_state_name(enum lease_state state);

/* "_sluice.example.com." for a zone name with or without dot; the caller frees. */
char *lease_record_name(const char *zone_name);

#endif
