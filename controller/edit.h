/* edit.h: one fenced change after another to one zone, for commands that wait in place: prepare,
 * finish, release. A ramp writes through the fence (fence.h); this is the same protocol where one
 * thing happens at a time and a person looks on.
 *
 * Every batch DELETEs the lease value that is known and CREATEs the next, so whoever took the zone
 * meanwhile is not overwritten. A batch without a definite answer is sent again byte for byte until
 * there is one; a refusal is sorted by reading the lease, never by its text. When the program ends
 * in the middle, the next call of the command reads the zone and goes on: every command here is
 * idempotent. Source: docs/man/sluice-fence.7. */
#ifndef SLUICE_EDIT_H
#define SLUICE_EDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "lease.h"
#include "router.h"
#include "sluice/arena.h"
#include "sluice/err.h"

#define EDIT_PATIENCE_MS (30 * 60 * 1000) /* for a definite answer to a change, and for INSYNC */

/* Who moves the router and tells the time. wait: until something may have come, at most timeout_ms;
 * false (ERR_IO) ends the edit at once, whatever is in the air. stopping: true once somebody asked
 * to end; then what is in the air is still waited for, and nothing new is begun but giving the zone
 * back (ERR_IO). NULL: never. */
struct edit_host {
    bool (*wait)(void *ctx, int64_t timeout_ms, struct err *err);
    bool (*stopping)(void *ctx);
    int64_t (*boot_ms)(void *ctx);
    int64_t (*wall_ms)(void *ctx);
    void *ctx;
};

struct edit_config { /* strings are copied */
    struct router router;
    struct edit_host host;
    const char *zone_id, *lease_name; /* its full name */
    const char *cutover, *run, *plan_hash;
    int64_t life_ms;
    uint64_t seed;
    uint32_t first_op; /* the router's op_ids are above this one: nobody else's may be near them */
    bool take_over;    /* another run's lease is taken at once */
    /* Runs of this machine, one a line, that are known to be dead: their leases are taken as if
     * they were released. NULL: none. Borrowed. */
    const char *dead_runs;
};

struct edit; /* opaque */

struct edit *edit_new(const struct edit_config *config);
void edit_free(struct edit *e); /* NULL is fine; nothing is sent */

/* Reads the lease and makes the zone ours: a free name gets a lone CREATE; a released lease, or any
 * with take_over, is replaced by a batch of the lease alone. ERR_BUSY: another run holds it, or did
 * until it expired; says who and until when. What the found lease remembered of TTLs is kept. */
bool edit_open(struct edit *e, struct err *err) SL_MUST_CHECK;

/* Only reads the lease, for edit_remove(). */
bool edit_look(struct edit *e, struct err *err) SL_MUST_CHECK;

/* What stands in the lease now; before edit_open() succeeded, what was found: generation 0 where
 * there was none. */
const struct lease *edit_lease(const struct edit *e);

/* For the next batches: the TTL from before, and when the first step may come; 0 for none. */
void edit_remember(struct edit *e, uint32_t ttl_was, int64_t not_before_s);
/* For the next batches: the percentage the lease tells of. */
void edit_step(struct edit *e, uint32_t percent);

/* The whole zone as it stands, copied into mem. */
bool edit_list(struct edit *e, struct arena *mem, const struct rrset **sets, size_t *n,
               struct err *err) SL_MUST_CHECK;

/* Makes the changes in one batch and waits until they are INSYNC. *insync_s: when that was seen, in
 * Route 53's time; 0 as long as it was not (the batch itself may have been made then:
 * edit_made()). n 0: the lease alone. ERR_REFUSED: Route 53 will not have them, in its words;
 * nothing was changed. ERR_BUSY: another run has the zone. ERR_DENIED. ERR_TIMEOUT: not known, says
 * so. */
bool edit_change(struct edit *e, const struct router_change *changes, size_t n, int64_t *insync_s,
                 struct err *err) SL_MUST_CHECK;

/* Whether a run is one of a list like dead_runs. */
bool edit_lists_run(const char *runs, const char *run);

/* Whether the last edit_change() made its batch, also where it failed behind that; *known false: no
 * definite answer came. */
bool edit_made(const struct edit *e, bool *known);

/* Gives the zone away: the lease stays, released, with what it remembers. */
bool edit_release(struct edit *e, struct err *err) SL_MUST_CHECK;

/* When the lease may be removed, Unix seconds in Route 53's time: 6 minutes after anybody last
 * wrote it, as far as it tells, and after our own last signature. */
int64_t edit_removable_s(const struct edit *e);
/* Removes the lease record. Only a released one, or ours, and not before edit_removable_s()
 * (ERR_REFUSED). One that is gone is no error. */
bool edit_remove(struct edit *e, struct err *err) SL_MUST_CHECK;

/* Route 53's time, Unix seconds, by its last answer. */
int64_t edit_now_s(const struct edit *e);

#endif
