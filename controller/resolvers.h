/* resolvers.h: what recursive resolvers have cached of a record, and how long they will hand it out.
 *
 * A resolver is asked as its users ask it (RD=1); the TTL of the answer is what is left of it there.
 * That is all it shows: one of possibly many caches behind one address, and one that had nothing
 * cached fetches, by our asking, and then holds what it got. So of each side the longest time left
 * that was seen is kept until it is over.
 *
 * Polite: one question about a record at most once in RESOLVERS_GAP_MS, at most RESOLVERS_RATE a
 * second in all, two tries, and at most RESOLVERS_NAMES_MAX records.
 *
 * A resolver has its own mind when it hands out more than the record's TTL (a floor), or what it
 * says itself is stale (RFC 8914), or what no server has handed out for longer than its TTL: then it
 * serves stale (RFC 8767, which recommends 30 s as the TTL of such answers) or holds answers longer
 * than told. */
#ifndef SLUICE_RESOLVERS_H
#define SLUICE_RESOLVERS_H

#include "observe.h"

#define RESOLVERS_MAX       8
#define RESOLVERS_NAMES_MAX 50
#define RESOLVERS_GAP_MS    1000
#define RESOLVERS_RATE      20
#define RESOLVERS_STALE_TTL 30   /* RFC 8767, section 4 */
#define RESOLVERS_VALUES    96   /* bytes of an answer's values that are kept to be shown */
#define RESOLVERS_SYNC_MS   60000 /* a change reaches every server within this (Route 53) */

enum resolvers_state {
    RESOLVERS_NOT_ASKED,
    RESOLVERS_ANSWERED,
    RESOLVERS_FAILED, /* SERVFAIL, REFUSED, ... */
    RESOLVERS_SILENT,
};

/* One resolver about one record. Zeroed: not asked. */
struct resolvers_seen {
    enum resolvers_state state;
    bool pending;
    int64_t asked_ms; /* 0: never */
    int64_t at_ms;    /* of the last answer */
    enum observe_kind kind;
    uint32_t ttl;      /* left, at at_ms */
    uint32_t own_ttl;  /* what the record says; 0: nobody knows (an alias, or foreign) */
    bool above;        /* hands out more than that */
    bool stale;        /* says so itself */
    int64_t until_ms[OBSERVE_SIDES]; /* a cache there may hold this side until then; 0: none seen */
    char values[RESOLVERS_VALUES];
};

/* Takes one answer: names it, and says how long it holds. canonical as observe_classify() has it.
 * name: what was asked for; the rest of a chain of CNAMEs is not looked at. */
void resolvers_take(struct resolvers_seen *seen, const struct observe_record *record,
                    const char *const *canonical, const char *name, uint16_t type,
                    const struct dns_answer *answer, int64_t now_ms);

/* Seconds that what was seen of a side may still be handed out, rounded up; 0: none. */
int64_t resolvers_left_s(const struct resolvers_seen *seen, enum observe_side side, int64_t now_ms);

/* Whether the answer shows a side that has no weight although what stands has stood, since since_ms,
 * longer than before_ttl and what Route 53 needs to spread it. since_ms 0: not known, false. */
bool resolvers_overdue(const struct resolvers_seen *seen, const struct observe_record *record,
                       int64_t since_ms, uint32_t before_ttl);

/* Values, sorted as they come, with blanks between; safe for a terminal, cut to size. */
void resolvers_values(char *out, size_t size, const struct dns_answer *answer, const char *name,
                      uint16_t type);

struct resolvers;

/* ERR_USAGE for what is no address. Addresses are copied. */
struct resolvers *resolvers_new(const char *const *addresses, size_t n,
                                struct err *err) SL_MUST_CHECK;
void resolvers_free(struct resolvers *r); /* NULL is fine */
size_t resolvers_n(const struct resolvers *r);
const char *resolvers_address(const struct resolvers *r, size_t i);

/* A question to resolver i. All is borrowed until it is answered. Not asked again too soon. */
void resolvers_ask(struct resolvers *r, size_t i, const struct observe_record *record,
                   const char *const *canonical, const char *name, uint16_t type,
                   struct resolvers_seen *seen, int64_t now_ms);
size_t resolvers_fds(const struct resolvers *r, struct pollfd *fds, size_t max);
int64_t resolvers_wake_at(const struct resolvers *r);
bool resolvers_step(struct resolvers *r, int64_t now_ms); /* true when nothing is open */

#endif
