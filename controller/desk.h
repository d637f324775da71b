/* desk.h: the zones of a plan, open for changes that a person waits for: prepare, finish, release.
 * One edit (edit.h) a zone, opened in the order of their ids; when one cannot be had, the others
 * are given back. */
#ifndef SLUICE_DESK_H
#define SLUICE_DESK_H

#include "convert.h"
#include "edit.h"
#include "rig.h"

enum desk_did { DESK_NOTHING, DESK_A_PART, DESK_ALL, DESK_UNKNOWN, DESK_DID_COUNT };

struct desk {
    struct rig *rig;
    int state_fd;                      /* borrowed */
    struct edit *edits[RIG_ZONES_MAX]; /* as rig->zones */
    size_t n;
    bool open;
    enum desk_did did; /* of the last conversion; UNKNOWN: a batch had no answer */
    struct buf dead;   /* runs that were begun here and have not given their zones back */
    char run[32];
};

/* Edits for all zones of a rig that was surveyed; nothing is sent. From now on the first signal
 * ends the waiting in order (stop.h). The caller holds the cutover's lock: runs that the state
 * directory (state_fd) says were begun and not ended are dead, and desk_open() takes their leases.
 */
void desk_init(struct desk *d, struct rig *rig, int state_fd);
void desk_free(struct desk *d);

/* Whether a lease stands in the zones as they were read that such a run has left. */
bool desk_left(const struct desk *d);

/* Takes every zone, after noting in the state directory that this run does. ERR_BUSY, ERR_DENIED,
 * ...: those taken are released. */
bool desk_open(struct desk *d, struct err *err) SL_MUST_CHECK;

/* Every batch of a conversion, INSYNC one after another. *insync_s: Route 53's time of the last.
 * After a failure *done says how many batches were made, and d->did which part of it that is. */
bool desk_change(struct desk *d, const struct convert *c, int64_t *insync_s, size_t *done,
                 struct err *err) SL_MUST_CHECK;

/* The lease alone, in every zone: with what edit_remember() said, or to renew it. */
bool desk_renew(struct desk *d, struct err *err) SL_MUST_CHECK;

/* Until Route 53's time is at_s, renewing the leases where the zones are open, and saying what is
 * waited for. */
bool desk_wait(struct desk *d, int64_t at_s, const char *what, struct err *err) SL_MUST_CHECK;

/* Gives all zones back; the note of this run goes. */
bool desk_close(struct desk *d, struct err *err) SL_MUST_CHECK;

/* What the leases in the rig's listings remember: the longest TTL from before prepare, and when a
 * first step may come at the earliest (Unix seconds; 0: nothing is remembered). A prepare that
 * ended before its change was known to be INSYNC left a TTL and no time: then it is that long from
 * now_s. */
void desk_remembered(const struct rig *rig, int64_t now_s, uint32_t *ttl_was,
                     int64_t *not_before_s);

/* The lease in a zone's listing; false when there is none that can be read. */
bool desk_lease_of(const struct rig *rig, size_t zone, struct lease *out);

#endif
