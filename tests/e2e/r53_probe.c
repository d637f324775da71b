/* r53_probe: drives the Route 53 router by hand, for test_route53.py.
 *
 * The AWS environment says where and as whom; RATE (calls a second, default 50) is the first
 * argument. One JSON object a line on standard input, one on standard output:
 *   {"op": "find", "zone": NAME or ID}
 *   {"op": "list", "zone": ID, "name"?, "type"?, "only_name"?, "only_type"?}
 *   {"op": "change", "zone": ID, "changes": [{"action": "CREATE", "set": SET, "weight"?}],
 * "urgent"?}
 *   {"op": "sync", "id": ID}
 * SET is what list prints. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws_config.h"
#include "router_route53.h"
#include "sluice/arena.h"
#include "sluice/common.h"
#include "sluice/text.h"

struct probe {
    struct http *http;
    struct route53 *client;
    struct router router;
};

static const char *const outcomes[] = {
    [ROUTER_OK] = "ok",           [ROUTER_REFUSED] = "refused", [ROUTER_DENIED] = "denied",
    [ROUTER_BUSY] = "busy",       [ROUTER_MISSING] = "missing", [ROUTER_INVALID] = "invalid",
    [ROUTER_UNKNOWN] = "unknown",
};
_Static_assert(ARRAY_LEN(outcomes) == ROUTER_OUTCOME_COUNT, "a word for every outcome");

static SL_NORETURN void die(const char *why)
{
    fprintf(stderr, "r53_probe: %s\n", why);
    exit(2);
}

static void put(json_t *o, const char *key, const char *value)
{
    if (value)
        json_object_set_new(o, key, json_string(value));
}

static json_t *set_to_json(const struct rrset *s)
{
    json_t *o = json_pack("{s:s, s:s}", "name", s->name, "type", s->type), *values = json_array();

    put(o, "set", s->set_id);
    if (s->weighted)
        json_object_set_new(o, "weight", json_integer(s->weight));
    if (s->has_ttl)
        json_object_set_new(o, "ttl", json_integer(s->ttl));
    for (size_t i = 0; i < s->n_values; i++)
        json_array_append_new(values, json_string(s->values[i]));
    json_object_set_new(o, "values", values);
    if (s->alias_name)
        json_object_set_new(o, "alias",
                            json_pack("{s:s, s:s, s:b}", "zone", s->alias_zone, "name",
                                      s->alias_name, "evaluate", (int)s->alias_health));
    put(o, "health_check", s->health_check);
    put(o, "routing", s->routing);
    put(o, "traffic_policy", s->traffic_policy);
    return o;
}

static const char *text_of(const json_t *o, const char *key)
{
    return json_string_value(json_object_get(o, key));
}

static struct rrset set_from_json(struct arena *mem, const json_t *o)
{
    const json_t *weight = json_object_get(o, "weight"), *ttl = json_object_get(o, "ttl");
    const json_t *values = json_object_get(o, "values"), *alias = json_object_get(o, "alias");
    struct rrset s = {.name = text_of(o, "name"),
                      .type = text_of(o, "type"),
                      .set_id = text_of(o, "set"),
                      .weighted = weight != NULL,
                      .weight = (uint32_t)json_integer_value(weight),
                      .has_ttl = ttl != NULL,
                      .ttl = (uint32_t)json_integer_value(ttl),
                      .health_check = text_of(o, "health_check"),
                      .alias_zone = text_of(alias, "zone"),
                      .alias_name = text_of(alias, "name"),
                      .alias_health = json_is_true(json_object_get(alias, "evaluate"))};

    if (json_array_size(values)) {
        const char **list = arena_array(mem, json_array_size(values), sizeof *list);

        for (size_t i = 0; i < json_array_size(values); i++)
            list[i] = json_string_value(json_array_get(values, i));
        s.values = list;
        s.n_values = json_array_size(values);
    }
    return s;
}

static json_t *wait_answer(struct probe *p)
{
    struct router_answer a;
    struct err err = {0};
    json_t *o;

    while (!p->router.ops->next(p->router.self, &a)) {
        int64_t at = router_route53_wake_at(p->router.self), ms = 60000;
        struct http_done done;

        if (at != INT64_MAX)
            ms = at - clock_boot_ms(&clock_real);
        if (!http_wait(p->http, NULL, 0, ms < 0 ? 0 : (int)ms, &err))
            die(err.text);
        while (http_next(p->http, &done))
            if (!router_route53_take(p->router.self, &done))
                die("an answer to nobody's request");
    }
    o = json_pack("{s:s, s:s, s:s, s:s, s:b, s:I, s:I, s:I}", "outcome", outcomes[a.outcome],
                  "code", a.code, "message", a.message, "change_id", a.change_id, "insync",
                  (int)a.insync, "date_ms", (json_int_t)a.date_ms, "signed_ms",
                  (json_int_t)a.signed_ms, "sent_boot_us", (json_int_t)a.sent_boot_us);
    if (a.op == ROUTER_OP_LIST && a.outcome == ROUTER_OK) {
        json_t *sets = json_array();

        for (size_t i = 0; i < a.n_sets; i++)
            json_array_append_new(sets, set_to_json(&a.sets[i]));
        json_object_set_new(o, "sets", sets);
    }
    p->router.ops->release(p->router.self, &a);
    return o;
}

static json_t *do_change(struct probe *p, const json_t *in)
{
    static const char *const actions[] = {"CREATE", "DELETE", "UPSERT"};
    struct arena mem SL_CLEANUP(arena_clear) = {0};
    const json_t *list = json_object_get(in, "changes");
    size_t n = json_array_size(list);
    struct rrset *sets = arena_array(&mem, n, sizeof *sets);
    struct router_change *changes = arena_array(&mem, n, sizeof *changes);
    struct router_batch batch = {.zone_id = text_of(in, "zone"),
                                 .comment = text_of(in, "comment"),
                                 .changes = changes,
                                 .n_changes = n,
                                 .urgent = json_is_true(json_object_get(in, "urgent"))};

    for (size_t i = 0; i < n; i++) {
        const json_t *c = json_array_get(list, i), *weight = json_object_get(c, "weight");

        sets[i] = set_from_json(&mem, json_object_get(c, "set"));
        for (unsigned a = 0; a < ARRAY_LEN(actions); a++)
            if (strcmp(actions[a], text_of(c, "action")) == 0)
                changes[i].action = (enum router_change_action)a;
        changes[i].set = &sets[i];
        changes[i].weight = weight ? (uint32_t)json_integer_value(weight) : sets[i].weight;
    }
    p->router.ops->change(p->router.self, 1, &batch);
    return wait_answer(p);
}

static json_t *do_list(struct probe *p, const json_t *in)
{
    struct router_list want = {.zone_id = text_of(in, "zone"),
                               .name = text_of(in, "name"),
                               .type = text_of(in, "type"),
                               .only_name = json_is_true(json_object_get(in, "only_name")),
                               .only_type = json_is_true(json_object_get(in, "only_type"))};

    p->router.ops->list(p->router.self, 1, &want);
    return wait_answer(p);
}

static json_t *do_find(struct probe *p, const json_t *in)
{
    struct arena mem SL_CLEANUP(arena_clear) = {0};
    struct route53_zone zone;
    struct err err = {0};
    json_t *o, *servers;

    if (!route53_find_zone(p->client, text_of(in, "zone"), &mem, &zone, &err))
        return json_pack("{s:s, s:i}", "error", err.text, "exit", err_exit_status(err.kind));
    o = json_pack("{s:s, s:s, s:b, s:i}", "id", zone.id, "name", zone.name, "private",
                  (int)zone.private_zone, "n_sets", (int)zone.n_sets);
    servers = json_array();
    for (size_t i = 0; i < zone.n_servers; i++)
        json_array_append_new(servers, json_string(zone.servers[i]));
    json_object_set_new(o, "servers", servers);
    return o;
}

static json_t *perform(struct probe *p, const json_t *in)
{
    const char *op = text_of(in, "op");

    if (op && strcmp(op, "find") == 0)
        return do_find(p, in);
    if (op && strcmp(op, "list") == 0)
        return do_list(p, in);
    if (op && strcmp(op, "change") == 0)
        return do_change(p, in);
    if (op && strcmp(op, "sync") == 0) {
        p->router.ops->sync(p->router.self, 1, text_of(in, "id"));
        return wait_answer(p);
    }
    die("no such op");
}

int main(int argc, char **argv)
{
    struct aws_config config SL_CLEANUP(aws_config_clear) = {0};
    struct credentials credentials SL_CLEANUP(credentials_clear) = {0};
    struct aws_route53 where;
    struct http_config http_config = {0};
    struct route53_config client = {
        .clock = &clock_real, .credentials = &credentials, .renew = true};
    const struct credentials_ask ask = {0};
    struct probe p = {0};
    char *line = NULL;
    size_t cap = 0;
    ssize_t len;
    struct err err = {0};
    uint32_t rate = 50;

    if ((argc > 1 && !text_parse_u32(argv[1], 1, 1000, &rate, &err)) ||
        !aws_config_load(&config, NULL, &err) || !aws_config_route53(&config, NULL, &where, &err) ||
        !(p.http = http_new(&http_config, &err)) ||
        !credentials_get(p.http, &ask, &credentials, &err))
        die(err.text);
    client.http = p.http;
    client.endpoint = where.endpoint;
    client.signing_region = where.signing_region;
    client.ca_file = where.ca_file;
    client.rate_milli = rate * 1000;
    p.client = route53_new(&client);
    p.router = router_route53_new(p.client);
    while ((len = getline(&line, &cap, stdin)) > 0) {
        json_error_t why;
        json_t *in = json_loadb(line, (size_t)len, 0, &why), *out;

        if (!in)
            die(why.text);
        out = perform(&p, in);
        json_dumpf(out, stdout, JSON_COMPACT);
        putchar('\n');
        fflush(stdout);
        json_decref(out);
        json_decref(in);
    }
    free(line);
    p.router.ops->free(p.router.self);
    http_free(p.http);
    return 0;
}
