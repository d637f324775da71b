/* route53.h: the client of the Route 53 API, one attempt a call.
 *
 * Requests are built when they are asked for and signed when they are sent, with a clock that every
 * response corrects. Calls that are not urgent pass a token bucket; a rollback passes by it. What comes
 * back is one outcome a call (router.h), with the service's code and words. The only thing done twice
 * in here is what cannot have had an effect: a request refused for its date or its credentials, when a
 * better date or fresher credentials are at hand; one whose host name could not be looked up, when
 * addresses that worked are known. Everything else is the caller's to repeat.
 *
 *     route53_start(r, &ask, ctx);
 *     ... http_wait(); while (http_next(http, &done)) if (!route53_take(r, &done)) somebody else's ...
 *     route53_tick(r); while (route53_next(r, &reply)) { ... route53_reply_clear(&reply); }
 *
 * Source: Route 53 API reference 2013-04-01; "Signature Version 4"; throttling: Developer Guide,
 * "Quotas". */
#ifndef SLUICE_ROUTE53_H
#define SLUICE_ROUTE53_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "credentials.h"
#include "route53_xml.h"
#include "router.h"
#include "sluice/arena.h"
#include "sluice/buf.h"
#include "sluice/clock.h"
#include "sluice/err.h"
#include "sluice/http.h"
#include "sluice/secret.h"

#define ROUTE53_RATE_MILLI   2000 /* thousandths of a call a second; the account has 5 or 10 for everybody */
#define ROUTE53_BURST        5
#define ROUTE53_SKEW_MIN_MS  (4 * 60 * 1000)  /* proves that a refused signature was the clock's fault */
#define ROUTE53_TRIP_MAX_MS  (15 * 60 * 1000) /* a longer round trip measures no skew */
#define ROUTE53_ADDRESSES_MAX 4               /* of the endpoint that worked, kept for a rollback */

struct route53; /* opaque */

/* Borrowed until route53_free() unless said otherwise. */
struct route53_config {
    struct http *http;
    const struct clock *clock;
    const char *endpoint;       /* "https://route53.amazonaws.com" */
    const char *signing_region; /* "us-east-1" */
    const char *ca_file;        /* NULL: the system's */
    const struct credentials *credentials; /* copied */
    bool renew;          /* when the keys are refused, look for others with credentials_at_hand(profile) */
    const char *profile; /* for renew; NULL: the default one */
    struct secret_set *secrets; /* renewed keys are hidden in it, too; may be NULL */
    uint32_t rate_milli; /* 0: ROUTE53_RATE_MILLI */
    const char *known_address; /* one of the endpoint's, from an earlier run; may be NULL */
};

enum route53_call {
    ROUTE53_ZONES_BY_NAME,
    ROUTE53_GET_ZONE,
    ROUTE53_LIST_SETS,
    ROUTE53_CHANGE_SETS,
    ROUTE53_GET_CHANGE,
    ROUTE53_GET_HEALTH_CHECK,    /* preflight only; id: HealthCheckId of a set */
    ROUTE53_GET_POLICY_INSTANCE, /* preflight only; id: TrafficPolicyInstanceId of a set */
    ROUTE53_CALL_COUNT
};

struct route53_ask {
    enum route53_call call;
    const char *id;    /* the zone's, or that of what is asked for; not used by ZONES_BY_NAME */
    const char *name;  /* ZONES_BY_NAME, LIST_SETS: where to start; NULL: at the beginning */
    const char *type;  /* LIST_SETS, only with name */
    const char *set_id; /* LIST_SETS, only with type */
    uint32_t max_items; /* LIST_SETS; 0: 300, the most there is */
    const struct router_batch *batch; /* CHANGE_SETS */
    bool urgent;        /* outside the bucket, short deadlines, last good addresses */
    int64_t delay_ms;   /* not before so many milliseconds */
};

struct route53_reply {
    void *ctx;
    enum route53_call call;
    enum router_outcome outcome;
    char code[ROUTER_CODE_MAX];
    char message[ROUTER_MESSAGE_MAX];
    struct buf body;      /* of a ROUTER_OK */
    int64_t date_ms;      /* as in struct router_answer */
    int64_t signed_ms;
    int64_t sent_boot_us;
    int64_t done_boot_ms;
};

struct route53 *route53_new(const struct route53_config *config);
void route53_free(struct route53 *r); /* cancels what is in flight; NULL is fine */

/* Queues a call; it is answered once by route53_next() with this ctx. Everything in ask is copied, a
 * batch is written to bytes at once. */
void route53_start(struct route53 *r, const struct route53_ask *ask, void *ctx);
/* True when the answer was to one of our requests: then it is consumed. */
bool route53_take(struct route53 *r, struct http_done *done);
/* Sends what has come due. */
void route53_tick(struct route53 *r);
/* Boottime ms of the next route53_tick() that would send something; INT64_MAX when none waits. */
int64_t route53_wake_at(const struct route53 *r);
bool route53_next(struct route53 *r, struct route53_reply *out);
void route53_reply_clear(struct route53_reply *reply);

/* Whatever is signed from now on is signed with these (copied). */
void route53_set_credentials(struct route53 *r, const struct credentials *fresh);
/* True when the service called the present ones expired or unknown. */
bool route53_keys_refused(const struct route53 *r);

/* How far Route 53's clock is ahead of ours, by the last response that told. */
int64_t route53_skew_ms(const struct route53 *r);

/* What it was made with. */
void route53_borrow(const struct route53 *r, struct http **http, const struct clock **clock);

/* For preflight: asks and waits, asking again (reads only) while the service is busy or out of reach, for
 * about ten seconds. Needs a real clock, and nobody else's requests in flight on this http. False with err
 * for every outcome but ROUTER_OK: ERR_DENIED, ERR_REFUSED (missing, invalid), ERR_NET. */
bool route53_wait(struct route53 *r, const struct route53_ask *ask, struct route53_reply *reply,
                  struct err *err) SL_MUST_CHECK;

/* The zone by id ("Z123...") or by its exact name, with its name servers, by route53_wait(). Of one
 * public zone and private ones of a name the public one is taken, and the others are told. No such
 * zone, several that could be meant (it says their ids), or a zone that another AWS service owns: ERR_REFUSED.
 * Strings live in mem. */
bool route53_find_zone(struct route53 *r, const char *name_or_id, struct arena *mem,
                       struct route53_zone *out, struct err *err) SL_MUST_CHECK;

/* Other zones with the name of this one, as "Z2 (private), Z3 (public)"; NULL when there is none. A
 * resolver inside a private zone's VPC asks that one. As route53_wait(). */
bool route53_find_twins(struct route53 *r, const char *name, const char *id, struct arena *mem,
                        const char **twins, struct err *err) SL_MUST_CHECK;

/* True for "Z0123456789ABCDEFGHIJ", also behind "/hostedzone/": a name has a dot or a small letter. */
bool route53_is_zone_id(const char *name_or_id);

/* The name of a call as IAM knows it: "route53:GetHostedZone". Static. */
const char *route53_action(enum route53_call call);

/* Pure parts, open for tests. */

/* What an error code and an HTTP status mean; status of an answer that is none of AWS's own (known
 * false) is never definite. */
enum router_outcome route53_classify(const char *code, int http_status, bool known);
/* Skew = Date - midpoint of sending and receiving (wall clock, ms). False when the response proves
 * nothing: no Date, an Age, or too long a trip. Source: the AWS SDKs' clock skew correction. */
bool route53_measure_skew(int64_t date_ms, bool has_age, int64_t sent_ms, int64_t received_ms,
                          int64_t *skew_ms);

#endif
