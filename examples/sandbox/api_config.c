/* api_config.c: the "api" section of the config. */
#include "api_call.h"
#include "domain.h"
#include "rset_json.h"

#define RATE_DEFAULT  10
#define BURST_DEFAULT 50

static void add_key(struct api_rules *r, const char *id, const char *secret, const char *token,
                    const char *user, int64_t expires_ms)
{
    r->keys[r->n_keys++] = (struct sigv4_key){x_strdup(id), x_strdup(secret), x_strdup(token),
                                              x_strdup(user), expires_ms};
}

static bool load_keys(struct sandbox *sb, struct api_rules *r, json_t *keys, struct err *err)
{
    json_t *key;
    size_t i;

    json_array_foreach(keys, i, key)
    {
        const char *id, *secret, *token = NULL, *user = "sandbox";
        json_int_t life_s = 0;

        if (r->n_keys == API_KEYS_MAX)
            return err_set(err, ERR_LIMIT, "more than %d keys", API_KEYS_MAX);
        if (!json_take(key, "key", err, "{s:s, s:s, s?s, s?s, s?I}", "id", &id, "secret", &secret,
                       "token", &token, "user", &user, "expires_in_s", &life_s))
            return false;
        add_key(r, id, secret, token, user, life_s ? sandbox_wall_ms(sb) + life_s * 1000 : 0);
    }
    if (!r->n_keys) {
        add_key(r, "AKIDSANDBOXEXAMPLE00", "sandbox/secret+key/for+tests+only0000000", NULL,
                "sandbox", 0);
    }
    return true;
}

static bool load_denies(struct api_rules *r, json_t *denies, struct err *err)
{
    json_t *deny;
    size_t i;

    json_array_foreach(denies, i, deny)
    {
        struct api_deny *d = &r->denies[r->n_denies];
        const char *action = NULL, *change = NULL, *name = NULL, *type = NULL, *key = NULL, *why;
        struct buf stored = {0};

        if (r->n_denies == API_DENIES_MAX)
            return err_set(err, ERR_LIMIT, "more than %d deny rules", API_DENIES_MAX);
        if (!json_take(deny, "deny", err, "{s?s, s?s, s?s, s?s, s?s}", "action", &action, "change",
                       &change, "name", &name, "type", &type, "key", &key))
            return false;
        if (name && !domain_canonical(name, &stored, &why)) {
            buf_clear(&stored);
            return err_set(err, ERR_FILE, "deny: %s: %s", name, why);
        }
        *d = (struct api_deny){x_strdup(action), x_strdup(change), name ? buf_take(&stored) : NULL,
                               x_strdup(type), x_strdup(key)};
        buf_clear(&stored);
        r->n_denies++;
    }
    return true;
}

static bool load_bucket(struct api_bucket *b, json_t *json, double rate, double burst,
                        struct err *err)
{
    *b = (struct api_bucket){.rate = rate, .burst = burst};
    if (!json)
        return true;
    if (json_is_null(json)) {
        b->rate = 0;
        return true;
    }
    return json_take(json, "bucket", err, "{s:F, s:F}", "rate", &b->rate, "burst", &b->burst);
}

bool api_rules_load(struct sandbox *sb, struct api_rules *r, json_t *section, struct err *err)
{
    json_t *keys = NULL, *denies = NULL, *throttle = NULL, *changes = NULL;
    int compare = 1, group_ttl = 1, validate_first = 0, signatures = 1, page = 300;
    json_int_t prior_ms = 0, clock_ms = 0, skew_ms = 0;
    const char *region = "us-east-1";

    if (section &&
        !json_take(section, "api", err,
                   "{s?o, s?o, s?o, s?o, s?b, s?b, s?b, s?b, s?i, s?I, s?I, s?I, s?s}", "keys",
                   &keys, "deny", &denies, "throttle", &throttle, "change_throughput", &changes,
                   "delete_compares_weight", &compare, "group_ttl_in_one_batch", &group_ttl,
                   "validate_first", &validate_first, "check_signatures", &signatures, "page_max",
                   &page, "prior_request_ms", &prior_ms, "clock_offset_ms", &clock_ms,
                   "date_skew_ms", &skew_ms, "region", &region))
        return false;
    if (page < 1 || page > 300)
        return err_set(err, ERR_FILE, "api: page_max must be 1 to 300");
    sb->store.delete_compares_weight = compare != 0;
    sb->store.group_ttl_fixed = group_ttl == 0;
    sb->store.prior_request_us = prior_ms * 1000;
    sb->clock_offset_ms = clock_ms;
    r->date_skew_ms = skew_ms;
    r->validate_first = validate_first != 0;
    r->page_max = (uint32_t)page;
    r->check_signatures = signatures != 0;
    r->region = x_strdup(region);
    return load_keys(sb, r, keys, err) && load_denies(r, denies, err) &&
           load_bucket(&r->calls, throttle, RATE_DEFAULT, BURST_DEFAULT, err) &&
           load_bucket(&r->changes, changes, 0, 0, err);
}

void api_rules_clear(struct api_rules *r)
{
    for (size_t i = 0; i < r->n_keys; i++) {
        free(r->keys[i].id);
        free(r->keys[i].secret);
        free(r->keys[i].token);
        free(r->keys[i].user);
    }
    for (size_t i = 0; i < r->n_denies; i++) {
        free(r->denies[i].action);
        free(r->denies[i].change);
        free(r->denies[i].name);
        free(r->denies[i].type);
        free(r->denies[i].key);
    }
    free(r->region);
}
