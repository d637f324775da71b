/* api_call.h: one call on its way through the API: who asks, what for, what is answered. */
#ifndef SANDBOX_API_CALL_H
#define SANDBOX_API_CALL_H

#include "api.h"
#include "batch_xml.h"
#include "sluice/arena.h"

struct api_rules;

struct api_call {
    struct sandbox *sb;
    struct api_rules *rules;
    struct arena mem;
    const struct web_request *rq;
    const struct api_action *action; /* NULL: no such operation */
    const char *id;                  /* the zone or change of the path, "" when none */
    struct sigv4_verdict who;
    int64_t now_us, wall_ms;
    int64_t pending_us; /* a fault: the change stays PENDING this much longer */
    int status;
    const char *code; /* NULL: well */
    struct buf message;
    struct buf body; /* XML, the root's content and all */
    char request_id[40];
    const char *location; /* CreateHostedZone */
    struct batch batch;   /* ChangeResourceRecordSets, once parsed */
    struct batch_verdict verdict;
    char change_id[ZONE_ID_MAX + 1];
    char zone_id[ZONE_ID_MAX + 1];
};

struct api_action {
    const char *name;
    const char *method;
    const char *path; /* after the version; * is the id */
    void (*run)(struct api_call *c);
};

struct api_deny {
    char *action, *change, *name, *type, *key; /* NULL: any; name in stored form */
};

struct api_bucket {
    double rate, burst; /* rate 0: off */
    double level;
    int64_t at_us;
};

struct api_rules {
    struct sigv4_key keys[API_KEYS_MAX];
    size_t n_keys;
    char *region;
    bool check_signatures;
    int64_t date_skew_ms;
    struct api_deny denies[API_DENIES_MAX];
    size_t n_denies;
    bool validate_first; /* the other possible order: validation before authorisation */
    uint32_t page_max;
    struct api_bucket calls, changes;
};

void api_fail(struct api_call *c, int status, const char *code, const char *fmt, ...)
    SL_PRINTF(4, 5);
void api_open(struct api_call *c, const char *root);
void api_element(struct api_call *c, const char *name, const char *text);
void api_elementf(struct api_call *c, const char *name, const char *fmt, ...) SL_PRINTF(3, 4);
void api_error_body(struct api_call *c);
void api_time(int64_t unix_ms, char out[32]);

/* The zone of the path, or NULL after NoSuchHostedZone. */
struct zone *api_zone(struct api_call *c);
/* maxitems, 1 to max; a greater one is max. False after InvalidInput. */
bool api_page_size(struct api_call *c, uint32_t max, uint32_t *out) SL_MUST_CHECK;
void api_change_info(struct api_call *c, const struct store_change *change);

/* False after AccessDenied. change is NULL for calls without changes. */
bool api_allowed(struct api_call *c, const struct change *change) SL_MUST_CHECK;
/* False when the bucket is empty. */
bool api_bucket_take(struct api_bucket *b, double n, int64_t now_us) SL_MUST_CHECK;

/* section may be NULL. Also sets the sandbox's clock and the store's switches. */
bool api_rules_load(struct sandbox *sb, struct api_rules *r, json_t *section,
                    struct err *err) SL_MUST_CHECK;
void api_rules_clear(struct api_rules *r);

void api_list_zones_by_name(struct api_call *c);
void api_list_zones(struct api_call *c);
void api_get_zone(struct api_call *c);
void api_create_zone(struct api_call *c);
void api_delete_zone(struct api_call *c);
void api_get_change(struct api_call *c);
void api_list_records(struct api_call *c);
void api_change_records(struct api_call *c);
void api_get_health_check(struct api_call *c);
void api_get_policy_instance(struct api_call *c);

#endif
