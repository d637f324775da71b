#include "plan_schema.h"

#include <arpa/inet.h>
#include <string.h>

#include "plan_file.h"
#include "sluice/text.h"

#define DAY_MS ((int64_t)24 * 3600 * 1000)

const char *const plan_types[] = {"A",   "AAAA", "CNAME", "CAA", "HTTPS", "MX",  "NAPTR",
                                  "PTR", "SPF",  "SRV",   "SSHFP", "SVCB", "TLSA", "TXT", NULL};

/* Indexed by enum plan_policy: what a step and the soak may do at a breach. */
static const char *const breach_words[] = {"hold", "rollback", NULL};
_Static_assert(PLAN_HOLD == 0 && PLAN_ROLLBACK == 1, "breach_words follows the enum");

static const char *const verify_words[] = {"dns", "api", "warn", NULL};
_Static_assert(PLAN_VERIFY_DNS == 0 && PLAN_VERIFY_API == 1 && PLAN_VERIFY_WARN == 2,
               "verify_words follows the enum");

static bool hook_version(struct schema_ctx *ctx, const struct schema_field *f,
                         const struct doc_node *node, void *out)
{
    static const struct schema_field number = {.key = "version", .type = SCHEMA_U32};
    uint32_t version;

    if (!schema_decode_field(ctx, &number, node, &version))
        return false;
    if (version > PLAN_VERSION)
        return doc_fail(node, ctx->err, ERR_FILE, "'%s': %u is newer than this sluice, which reads %d",
                        f->key, version, PLAN_VERSION);
    if (version < PLAN_VERSION)
        return doc_fail(node, ctx->err, ERR_FILE, "'%s': %u has never been; expected %d", f->key, version,
                        PLAN_VERSION);
    *(uint32_t *)out = version;
    return true;
}

