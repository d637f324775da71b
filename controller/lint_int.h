/* lint_int.h: inside lint.h only: what a lint's function gets, and where its findings go. */
#ifndef SLUICE_LINT_INT_H
#define SLUICE_LINT_INT_H

#include "lint.h"
#include "sluice/buf.h"

struct lint;

struct lint_scene {
    struct survey *survey;
    const struct plan *plan;
    const struct lint_facts *facts;
    const struct lint *row; /* that is being looked at */
    size_t n_said;
    struct buf extra; /* where what was too much began */
};

struct lint {
    struct lint_row is;
    void (*look)(struct lint_scene *s);
};

/* A finding of the row that is being looked at. fmt gives what was met; todo what to do about it.
 */
SL_PRINTF(4, 5)
void lint_say(struct lint_scene *s, const char *where, const char *todo, const char *fmt, ...);

/* "www.example.com CNAME". In the survey's memory. */
const char *lint_where(const struct lint_scene *s, const struct survey_record *r);
const char *lint_safe(const struct lint_scene *s, const char *word);
/* The record without its final dot and octal escapes. In the survey's memory. */
const char *lint_plain(const struct lint_scene *s, const char *listed);
/* A, AAAA or CNAME: what clients connect by. */
bool lint_takes_clients(const char *type);
/* The plan's record of this name and type; NULL when it has none. */
const struct survey_record *lint_record(const struct lint_scene *s, const char *name,
                                        const char *type);
/* Some step gives both sides a share. */
bool lint_splits(const struct plan *plan);

/* lint_zone.c: what else stands in the zone. */
void lint_alias_ttl(struct lint_scene *s);
void lint_negative(struct lint_scene *s);
void lint_apex(struct lint_scene *s);
void lint_cname_beside(struct lint_scene *s);
void lint_lease_beside(struct lint_scene *s);
void lint_private_unseen(struct lint_scene *s);
void lint_twin(struct lint_scene *s);
void lint_family(struct lint_scene *s);
void lint_hints(struct lint_scene *s);
void lint_old_named(struct lint_scene *s);
void lint_wildcard_parent(struct lint_scene *s);
void lint_unwatched(struct lint_scene *s);

/* lint_owner.c: who else writes these records. */
void lint_external_dns(struct lint_scene *s);
void lint_external_dns_zone(struct lint_scene *s);
void lint_terraform(struct lint_scene *s);
void lint_policy(struct lint_scene *s);

/* lint_health.c: health checks. */
void lint_health_check(struct lint_scene *s);
void lint_health_gone(struct lint_scene *s);
void lint_health_disabled(struct lint_scene *s);
void lint_health_name(struct lint_scene *s);
void lint_not_armed(struct lint_scene *s);

/* lint_plan.c: what the plan, its suites and this machine make likely. */
void lint_pools(struct lint_scene *s);
void lint_share(struct lint_scene *s);
void lint_certificate_unseen(struct lint_scene *s);
void lint_certificate_orders(struct lint_scene *s);
void lint_certificate_days(struct lint_scene *s);
void lint_sessions(struct lint_scene *s);
void lint_no_return(struct lint_scene *s);
void lint_no_return_broken(struct lint_scene *s);
void lint_clock(struct lint_scene *s);
void lint_keys(struct lint_scene *s);
void lint_old_unprobed(struct lint_scene *s);
void lint_smallest(struct lint_scene *s);
void lint_unread(struct lint_scene *s);

/* lint_tls.c: certificates of the new side. */
void lint_certificate_failed(struct lint_scene *s);
void lint_certificate_ends(struct lint_scene *s);
void lint_certificate_chain(struct lint_scene *s);

#endif
