/* observe.h: what DNS itself answers, compared with what was written (verifying, and `sluice
 * observe`).
 *
 * Every authoritative server is asked for every record; what it answers must be one of the record's
 * sets, value for value, with the TTL of that set, and a side that has no weight must not appear.
 * On at most OBSERVE_SHARES_MAX records the shares are sampled too: the count of answers from the
 * new side against the weights, by an exact two-sided binomial test for all servers together. What
 * does not agree is asked once more, OBSERVE_AGAIN_MS later and with twice the queries, before it
 * counts. A run makes many such tests; alpha is divided among them (Bonferroni), so that a healthy
 * run is stopped by chance at most once in a thousand.
 *
 * observe.c decides, pure; observe_run.c asks. */
#ifndef SLUICE_OBSERVE_H
#define SLUICE_OBSERVE_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns_client.h"

#define OBSERVE_SERVERS_MAX  16u
#define OBSERVE_RECORDS_MAX  10000u
#define OBSERVE_SHARES_MAX   5u
#define OBSERVE_ALPHA_RUN    0.001
#define OBSERVE_SAMPLES_MIN  200u /* queries of a sampled record, over all servers */
#define OBSERVE_SAMPLES_MAX  2000u
#define OBSERVE_EXPECTED_MIN 20u /* answers of the rarer side that a sample should hold */
#define OBSERVE_AGAIN_MS     2000
#define OBSERVE_FINDINGS_MAX 64u

enum observe_side { OBSERVE_OLD, OBSERVE_NEW, OBSERVE_SIDES };

/* One set of a record as it was written. Strings borrowed until observe_free(). */
struct observe_set {
    const char *set_id;
    enum observe_side side;
    uint32_t weight;
    uint32_t ttl; /* seconds */
    bool alias;   /* Route 53 looks its values up: see `values` */
    const char *const
        *values; /* as listed. Alias: addresses known to be its target's, as many as there
                    are; an answer with one of them, at any TTL, is this set's, and so is
                    one that matches no set when only one side has aliases */
    size_t values_n;
};

/* What one answer is. */
enum observe_kind {
    OBSERVE_IS_OLD,
    OBSERVE_IS_NEW,
    OBSERVE_IS_FOREIGN, /* no set of ours has these values */
    OBSERVE_IS_EMPTY,   /* NXDOMAIN, or no record of the type */
    OBSERVE_IS_UNSURE,  /* of an alias, and both sides have one: cannot be told apart */
    OBSERVE_IS_LAME,    /* the server refuses, fails or is no authority */
    OBSERVE_KINDS
};

struct observe_record {
    const char
        *name; /* as listed, octal escapes; for "*..." a name below it is made up and asked */
    const char *type;
    const struct observe_set *sets;
    size_t sets_n;
    bool health_checked; /* shares may differ for good reasons: a finding is a warning */
};

/* What came of one question, as it comes: kind is not said of no answer (answer NULL). */
typedef void observe_answer_fn(void *ctx, size_t record, size_t server,
                               const struct dns_answer *answer, enum observe_kind kind,
                               bool ttl_wrong);

struct observe_request {
    const char *const *servers; /* addresses, as dns_client.h takes them; borrowed */
    size_t servers_n;           /* 1 to OBSERVE_SERVERS_MAX */
    const struct observe_record *records;
    size_t records_n;
    uint32_t
        tests_in_run; /* share tests of the whole run, at least this one's records; 0: this one's */
    uint64_t seed;    /* picks the records whose shares are sampled, when there are more */
    uint32_t each;    /* questions to each server about a sampled record; 0: as its share needs */
    bool once;        /* no second round: who asks comes again */
    observe_answer_fn *on_answer; /* may be NULL */
    void *ctx;
};

/* ---- Deciding
 * ------------------------------------------------------------------------------------------- */

/* Values and TTL of one answer, canonical, in any order, against the sets of the record. *ttl_wrong
 * (may be NULL) becomes true when the values are a set's and the TTL is not. canonical[i] holds set
 * i's values as observe_canonical() writes them. */
enum observe_kind observe_classify(const struct observe_record *record,
                                   const char *const *canonical, const struct dns_record *answers,
                                   size_t n, uint16_t type, bool *ttl_wrong);

/* Appends values, canonical, sorted, each with a newline: so that an answer in any order compares.
 */
