#include "iam_policy.h"

#include <stdlib.h>
#include <string.h>

#include "route53.h"
#include "sluice/common.h"
#include "sluice/text.h"

#define VERSION    "2012-10-17" /* of the policy language */
#define KEY_NAMES  "route53:ChangeResourceRecordSetsNormalizedRecordNames"
#define KEY_TYPES  "route53:ChangeResourceRecordSetsRecordTypes"
#define KEY_ACTION "route53:ChangeResourceRecordSetsActions"
#define LEASE_LIKE "_sluice.*"
#define TRIAL_LIKE "_sluice-try.*"

static const struct {
    const char *name;
    unsigned bit;
} commands[] = {{"ramp", IAM_RAMP},       {"rollback", IAM_ROLLBACK},
                {"prepare", IAM_PREPARE}, {"finish", IAM_FINISH},
                {"release", IAM_RELEASE}, {"all", IAM_WALKS | IAM_CONVERTS | IAM_RELEASE}};

bool iam_policy_commands(const char *list, unsigned *out, struct err *err)
{
    *out = 0;
    for (const char *p = list;; p++) {
        size_t len = strcspn(p, ","), i = 0;

        while (i < ARRAY_LEN(commands) &&
               (strlen(commands[i].name) != len || strncmp(commands[i].name, p, len) != 0))
            i++;
        if (i == ARRAY_LEN(commands))
            return err_set(err, ERR_USAGE,
                           "--allow is a list of ramp, rollback, prepare, finish, release, or all; "
                           "not '%.*s'",
                           len < 40 ? (int)len : 40, p);
        *out |= commands[i].bit;
        p += len;
        if (!*p)
            return true;
    }
}

static bool is_octal(const char *p)
{
    return p[0] == '\\' && p[1] >= '0' && p[1] <= '3' && p[2] >= '0' && p[2] <= '7' &&
           p[3] >= '0' && p[3] <= '7';
}

static void add_byte(struct buf *out, unsigned char c, bool separator)
{
    if (c >= 'A' && c <= 'Z')
        c = (unsigned char)(c - 'A' + 'a');
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
        (separator && c == '.'))
        buf_add_char(out, (char)c);
    else
        buf_addf(out, "\\%03o", c);
}

