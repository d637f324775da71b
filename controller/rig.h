/* rig.h: what the commands that talk to AWS or to the fleets work with: plan, suites, secrets, one
 * HTTP pool, one door to Route 53, the state directory.
 *
 * rig_load() reads files only; rig_connect() finds credentials and opens the door; rig_survey()
 * reads the zones. All of it is before the loop: it waits in place, and an interrupt simply ends
 * the program, for nothing has been written yet; where something was, stop.h ends the waiting. */
#ifndef SLUICE_RIG_H
#define SLUICE_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aws_config.h"
#include "credentials_keep.h"
#include "fence.h"
#include "opts.h"
#include "plan.h"
#include "router.h"
#include "sluice/arena.h"
#include "sluice/err.h"
#include "sluice/http.h"
#include "sluice/pump.h"
#include "sluice/secret.h"
#include "sluice/suite.h"
#include "survey.h"
#include "verify.h"

#define RIG_ZONES_MAX FENCE_ZONES_MAX
#define RIG_OPS_MAX   (UINT32_C(1) << 20)

struct endpoints;
struct route53;

struct rig {
    const struct opts *opts;
    struct arena mem;
    struct plan plan;
    char plan_hash[65]; /* SHA-256 of the plan file, hex */
    struct suite suites[PLAN_SUITES_MAX];
    struct suite *suite_list[PLAN_SUITES_MAX]; /* the same, as the pump borrows them */
    size_t suites_n;
    struct secret_set *secrets;
    struct aws_config aws;
    struct http *http;
    struct route53 *route53; /* the router's */
    struct router router;
    uint32_t last_op; /* of the listings; others that use the router begin at RIG_OPS_MAX */
    struct credentials_keeper *keeper; /* renews what the router signs with */
    struct plan_stratum *strata;       /* of plan.strata; owned */
    struct survey_zone zones[RIG_ZONES_MAX];
    struct router_answer listings[RIG_ZONES_MAX]; /* own the zones' sets */
    size_t n_zones;
    const char *const *name_servers[RIG_ZONES_MAX]; /* of each zone's delegation set */
    size_t n_name_servers[RIG_ZONES_MAX];
};

/* Reads the plan and, with suites, these and what they keep secret. Clear it also after a failure.
 */
bool rig_load(struct rig *rig, const struct opts *opts, const char *path, bool suites,
              struct err *err) SL_MUST_CHECK;
bool rig_connect(struct rig *rig, struct err *err) SL_MUST_CHECK;

/* Reads every zone of the plan whole and holds it against the plan. patience_ms: how long to go on
 * asking when nobody answers (0: a few tries). ERR_DENIED, ERR_REFUSED (no such zone), ERR_NET. */
bool rig_survey(struct rig *rig, struct survey *s, int64_t patience_ms,
                struct err *err) SL_MUST_CHECK;

/* Reads the zones found before once more, into a survey of mem's. After a failure the zones stand as
 * they were read before; whatever borrows from the rig's listings must be gone by now. */
bool rig_read_again(struct rig *rig, struct arena *mem, struct survey *s,
                    struct err *err) SL_MUST_CHECK;

/* The same, for a look beside what was read before: that stays, and what look() gets ends with it. */
bool rig_peek(struct rig *rig, void (*look)(void *ctx, const struct survey *s), void *ctx,
              struct err *err) SL_MUST_CHECK;

/* Forgets the zones as they were read: the next rig_survey() reads them anew. */
void rig_forget_zones(struct rig *rig);

/* Addresses of a CNAME's target by route53.resolver; nothing without one (endpoints_resolve). */
size_t rig_resolve(void *rig, struct arena *mem, const char *name, const char **out, size_t max);
/* The name servers of the zones that were surveyed: the plan's, else the delegation set's
 * addresses. */
void rig_servers(struct rig *rig, struct verify_servers *out);

/* The fence over what the survey found usable; NULL with ERR_REFUSED. run names this run. */
struct fence *rig_fence(struct rig *rig, const struct survey *s, const char *run,
                        struct err *err) SL_MUST_CHECK;
/* As the run's journal left it. */
struct fence *rig_fence_restore(struct rig *rig, const char *run, const json_t *baseline,
                                const json_t *state, struct err *err) SL_MUST_CHECK;

/* The pump over the endpoints, and the plan's table of strata; checks the plan against it
 * (ERR_FILE). */
struct pump *rig_pump(struct rig *rig, const struct endpoints *e, const char *run,
                      struct err *err) SL_MUST_CHECK;

/* True when the credentials in hand end before wall_ms + need_ms. */
bool rig_keys_short(const struct rig *rig, int64_t wall_ms, int64_t need_ms);
/* Renews them ahead of that, never blocking; call once a turn. CREDENTIALS_RENEWED: the router
 * signs with the new ones from now on. CREDENTIALS_NOT_RENEWED: why says it; the old ones stay. */
enum credentials_news rig_keys_step(struct rig *rig, int64_t now_ms, int64_t wall_ms,
                                    int64_t need_ms, struct err *why);
int64_t rig_keys_until(const struct rig *rig); /* Unix ms; 0: not known to end */
/* Descriptors to watch beside http's (room for CREDENTIALS_FDS_MAX). */
size_t rig_fds(const struct rig *rig, struct pollfd *fds);

/* One answer of the HTTP pool that was not a probe's. */
void rig_http(struct rig *rig, struct http_done *done, int64_t now_ms);
int64_t rig_wake_at(const struct rig *rig);

/* "20270203T021431Z-0427f3c": sorts by time, to the millisecond (the newest journal is the last by
 * name: two runs may begin in one second), random at the end. */
void rig_new_run(char out[32]);

void rig_clear(struct rig *rig);

#endif
