/* plan_schema.h: plan.yaml as it stands in the file, between the document and struct plan. Private to
 * plan_file.c and plan_schema.c. Members ending in _at are the nodes the values came from; NULL where the
 * file says nothing. */
#ifndef SLUICE_CONTROLLER_PLAN_SCHEMA_H
#define SLUICE_CONTROLLER_PLAN_SCHEMA_H

#include "plan.h"
#include "sluice/schema.h"

#define PLAN_CUTOVER_MAX    40  /* what the lease record has room for */
#define PLAN_DNS_NAME_MAX   253 /* RFC 1035 section 2.3.4, without the root */
#define PLAN_DNS_LABEL_MAX  63
#define PLAN_SET_ID_MAX     128 /* Route 53: SetIdentifier */

struct plan_file_side {
    const struct doc_node *at;
    const char *const *ids;
    size_t ids_n;
    const struct plan_target *target;
    const struct doc_node *target_at;
};

struct plan_file_sides {
    struct plan_file_side side[PLAN_SIDES];
};

struct plan_file_record {
    const struct doc_node *at, *name_at, *type_at, *zone_at;
    const char *zone, *name;
    int type; /* index into plan_types */
    struct plan_file_sides sides;
};

struct plan_file_records {
    bool all;
    const struct plan_file_record *list;
    size_t n;
};

struct plan_file_step {
    const struct doc_node *at, *percent_at, *bake_at, *on_breach_at;
    uint32_t percent;
    int64_t bake_ms;
    bool approve;
    int on_breach;
};

struct plan_file_budget {
    const struct doc_node *at, *allowed_at, *unacceptable_at;
    uint32_t allowed_ppm, unacceptable_ppm, failure_limit, consecutive_failures;
};

struct plan_file_suite {
    const struct doc_node *at, *file_at, *inline_at;
    const char *file;
    struct plan_file_budget budget;
};

struct plan_file_lease {
    const struct doc_node *life_at;
    bool off;
    const char *name;
    int64_t life_ms;
};

struct plan_file {
    const struct doc_node *root;
    uint32_t version;
    const char *cutover;
    const struct doc_node *cutover_at;
    struct {
        const struct doc_node *at, *zone_at;
        const char *zone, *profile, *role_arn, *endpoint_url, *resolver;
        const char *const *servers;
        size_t servers_n;
        uint32_t rate_milli;
    } route53;
    struct plan_file_sides sides;
    const struct doc_node *sides_at;
    struct plan_file_records records;
    const struct doc_node *records_at;
    const struct plan_file_step *steps;
    size_t steps_n;
    const struct doc_node *steps_at;
    int64_t bake_ms;
    const struct doc_node *bake_at;
    struct {
        const struct doc_node *rate_at, *on_breach_at;
        int64_t for_ms;
        uint32_t rate_milli;
        int on_breach;
    } soak;
    uint32_t rollback_to;
    const struct doc_node *rollback_to_at;
    int64_t prepare_ttl_ms;
    struct {
        const char *const *resolvers;
        size_t resolvers_n;
    } observe;
    struct {
        const struct doc_node *at, *rate_at;
        const struct plan_file_suite *suites;
        size_t suites_n;
        uint32_t rate_milli;
    } smoke;
    struct {
        int word[PLAN_ON_COUNT];
        const struct doc_node *word_at[PLAN_ON_COUNT];
    } on;
    int64_t max_hold_ms;
    const struct doc_node *max_hold_at;
    struct {
        const struct doc_node *at, *not_before_at, *not_after_at;
        int64_t not_before_ms, not_after_ms;
    } schedule;
    const char *const *notify_command;
    size_t notify_command_n;
    int verify;
    double drain_factor;
    const struct doc_node *drain_factor_at;
    struct plan_file_lease lease;
};

extern const struct schema plan_file_schema;
extern const char *const plan_types[]; /* record types that can be weighted; NULL-terminated */

#endif