void iam_policy_name(const char *name, struct buf *out)
{
    size_t len = strlen(name);

    len -= len > 1 && name[len - 1] == '.';
    for (size_t i = 0; i < len; i++) {
        const char *p = name + i;

        if (len - i >= 4 && is_octal(p)) {
            add_byte(out, (unsigned char)((p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0')),
                     false);
            i += 3;
        } else {
            add_byte(out, (unsigned char)*p, true);
        }
    }
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorts, frees, and gives each once. */
static json_t *take_unique(char **list, size_t n)
{
    json_t *out = json_array();

    qsort(list, n, sizeof *list, by_text);
    for (size_t i = 0; i < n; i++)
        if (!i || strcmp(list[i], list[i - 1]) != 0)
            json_array_append_new(out, json_string(list[i]));
    for (size_t i = 0; i < n; i++)
        free(list[i]);
    free(list);
    return out;
}

static char *name_of(const char *name)
{
    struct buf text = {0};

    iam_policy_name(name, &text);
    return buf_take(&text);
}

static json_t *names_of(const struct iam_policy *p, const struct iam_policy_zone *z)
{
    char **list = x_calloc(z->n_records + z->n_helpers + 2, sizeof *list);
    size_t n = 0;

    for (size_t i = 0; (p->commands & ~(unsigned)IAM_RELEASE) && i < z->n_records; i++)
        list[n++] = name_of(z->records[i].name);
    for (size_t i = 0; (p->commands & IAM_CONVERTS) && i < z->n_helpers; i++)
        list[n++] = name_of(z->helpers[i].name);
    if (z->lease_like)
        list[n++] = x_strdup(LEASE_LIKE);
    else if (z->lease)
        list[n++] = name_of(z->lease);
    if (p->commands & IAM_PREPARE)
        list[n++] = z->trial ? name_of(z->trial) : x_strdup(TRIAL_LIKE);
    return take_unique(list, n);
}

static json_t *types_of(const struct iam_policy *p, const struct iam_policy_zone *z)
{
    char **list = x_calloc(z->n_records + z->n_helpers + 1, sizeof *list);
    size_t n = 0;

    for (size_t i = 0; (p->commands & ~(unsigned)IAM_RELEASE) && i < z->n_records; i++)
        list[n++] = x_strdup(z->records[i].type);
    for (size_t i = 0; (p->commands & IAM_CONVERTS) && i < z->n_helpers; i++)
        list[n++] = x_strdup(z->helpers[i].type);
    if (z->lease || z->lease_like || (p->commands & IAM_PREPARE))
        list[n++] = x_strdup("TXT");
    return take_unique(list, n);
}

/* "SluiceChange", "Z1": a Sid is of letters and digits. */
static json_t *statement(const char *sid, const char *sid_end, json_t *actions, json_t *resources)
{
    return json_pack("{s:s++, s:s, s:o, s:o}", "Sid", "Sluice", sid, sid_end, "Effect", "Allow",
                     "Action", actions, "Resource", resources);
}

static json_t *action(enum route53_call call)
{
    return json_string(route53_action(call));
}

/* ForAllValues is also true of a request that has no such values; Null says that it must have. */
static json_t *change_statement(const struct iam_policy *p, const struct iam_policy_zone *z)
{
    json_t *o = statement("Change", z->id, action(ROUTE53_CHANGE_SETS),
                          json_sprintf("arn:%s:route53:::hostedzone/%s", p->partition, z->id));
    json_t *equals = json_object(), *condition = json_object();
    bool patterns = z->lease_like || ((p->commands & IAM_PREPARE) && !z->trial);
    json_t *like = patterns ? json_object() : equals;
    json_t *verbs = json_pack("[s, s]", "CREATE", "DELETE");

    if (p->commands & IAM_WALKS) /* the way back is of UPSERTs */
        json_array_append_new(verbs, json_string("UPSERT"));
    json_object_set_new(like, KEY_NAMES, names_of(p, z));
    json_object_set_new(equals, KEY_TYPES, types_of(p, z));
    json_object_set_new(equals, KEY_ACTION, verbs);
    if (like != equals)
        json_object_set_new(condition, "ForAllValues:StringLike", like);
    json_object_set_new(condition, "ForAllValues:StringEquals", equals);
    json_object_set_new(
        condition, "Null",
        json_pack("{s:s, s:s, s:s}", KEY_NAMES, "false", KEY_TYPES, "false", KEY_ACTION, "false"));
    json_object_set_new(o, "Condition", condition);
    return o;
}

static json_t *read_statement(const struct iam_policy *p)
{
    json_t *zones = json_array();

    for (size_t i = 0; i < p->n_zones; i++)
        json_array_append_new(
            zones, json_sprintf("arn:%s:route53:::hostedzone/%s", p->partition, p->zones[i].id));
    return statement("Read", "",
                     json_pack("[o, o]", action(ROUTE53_GET_ZONE), action(ROUTE53_LIST_SETS)),
                     zones);
}

json_t *iam_policy_json(const struct iam_policy *p)
{
    json_t *list = json_array(), *notes;

    json_array_append_new(list, read_statement(p));
    if (p->commands & ~(unsigned)IAM_RELEASE)
        json_array_append_new(list,
                              statement("Sync", "", action(ROUTE53_GET_CHANGE),
                                        json_sprintf("arn:%s:route53:::change/*", p->partition)));
    for (size_t i = 0; i < p->n_zones; i++)
        json_array_append_new(list, change_statement(p, &p->zones[i]));
    if (p->by_name)
        json_array_append_new(
            list, statement("FindZone", "", action(ROUTE53_ZONES_BY_NAME), json_string("*")));
    if (!(p->commands & IAM_RAMP))
        return json_pack("{s:s, s:o}", "Version", VERSION, "Statement", list);
    notes = json_array();
    json_array_append_new(notes, action(ROUTE53_GET_HEALTH_CHECK));
    json_array_append_new(notes, action(ROUTE53_GET_POLICY_INSTANCE));
    json_array_append_new(
        list,
        statement(
            "Preflight", "", notes,
            json_pack("[o, o]", json_sprintf("arn:%s:route53:::healthcheck/*", p->partition),
                      json_sprintf("arn:%s:route53:::trafficpolicyinstance/*", p->partition))));
    return json_pack("{s:s, s:o}", "Version", VERSION, "Statement", list);
}