/* Journals and the lease record carry the name; both have their own use for dots and blanks. */
static bool hook_cutover(struct schema_ctx *ctx, const struct schema_field *f,
                         const struct doc_node *node, void *out)
{
    static const struct schema_field text = {.key = "cutover", .type = SCHEMA_STRING,
                                             .max = PLAN_CUTOVER_MAX};

    if (!schema_decode_field(ctx, &text, node, out))
        return false;
    for (const char *c = node->text; *c; c++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", *c))
            return doc_fail(node, ctx->err, ERR_FILE,
                            "'%s': '%.60s' has something other than letters, digits, '-' and '_'", f->key,
                            node->text);
    return true;
}

bool plan_name_ok(const char *name)
{
    const char *label = name;
    size_t len = strlen(name);

    if (len && name[len - 1] == '.')
        len--;
    if (len == 0 || len > PLAN_DNS_NAME_MAX)
        return false;
    if (name[0] == '*') {
        if (len == 1 || name[1] != '.')
            return len == 1;
        label = name + 2;
    }
    while (label < name + len) {
        size_t n = strspn(label, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");

        if (n == 0 || n > PLAN_DNS_LABEL_MAX || (label + n < name + len && label[n] != '.'))
            return false;
        label += n + 1;
    }
    return label == name + len + 1; /* not after a dot of its own */
}

static bool hook_name(struct schema_ctx *ctx, const struct schema_field *f, const struct doc_node *node,
                      void *out)
{
    static const struct schema_field text = {.key = "name", .type = SCHEMA_STRING};

    if (!schema_decode_field(ctx, &text, node, out))
        return false;
    if (!plan_name_ok(node->text))
        return doc_fail(node, ctx->err, ERR_FILE, "'%s': '%.80s' is not a DNS name", f->key, node->text);
    return true;
}

/* "Z0123ABC", "/hostedzone/Z0123ABC" or a DNS name. */
static bool hook_zone(struct schema_ctx *ctx, const struct schema_field *f, const struct doc_node *node,
                      void *out)
{
    static const struct schema_field text = {.key = "zone", .type = SCHEMA_STRING};
    const char *id;

    if (!schema_decode_field(ctx, &text, node, out))
        return false;
    id = text_starts_with(node->text, "/hostedzone/") ? node->text + strlen("/hostedzone/") : node->text;
    if (!plan_name_ok(id) || id[0] == '*')
        return doc_fail(node, ctx->err, ERR_FILE, "'%s': '%.80s' is neither a zone's name nor its id",
                        f->key, node->text);
    return true;
}

/* "host:port", "192.0.2.1:53", "[2001:db8::1]:53". */
static bool endpoint_ok(const char *s)
{
    const char *colon = strrchr(s, ':');
    struct err why = {0};
    uint32_t port;
    size_t host;

    if (!colon || !text_parse_u32(colon + 1, 1, 65535, &port, &why))
        return false;
    host = (size_t)(colon - s);
    if (*s == '[')
        return host > 2 && s[host - 1] == ']' && strspn(s + 1, "0123456789abcdefABCDEF:.") == host - 2;
    return host > 0 && strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == host;
}

static bool need_endpoint(struct schema_ctx *ctx, const struct schema_field *f,
                          const struct doc_node *node)
{
    if (node->kind != DOC_SCALAR || !endpoint_ok(node->text))
        return doc_fail(node, ctx->err, ERR_FILE, "'%s' expects host:port, such as 192.0.2.1:53", f->key);
    return true;
}

static bool hook_resolver(struct schema_ctx *ctx, const struct schema_field *f,
                          const struct doc_node *node, void *out)
{
    *(const char **)out = node->text;
    return need_endpoint(ctx, f, node);
}

static bool hook_endpoint_url(struct schema_ctx *ctx, const struct schema_field *f,
                              const struct doc_node *node, void *out)
{
    static const struct schema_field text = {.key = "endpoint_url", .type = SCHEMA_STRING, .max = 2048,
                                             .flags = SCHEMA_ONE_LINE};

    if (!schema_decode_field(ctx, &text, node, out))
        return false;
    if (!text_starts_with(node->text, "http://") && !text_starts_with(node->text, "https://"))
        return doc_fail(node, ctx->err, ERR_FILE, "'%s' begins with https:// or http://", f->key);
    return true;
}

static bool hook_role_arn(struct schema_ctx *ctx, const struct schema_field *f,
                          const struct doc_node *node, void *out)
{
    static const struct schema_field text = {.key = "role_arn", .type = SCHEMA_STRING, .min = 20,
                                             .max = 2048, .flags = SCHEMA_ONE_LINE};

    if (!schema_decode_field(ctx, &text, node, out))
        return false;
    if (!text_starts_with(node->text, "arn:"))
        return doc_fail(node, ctx->err, ERR_FILE, "'%s' begins with arn:", f->key);
    return true;
}

static const struct schema_field alias_fields[] = {
    {.key = "alias", .type = SCHEMA_STRING, .flags = SCHEMA_REQUIRED | SCHEMA_ONE_LINE, .max = PLAN_DNS_NAME_MAX,
     SCHEMA_TO(struct plan_target, alias_name), .help = "DNS name of an AWS resource"},
    {.key = "zone", .type = SCHEMA_STRING, .flags = SCHEMA_REQUIRED | SCHEMA_ONE_LINE, .max = 64,
     SCHEMA_TO(struct plan_target, alias_zone), .help = "the resource's own hosted zone id"},
    {.key = "evaluate_health", .type = SCHEMA_BOOL, SCHEMA_TO(struct plan_target, alias_health),
     .help = "EvaluateTargetHealth"},
};
static const struct schema alias_schema = {
    SCHEMA_TABLE("target", struct plan_target, alias_fields),
    .help = "where the new side is: an address, a list of them, a host name, or an alias"};

static bool is_address(const char *s, int family)
{
    unsigned char raw[16];

    return inet_pton(family, s, raw) == 1;
}

/* One address, a list of them, one host name; or a map for an alias. */
static bool hook_target(struct schema_ctx *ctx, const struct schema_field *f,
                        const struct doc_node *node, void *out)
{
    const struct doc_node *const *items = node->kind == DOC_LIST ? node->items : &node;
    size_t n = node->kind == DOC_LIST ? node->n : 1;
    struct plan_target *target = arena_array(ctx->mem, 1, sizeof *target);
    bool names = false;

    *(const struct plan_target **)out = target;
    if (node->kind == DOC_MAP)
        return schema_decode_sub(ctx, &alias_schema, node, target);
    if (n == 0 || n > PLAN_TARGETS_MAX)
        return doc_fail(node, ctx->err, ERR_FILE, "'%s' expects 1 to %u addresses", f->key,
                        PLAN_TARGETS_MAX);
    for (size_t i = 0; i < n; i++) {
        const char *s = items[i]->kind == DOC_SCALAR ? items[i]->text : "";
        bool address = is_address(s, AF_INET) || is_address(s, AF_INET6);

        if (!address && (!plan_name_ok(s) || s[0] == '*' || !strchr(s, '.')))
            return doc_fail(items[i], ctx->err, ERR_FILE,
                            "'%s' expects an address, a list of them, a host name, or {alias: NAME, "
                            "zone: ID}",
                            f->key);
        names |= !address;
        target->value[target->n++] = s;
    }
    return !names || n == 1 ||
           doc_fail(node, ctx->err, ERR_FILE, "'%s': a host name stands alone", f->key);
}

static const struct schema_field side_fields[] = {
    {.key = "set", .type = SCHEMA_STRINGS, .flags = SCHEMA_REQUIRED | SCHEMA_OR_ONE | SCHEMA_ONE_LINE,
     SCHEMA_TO(struct plan_file_side, ids), SCHEMA_COUNT(struct plan_file_side, ids_n), .min = 1,
     .max = PLAN_SIDE_SETS_MAX, .help = "SetIdentifier of the side's resource record set, or a list of them"},
    {.key = "target", .type = SCHEMA_CUSTOM, .hook = hook_target, .sub = &alias_schema,
     SCHEMA_TO(struct plan_file_side, target), SCHEMA_AT(struct plan_file_side, target_at),
     .json = "{\"anyOf\": [{\"type\": \"string\"}, {\"type\": \"array\", \"items\": {\"type\": \"string\"}}, "
             "{\"$ref\": \"#/definitions/target\"}]}",
     .help = "new side only: where it is, for `prepare` to make its set"},
};

static bool check_side(struct schema_ctx *ctx, const struct doc_node *node, void *out)
{
    const struct plan_file_side *side = out;

    for (size_t i = 0; i < side->ids_n; i++)
        if (strlen(side->ids[i]) > PLAN_SET_ID_MAX)
            return doc_fail(node, ctx->err, ERR_FILE, "a SetIdentifier has at most %d bytes",
                            PLAN_SET_ID_MAX);
    return true;
}

static bool check_sides(struct schema_ctx *ctx, const struct doc_node *node, void *out)
{
    const struct plan_file_sides *sides = out;

    (void)node;
    if (!sides->side[PLAN_OLD].target_at)
        return true;
    return doc_fail(sides->side[PLAN_OLD].target_at, ctx->err, ERR_FILE,
                    "'target' is for the new side: the old one's sets are as they stand");
}

static const struct schema side_schema = {
    SCHEMA_TABLE("side", struct plan_file_side, side_fields), SCHEMA_AT(struct plan_file_side, at),
    .scalar_key = "set", .list_key = "set", .check = check_side,
    .help = "which of a record's sets belong to this side"};

static const struct schema_field sides_fields[] = {
    {.key = "old", .type = SCHEMA_MAP, SCHEMA_TO(struct plan_file_sides, side[PLAN_OLD]),
     .sub = &side_schema, .help = "the fleet traffic leaves"},
    {.key = "new", .type = SCHEMA_MAP, SCHEMA_TO(struct plan_file_sides, side[PLAN_NEW]),
     .sub = &side_schema, .help = "the fleet traffic moves to"},
};
static const struct schema sides_schema = {
    SCHEMA_TABLE("sides", struct plan_file_sides, sides_fields), .check = check_sides};

#define RECORD(m) SCHEMA_TO(struct plan_file_record, m)
static const struct schema_field record_fields[] = {
    {.key = "name", .type = SCHEMA_CUSTOM, .hook = hook_name, .flags = SCHEMA_REQUIRED, RECORD(name),
     SCHEMA_AT(struct plan_file_record, name_at), .json = "{\"type\": \"string\"}",
     .help = "full DNS name; a wildcard is quoted: \"*.shops.example.com\""},
    {.key = "type", .type = SCHEMA_ENUM, .names = plan_types, .flags = SCHEMA_REQUIRED, RECORD(type),
     SCHEMA_AT(struct plan_file_record, type_at), .help = "record type"},
    {.key = "zone", .type = SCHEMA_CUSTOM, .hook = hook_zone, RECORD(zone),
     SCHEMA_AT(struct plan_file_record, zone_at), .json = "{\"type\": \"string\"}",
     .help = "zone name or id, where it is not the plan's"},
    {.key = "old", .type = SCHEMA_MAP, RECORD(sides.side[PLAN_OLD]), .sub = &side_schema,
     .help = "sets of the old side, where they are not the plan's"},
    {.key = "new", .type = SCHEMA_MAP, RECORD(sides.side[PLAN_NEW]), .sub = &side_schema,
     .help = "sets of the new side, where they are not the plan's"},
};
static bool check_record(struct schema_ctx *ctx, const struct doc_node *node, void *out)
{
    const struct plan_file_record *record = out;

    return check_sides(ctx, node, (void *)(uintptr_t)&record->sides);
}

static const struct schema record_schema = {
    SCHEMA_TABLE("record", struct plan_file_record, record_fields),
    SCHEMA_AT(struct plan_file_record, at), .check = check_record,
    .help = "one zone, name and type: one weighted group"};

/* A wrapper of one row, so that the hook below can use the decoder's list. */
static const struct schema_field records_list[] = {
    {.key = "records", .type = SCHEMA_LIST, SCHEMA_TO(struct plan_file_records, list),
     SCHEMA_COUNT(struct plan_file_records, n), .sub = &record_schema, .min = 1,
     .max = PLAN_RECORDS_MAX},
};

static bool hook_records(struct schema_ctx *ctx, const struct schema_field *f,
                         const struct doc_node *node, void *out)
{
    struct plan_file_records *records = out;

    if (node->kind != DOC_SCALAR)
        return schema_decode_field(ctx, records_list, node, out);
    records->all = strcmp(node->text, "all") == 0;
    if (!records->all)
        return doc_fail(node, ctx->err, ERR_FILE, "'%s' expects a list of records, or all", f->key);
    return true;
}

#define STEP(m) SCHEMA_TO(struct plan_file_step, m)
static const struct schema_field step_fields[] = {
    {.key = "percent", .type = SCHEMA_U32, .flags = SCHEMA_REQUIRED, .min = 1, .max = 100, STEP(percent),
     SCHEMA_AT(struct plan_file_step, percent_at), .help = "share of the new side, whole percent"},
    {.key = "bake", .type = SCHEMA_DURATION, .min = 1000, .max = 30 * DAY_MS, STEP(bake_ms),
     SCHEMA_AT(struct plan_file_step, bake_at), .help = "how long this step is kept after draining"},
    {.key = "approve", .type = SCHEMA_BOOL, STEP(approve),
     .help = "a person must say yes after this step's gate"},
    {.key = "on_breach", .type = SCHEMA_ENUM, .names = breach_words, STEP(on_breach),
     SCHEMA_AT(struct plan_file_step, on_breach_at), .help = "what a breach at this step does"},
};
static const struct schema step_schema = {
    SCHEMA_TABLE("step", struct plan_file_step, step_fields), SCHEMA_AT(struct plan_file_step, at),
    .scalar_key = "percent", .help = "one target percentage"};

#define BUDGET(m) SCHEMA_TO(struct plan_file_budget, m)
static const struct schema_field budget_fields[] = {
    {.key = "allowed", .type = SCHEMA_PERCENT, .min = 100, .max = 125000, .preset = "1%",
     BUDGET(allowed_ppm), SCHEMA_AT(struct plan_file_budget, allowed_at),
     .help = "failures a healthy fleet may have; at most half of unacceptable"},
    {.key = "unacceptable", .type = SCHEMA_PERCENT, .min = 200, .max = 250000, .preset = "5%",
     BUDGET(unacceptable_ppm), SCHEMA_AT(struct plan_file_budget, unacceptable_at),
     .help = "failures no step may be promoted with"},
    {.key = "failure_limit", .type = SCHEMA_U32, .min = 1, .max = 1000000, BUDGET(failure_limit),
     .help = "failures of the new side in one run that are a breach by themselves"},
    {.key = "consecutive_failures", .type = SCHEMA_U32, .min = 1, .max = 1000000,
     BUDGET(consecutive_failures), .help = "failures in a row on the new side that are a breach"},
};
static const struct schema budget_schema = {
    SCHEMA_TABLE("budget", struct plan_file_budget, budget_fields),
    SCHEMA_AT(struct plan_file_budget, at), .help = "what failure is allowed"};

static bool check_suite(struct schema_ctx *ctx, const struct doc_node *node, void *out)
{
    const struct plan_file_suite *suite = out;

    if (suite->file && suite->inline_at)
        return doc_fail(suite->inline_at, ctx->err, ERR_FILE,
                        "a suite is a 'file' or stands here as 'suite', not both");
    if (!suite->file && !suite->inline_at)
        return doc_fail(node, ctx->err, ERR_FILE,
                        "a suite needs the key 'file', or 'suite' with its checks inside");
    return true;
}

#define SUITE(m) SCHEMA_TO(struct plan_file_suite, m)
static const struct schema_field suite_fields[] = {
    {.key = "file", .type = SCHEMA_STRING, .flags = SCHEMA_ONE_LINE, .max = 4096, SUITE(file),
     SCHEMA_AT(struct plan_file_suite, file_at), .help = "suite file, relative to the plan"},
    {.key = "suite", .type = SCHEMA_NODE, SUITE(inline_at), .json = "{\"type\": \"object\"}",
     .help = "the suite itself, as it would stand in a file of its own"},
    {.key = "budget", .type = SCHEMA_MAP, SUITE(budget), .sub = &budget_schema,
     .help = "what failure of this suite is allowed"},
};
static const struct schema suite_schema = {
    SCHEMA_TABLE("suite", struct plan_file_suite, suite_fields), SCHEMA_AT(struct plan_file_suite, at),
    .scalar_key = "file", .check = check_suite, .help = "a suite and its budget"};

#define TO(m) SCHEMA_TO(struct plan_file, m)
#define AT(m) SCHEMA_AT(struct plan_file, m)

/* Maps that stand once: their rows fill struct plan_file itself, so their offset is 0. */
#define ONCE(label, rows) {SCHEMA_TABLE(label, struct plan_file, rows)}

static const struct schema_field route53_fields[] = {
    {.key = "zone", .type = SCHEMA_CUSTOM, .hook = hook_zone, TO(route53.zone), AT(route53.zone_at),
     .json = "{\"type\": \"string\"}", .help = "zone name or id of records that name none"},
    {.key = "profile", .type = SCHEMA_STRING, .flags = SCHEMA_ONE_LINE, .max = 256, TO(route53.profile),
     .help = "profile in the shared AWS files"},
    {.key = "role_arn", .type = SCHEMA_CUSTOM, .hook = hook_role_arn, TO(route53.role_arn),
     .json = "{\"type\": \"string\"}", .help = "role to take before anything else"},
    {.key = "endpoint_url", .type = SCHEMA_CUSTOM, .hook = hook_endpoint_url, TO(route53.endpoint_url),
     .json = "{\"type\": \"string\"}", .help = "another Route 53 API, such as the sandbox"},
    {.key = "servers", .type = SCHEMA_STRINGS, .flags = SCHEMA_OR_ONE, .min = 1, .max = PLAN_SERVERS_MAX,
     TO(route53.servers), SCHEMA_COUNT(struct plan_file, route53.servers_n),
     .help = "host:port of authoritative servers, instead of the delegation set"},
    {.key = "resolver", .type = SCHEMA_CUSTOM, .hook = hook_resolver, TO(route53.resolver),
     .json = "{\"type\": \"string\"}", .help = "host:port of the resolver for CNAME targets"},
    {.key = "rate", .type = SCHEMA_RATE, .max = PLAN_API_RATE_MAX, .preset = "2/s", TO(route53.rate_milli),
     .help = "API calls a second, of what the account has for all its clients; a rollback does not wait for its turn"},
};

static bool check_route53(struct schema_ctx *ctx, const struct doc_node *node, void *out)
{
    static const struct schema_field row = {.key = "servers"};
    const struct doc_node *servers = doc_get(node, "servers");
    const struct plan_file *file = out;

    if (file->route53.rate_milli < PLAN_API_RATE_MIN)
        return doc_fail(doc_get(node, "rate"), ctx->err, ERR_FILE,
                        "'rate' is below %u/s: the lease has to be renewed in time",
                        PLAN_API_RATE_MIN / 1000);
    if (servers && servers->kind == DOC_SCALAR)
        return need_endpoint(ctx, &row, servers);
    for (size_t i = 0; servers && i < servers->n; i++)
        if (!need_endpoint(ctx, &row, servers->items[i]))
            return false;
    return true;
}

static const struct schema route53_schema = {
    SCHEMA_TABLE("route53", struct plan_file, route53_fields), AT(route53.at), .check = check_route53,
    .help = "where the zone is and how it is reached"};

static const struct schema_field prepare_fields[] = {
    {.key = "ttl", .type = SCHEMA_DURATION, .min = 1000, .max = 3600000, .preset = "60s", TO(prepare_ttl_ms),
     .help = "longer TTLs are lowered to this, and waited out, before anything else"},
};
static const struct schema prepare_schema = ONCE("prepare", prepare_fields);

/* "192.0.2.1", "192.0.2.1:53", "2001:db8::1", "[2001:db8::1]:53". */
static bool address_ok(const char *s)
{
    uint8_t bytes[sizeof(struct in6_addr)];

    if (inet_pton(AF_INET, s, bytes) == 1 || inet_pton(AF_INET6, s, bytes) == 1)
        return true;
    return strspn(s, *s == '[' ? "0123456789abcdefABCDEF:.[]" : "0123456789.:") == strlen(s) && endpoint_ok(s);
}

static bool need_address(struct schema_ctx *ctx, const struct doc_node *node)
{
    if (node->kind != DOC_SCALAR || !address_ok(node->text))
        return doc_fail(node, ctx->err, ERR_FILE,
                        "'resolvers' expects addresses, with or without a port, such as 192.0.2.1:53");
    return true;
}

static bool check_observe(struct schema_ctx *ctx, const struct doc_node *node, void *out)
{
    const struct doc_node *list = doc_get(node, "resolvers");

    (void)out;
    if (list && list->kind == DOC_SCALAR)
        return need_address(ctx, list);
    for (size_t i = 0; list && i < list->n; i++)
        if (!need_address(ctx, list->items[i]))
            return false;
    return true;
}

static const struct schema_field observe_fields[] = {
    {.key = "resolvers", .type = SCHEMA_STRINGS, .flags = SCHEMA_OR_ONE, .min = 1, .max = PLAN_RESOLVERS_MAX,
     TO(observe.resolvers), SCHEMA_COUNT(struct plan_file, observe.resolvers_n),
     .help = "recursive resolvers that `sluice observe` asks what they have cached"},
};
static const struct schema observe_schema = {SCHEMA_TABLE("observe", struct plan_file, observe_fields),
                                             .check = check_observe,
                                             .help = "what `sluice observe` asks besides the zone's own servers"};

static const struct schema_field soak_fields[] = {
    {.key = "for", .type = SCHEMA_DURATION, .max = 30 * DAY_MS, .preset = "30m", TO(soak.for_ms),
     .help = "how long to watch on at 100 %"},
    {.key = "rate", .type = SCHEMA_RATE, .max = 1000000, .preset = "1/s", TO(soak.rate_milli),
     AT(soak.rate_at), .help = "probes a second and side in the soak"},
    {.key = "on_breach", .type = SCHEMA_ENUM, .names = breach_words, .preset = "rollback",
     TO(soak.on_breach), AT(soak.on_breach_at), .help = "what a breach in the soak does"},
};
static const struct schema soak_schema = ONCE("soak", soak_fields);

static const struct schema_field smoke_fields[] = {
    {.key = "suites", .type = SCHEMA_LIST, .flags = SCHEMA_REQUIRED | SCHEMA_OR_ONE, .min = 1,
     .max = PLAN_SUITES_MAX, .sub = &suite_schema, TO(smoke.suites),
     SCHEMA_COUNT(struct plan_file, smoke.suites_n), .help = "what judges both fleets"},
    {.key = "rate", .type = SCHEMA_RATE, .max = 1000000, .preset = "5/s", TO(smoke.rate_milli),
     AT(smoke.rate_at), .help = "probes a second and side"},
};
static const struct schema smoke_schema = {SCHEMA_TABLE("smoke", struct plan_file, smoke_fields),
                                           AT(smoke.at), .help = "the evidence"};

/* The words a key of `on:` may take are plan_on_allowed()'s. */
static bool hook_on(struct schema_ctx *ctx, const struct schema_field *f, const struct doc_node *node,
                    void *out)
{
    const char *words[PLAN_POLICY_COUNT + 1] = {0};
    struct schema_field row = {.key = f->key, .type = SCHEMA_ENUM, .names = words};
    int on = 0;

    while (strcmp(plan_on_name((enum plan_on)on), f->key) != 0)
        on++;
    for (int p = 0; p < PLAN_POLICY_COUNT; p++)
        words[p] = plan_on_allowed((enum plan_on)on, (enum plan_policy)p)
                       ? plan_policy_name((enum plan_policy)p)
                       : "";
    return schema_decode_field(ctx, &row, node, out);
}

#define ON(word_key, which, words, value, text)                                                          \
    {.key = (word_key), .type = SCHEMA_CUSTOM, .hook = hook_on, TO(on.word[which]), AT(on.word_at[which]), \
     .preset = (value), .json = "{\"enum\": [" words "]}", .help = (text)}
#define HOLD     "\"hold\""
#define ROLLBACK "\"rollback\""
#define RESUME   "\"resume\""
#define IGNORE   "\"ignore\""

static const struct schema_field on_fields[] = {
    ON("breach", PLAN_ON_BREACH, HOLD ", " ROLLBACK, "rollback", "the error budget is breached"),
    ON("inconclusive", PLAN_ON_INCONCLUSIVE, HOLD ", " ROLLBACK, "hold", "a gate cannot decide"),
    ON("slow", PLAN_ON_SLOW, HOLD ", " ROLLBACK ", " IGNORE, "hold", "the new side became slower"),
    ON("interrupt", PLAN_ON_INTERRUPT, HOLD ", " ROLLBACK, "hold", "Ctrl-C"),
    ON("terminate", PLAN_ON_TERMINATE, HOLD ", " ROLLBACK, "hold", "SIGTERM"),
    ON("crash", PLAN_ON_CRASH, HOLD ", " ROLLBACK ", " RESUME, "resume", "what recover does after a crash"),
    ON("window_end", PLAN_ON_WINDOW_END, HOLD ", " ROLLBACK, "hold", "the schedule's window ends"),
    ON("held_too_long", PLAN_ON_HELD_TOO_LONG, HOLD ", " ROLLBACK, "rollback",
       "max_hold passed without a person"),
};
_Static_assert(ARRAY_LEN(on_fields) == PLAN_ON_COUNT, "a row for every key of `on:`");
static const struct schema on_schema = {SCHEMA_TABLE("on", struct plan_file, on_fields),
                                        .help = "what to do when something happens"};

static const struct schema_field schedule_fields[] = {
    {.key = "not_before", .type = SCHEMA_TIME, TO(schedule.not_before_ms), AT(schedule.not_before_at),
     .help = "no forward step before this time"},
    {.key = "not_after", .type = SCHEMA_TIME, TO(schedule.not_after_ms), AT(schedule.not_after_at),
     .help = "no forward step whose drain and bake would end after this time"},
};
static const struct schema schedule_schema = {
    SCHEMA_TABLE("schedule", struct plan_file, schedule_fields), AT(schedule.at)};

static const struct schema_field notify_fields[] = {
    {.key = "command", .type = SCHEMA_STRINGS, .flags = SCHEMA_REQUIRED, .min = 1,
     .max = PLAN_COMMAND_MAX, TO(notify_command), SCHEMA_COUNT(struct plan_file, notify_command_n),
     .help = "program and arguments; no shell sees them, the notice comes on standard input"},
};
static const struct schema notify_schema = ONCE("notify", notify_fields);

static const struct schema_field lease_fields[] = {
    {.key = "life", .type = SCHEMA_DURATION, .min = 60000, .max = DAY_MS, .preset = "10m",
     SCHEMA_TO(struct plan_file_lease, life_ms), SCHEMA_AT(struct plan_file_lease, life_at),
     .help = "how long a lease holds after its last writing"},
    {.key = "name", .type = SCHEMA_CUSTOM, .hook = hook_name, SCHEMA_TO(struct plan_file_lease, name),
     .json = "{\"type\": \"string\"}", .help = "its name, to run two plans in one zone on purpose"},
};
static const struct schema lease_schema = {
    SCHEMA_TABLE("lease", struct plan_file_lease, lease_fields)};

static bool hook_lease(struct schema_ctx *ctx, const struct schema_field *f, const struct doc_node *node,
                       void *out)
{
    struct plan_file_lease *lease = out;

    if (node->kind == DOC_MAP)
        return schema_decode_sub(ctx, &lease_schema, node, out);
    lease->off = strcmp(node->text, "off") == 0;
    if (!lease->off)
        return doc_fail(node, ctx->err, ERR_FILE, "'%s' expects a map such as {life: 10m}, or off",
                        f->key);
    return true;
}

static const struct schema_field plan_fields[] = {
    {.key = "version", .type = SCHEMA_CUSTOM, .hook = hook_version, .flags = SCHEMA_REQUIRED, TO(version),
     .json = "{\"const\": 1}", .help = "version of this file's format"},
    {.key = "cutover", .type = SCHEMA_CUSTOM, .hook = hook_cutover, .flags = SCHEMA_REQUIRED, TO(cutover),
     AT(cutover_at), .json = "{\"type\": \"string\", \"pattern\": \"^[A-Za-z0-9_-]{1,40}$\"}",
     .help = "its name, in journals and in the lease record"},
    {.key = "route53", .type = SCHEMA_MAP, .sub = &route53_schema, .help = "where the records are"},
    {.key = "sides", .type = SCHEMA_MAP, TO(sides), AT(sides_at), .sub = &sides_schema,
     .help = "how the sets of the two fleets are told apart"},
    {.key = "records", .type = SCHEMA_CUSTOM, .hook = hook_records, .flags = SCHEMA_REQUIRED, TO(records),
     AT(records_at), .sub = &record_schema,
     .json = "{\"anyOf\": [{\"const\": \"all\"}, {\"type\": \"array\", \"minItems\": 1, "
             "\"items\": {\"$ref\": \"#/definitions/record\"}}]}",
     .help = "what is moved, together"},
    {.key = "steps", .type = SCHEMA_LIST, .flags = SCHEMA_REQUIRED, .min = 1, .max = PLAN_STEPS_MAX,
     TO(steps), SCHEMA_COUNT(struct plan_file, steps_n), AT(steps_at), .sub = &step_schema,
     .help = "target percentages, growing"},
    {.key = "bake", .type = SCHEMA_DURATION, .min = 1000, .max = 30 * DAY_MS, .preset = "5m", TO(bake_ms),
     AT(bake_at), .help = "how long a step is kept after draining"},
    {.key = "prepare", .type = SCHEMA_MAP, .sub = &prepare_schema,
     .help = "how simple records become weighted"},
    {.key = "soak", .type = SCHEMA_MAP, .sub = &soak_schema, .help = "watching on at 100 %"},
    {.key = "rollback_to", .type = SCHEMA_U32, .max = 99, .preset = "0", TO(rollback_to),
     AT(rollback_to_at), .help = "percent on the new side after a rollback"},
    {.key = "smoke", .type = SCHEMA_MAP, .flags = SCHEMA_REQUIRED, .sub = &smoke_schema,
     .help = "what judges both fleets"},
    {.key = "on", .type = SCHEMA_MAP, .sub = &on_schema, .help = "policies"},
    {.key = "max_hold", .type = SCHEMA_DURATION, .min = 1000, .max = 30 * DAY_MS, .preset = "30m",
     TO(max_hold_ms), AT(max_hold_at), .help = "how long to wait for a person when held by inconclusive"},
    {.key = "schedule", .type = SCHEMA_MAP, .sub = &schedule_schema, .help = "when steps may be taken"},
    {.key = "notify", .type = SCHEMA_MAP, .sub = &notify_schema, .help = "whom to tell"},
    {.key = "verify", .type = SCHEMA_ENUM, .names = verify_words, .preset = "dns", TO(verify),
     .help = "how a change is seen: in DNS itself, by the API, or in DNS as a warning"},
    {.key = "observe", .type = SCHEMA_MAP, .sub = &observe_schema,
     .help = "whom else `sluice observe` asks"},
    {.key = "drain_factor", .type = SCHEMA_DOUBLE, .min = 1, .max = 100, .preset = "1", TO(drain_factor),
     AT(drain_factor_at), .help = "multiplies the wait for caches"},
    {.key = "lease", .type = SCHEMA_CUSTOM, .hook = hook_lease, .sub = &lease_schema, TO(lease),
     .json = "{\"anyOf\": [{\"const\": \"off\"}, {\"$ref\": \"#/definitions/lease\"}]}",
     .help = "the TXT record that fences all writes, or off"},
};
const struct schema plan_file_schema = {SCHEMA_TABLE("plan", struct plan_file, plan_fields), AT(root),
                                        .help = "a cutover, as sluice walks it"};