bool observe_canonical(struct buf *out, uint16_t type, const char *const *values, size_t n,
                       struct err *err) SL_MUST_CHECK;

/* The name that is asked for a record, canonical. "*.shops.example.com." is answered for names below
 * it, and the literal "*" is not what people ask for: a label is made up, another one each time. */
bool observe_name(struct buf *out, const char *listed, struct err *err) SL_MUST_CHECK;

/* The new side's share by the weights, 0 to 1. Negative when all weights are 0. */
double observe_share(const struct observe_record *record);

/* Queries to send for that share, over all servers. */
uint32_t observe_samples(double share);

/* Exact two-sided p-value: twice the smaller tail, at most 1. Source: Clopper and Pearson 1934. 0
 * <= k <= n. */
double observe_binomial_p(uint32_t n, uint32_t k, double share);

/* What one server said about one record. */
struct observe_tally {
    uint32_t count[OBSERVE_KINDS];
    uint32_t ttl_wrong;
    uint32_t silent; /* questions without an answer */
};

enum observe_fault {
    OBSERVE_FINE,
    OBSERVE_SERVER_SILENT, /* server; not a fault of the record */
    OBSERVE_NO_ANSWER,     /* no server told anything about the record */
    OBSERVE_LAME,          /* server */
    OBSERVE_EMPTY,         /* server */
    OBSERVE_FOREIGN,       /* server: a value of no set of ours */
    OBSERVE_TTL,           /* server */
    OBSERVE_OPPOSING,      /* server: a side without weight appeared */
    OBSERVE_SHARE,         /* the shares do not fit the weights */
    OBSERVE_SHARE_SERVER,  /* server: with OBSERVE_SHARE, one whose own share does not fit: stale */
    OBSERVE_FAULT_COUNT
};

struct observe_finding {
    enum observe_fault fault;
    uint32_t record, server; /* indexes; UINT32_MAX: not of one */
    bool warning;            /* of a record with health checks */
    uint32_t n, k;           /* SHARE: answers, and those of the new side */
    double share, p;         /* SHARE: expected, and the p-value */
};

/* All faults of one record; tallies[server]. sampled: judge the share too, at level alpha. Returns
 * how many findings were written to out (room for 6 * servers_n + 2). */
size_t observe_judge(const struct observe_record *record, uint32_t index,
                     const struct observe_tally *tallies, size_t servers_n, bool sampled,
                     double alpha, struct observe_finding *out);

/* "share", "opposing", ...: for machines. */
const char *observe_fault_name(enum observe_fault fault);

/* ---- Asking
 * --------------------------------------------------------------------------------------------- */

enum observe_verdict {
    OBSERVE_PASS, /* every record agrees at every server that answers; warnings may be there */
    OBSERVE_INCONCLUSIVE, /* something does not, twice */
    OBSERVE_NO_SERVER,    /* no server answers at all */
    OBSERVE_VERDICT_COUNT
};

struct observe_result {
    enum observe_verdict verdict;
    struct observe_finding findings[OBSERVE_FINDINGS_MAX]; /* silent servers among them */
    size_t findings_n;                                     /* kept */
    size_t findings_all;                                   /* found */
    uint32_t queries;                                      /* sent */
    uint32_t records_sampled;
    bool stale[OBSERVE_SERVERS_MAX];  /* server gave an answer that was not as written */
    bool silent[OBSERVE_SERVERS_MAX]; /* server never answered */
};

struct observe; /* opaque */

/* Everything in the request is borrowed until observe_free(). NULL with ERR_FILE for a name, value
 * or address that DNS cannot have. */
struct observe *observe_start(const struct observe_request *request, int64_t now_ms,
                              struct err *err) SL_MUST_CHECK;
/* NULL is fine; may be called in the middle. */
void observe_free(struct observe *observe);

size_t observe_fds(const struct observe *observe, struct pollfd *fds, size_t max);
int64_t observe_wake_at(const struct observe *observe);
/* True when it is over. */
bool observe_step(struct observe *observe, int64_t now_ms);
const struct observe_result *observe_result(const struct observe *observe);
/* What was counted: for `sluice observe` and reports. */
const struct observe_tally *observe_tally(const struct observe *observe, size_t record,
                                          size_t server);

/* Appends a finding as one sentence: "192.0.2.1:53 answers files.example.com A with a TTL other
 * than written". */
void observe_finding_format(const struct observe_request *request,
                            const struct observe_finding *finding, struct buf *out);

#endif
