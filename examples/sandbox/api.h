/* api.h: the Route 53 REST API, version 2013-04-01, as far as weighted records need it. */
#ifndef SANDBOX_API_H
#define SANDBOX_API_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "attached.h"
#include "faults.h"
#include "logbook.h"
#include "sigv4_check.h"
#include "store.h"
#include "web.h"

#define API_KEYS_MAX   16
#define API_DENIES_MAX 64
#define API_HELD_MAX   1000

struct api;

/* What the parts of the sandbox share. */
struct sandbox {
    struct loop *loop;
    struct store store;
    struct attached attached;
    struct faults faults;
    struct logbook *log;
    uint64_t seed;
    int64_t start_us;        /* monotonic */
    int64_t clock_offset_ms; /* sandbox wall clock minus the real one */
};

int64_t sandbox_wall_ms(const struct sandbox *sb);

/* section is the config's "api" object or NULL; also sets the store's switches. */
struct api *api_new(struct sandbox *sb, json_t *section, struct tls_store *tls, struct err *err);
void api_free(struct api *a);
bool api_listen(struct api *a, const char *address, uint16_t *port, bool tls,
                struct err *err) SL_MUST_CHECK;

const struct sigv4_key *api_key(const struct api *a, size_t i); /* NULL behind the last */
/* From expires_ms (the sandbox's clock, Unix ms) on the key's requests are ExpiredToken; 0: it never
 * ends. False: no such key. */
bool api_end_key(struct api *a, const char *id, int64_t expires_ms);
json_t *api_state(const struct api *a);                         /* counters and held requests */

void api_set_date_skew(struct api *a, int64_t ms); /* the Date header against the sandbox's clock */

/* Lets held requests land: one, or all with id 0. Returns how many. */
size_t api_release(struct api *a, uint64_t id);

/* Logs the weights of every group that the sets belong to. */
void api_log_weights(struct sandbox *sb, const struct zone *z, struct rset *const *sets, size_t n,
                     const char *by);

#endif
