/* verify.h: the records of a run as they stand, asked of every zone's own name servers (observe.h),
 * several zones side by side. */
#ifndef SLUICE_VERIFY_H
#define SLUICE_VERIFY_H

#include <jansson.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fence.h"
#include "observe.h"
#include "sluice/arena.h"
#include "sluice/buf.h"
#include "sluice/err.h"

#define VERIFY_FDS_MAX 128u

/* Addresses of a zone's servers, by zone id. */
struct verify_zone {
    const char *id;
    bool passed_over; /* a private zone: nobody outside its VPCs can ask */
    const char *servers[OBSERVE_SERVERS_MAX];
    size_t n;
};

struct verify_servers {
    struct arena mem;
    struct verify_zone zones[FENCE_ZONES_MAX];
    size_t n;
};

void verify_servers_clear(struct verify_servers *s);
json_t *verify_servers_save(const struct verify_servers *s);
bool verify_servers_load(struct verify_servers *s, const json_t *from,
                         struct err *err) SL_MUST_CHECK;

struct verify;

/* What is to be asked about each zone of the fence (room for FENCE_ZONES_MAX), with the weights last
 * known to stand; zones passed over have no record. Names and values are the fence's and must live as
 * long; the rest is in mem. ERR_REFUSED when a zone has no server to ask, or all are passed over. */
bool verify_requests(const struct fence *f, const struct verify_servers *servers, struct arena *mem,
                     struct observe_request *out, struct err *err) SL_MUST_CHECK;

/* Asks for every record as verify_requests() has them. tests_in_run: share tests of the whole run.
 * Both are borrowed until verify_free(). */
struct verify *verify_start(const struct fence *f, const struct verify_servers *servers,
                            uint32_t tests_in_run, uint64_t seed, int64_t now_ms,
                            struct err *err) SL_MUST_CHECK;
void verify_free(struct verify *v); /* NULL is fine */

size_t verify_fds(const struct verify *v, struct pollfd *fds,
                  size_t max); /* v may be NULL, as below */
int64_t verify_wake_at(const struct verify *v);
bool verify_step(struct verify *v, int64_t now_ms); /* true when all zones are done */
/* The worst over the zones; only when done. */
enum observe_verdict verify_verdict(const struct verify *v);
/* The findings, a sentence each, at most max of them; how many there are. */
size_t verify_findings(const struct verify *v, struct buf *out, size_t max);

/* Waits in place until it is done. */
void verify_wait(struct verify *v);
/* What was asked of one zone and what was counted (NULL: it has no record here); false past the
 * last. */
bool verify_part(const struct verify *v, size_t zone, const struct observe_request **request,
                 const struct observe **observe);

/* Starts and waits in place, for preflight. */
bool verify_now(const struct fence *f, const struct verify_servers *servers,
                enum observe_verdict *verdict, struct buf *findings, struct err *err) SL_MUST_CHECK;

#endif
