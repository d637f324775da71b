/* credentials_keep.h: credentials that are renewed before they end.
 *
 * A keeper holds what a run signs with. Once what is left of their life comes near what the run
 * needs, the chain is asked again beside everything else (credentials_fetch_*), and again while it
 * fails. Until it has better ones it keeps the old: nothing is ever taken away, for a rollback uses
 * what is in hand. */
#ifndef SLUICE_CREDENTIALS_KEEP_H
#define SLUICE_CREDENTIALS_KEEP_H

#include "credentials.h"

#define CREDENTIALS_EARLY_MS (5 * 60 * 1000) /* renewed so long before the need begins */
#define CREDENTIALS_RETRY_MS 2000            /* after a failure; doubled up to the next */
#define CREDENTIALS_PAUSE_MS 60000           /* also when the chain only had the same again */
#define CREDENTIALS_HURRY_MS 5000            /* no longer pause while the service refuses those in hand */

struct credentials_keeper; /* opaque */

enum credentials_news { CREDENTIALS_NO_NEWS, CREDENTIALS_RENEWED, CREDENTIALS_NOT_RENEWED };

/* keys are copied; http is borrowed. */
struct credentials_keeper *credentials_keep(struct http *http, const struct credentials *keys);
void credentials_keep_free(struct credentials_keeper *k); /* NULL is fine */

const struct credentials *credentials_keep_keys(const struct credentials_keeper *k); /* borrowed */
int64_t
credentials_keep_until(const struct credentials_keeper *k); /* Unix ms; 0: not known to end */

/* Renews, whatever is left of them, and asks again every CREDENTIALS_HURRY_MS: the service has refused
 * them, and a rollback may be waiting for better ones. */
void credentials_keep_hurry(struct credentials_keeper *k);

/* Starts what is due and moves what was started. now_ms: boottime; wall_ms: Unix ms by the
 * service's clock; need_ms: how long they must live to be good for going on. Each end of a fetch is
 * told once; NOT_RENEWED with why. */
enum credentials_news credentials_keep_step(struct credentials_keeper *k,
                                            const struct credentials_ask *ask, int64_t now_ms,
                                            int64_t wall_ms, int64_t need_ms, struct err *why);
/* True when the answer was to its request: then it is consumed. */
bool credentials_keep_take(struct credentials_keeper *k, struct http_done *done, int64_t now_ms);
size_t credentials_keep_fds(const struct credentials_keeper *k, struct pollfd *fds);
/* Boottime ms of the open fetch's next move; INT64_MAX when none is open (steps come every second).
 */
int64_t credentials_keep_wake_at(const struct credentials_keeper *k);

#endif
