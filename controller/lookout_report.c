/* What a lookout has seen, as JSON: all that is shown is made of this. */
#include <string.h>

#include "lookout_int.h"
#include "sluice/budget.h"
#include "sluice/text.h"
#include "survey.h"

#define TAIL 0.025 /* at either end of the 95 % interval that is shown */

static const char *side_of(enum observe_kind kind)
{
    static const char *const words[] = {
        [OBSERVE_IS_OLD] = "old",     [OBSERVE_IS_NEW] = "new",       [OBSERVE_IS_FOREIGN] = "foreign",
        [OBSERVE_IS_EMPTY] = "empty", [OBSERVE_IS_UNSURE] = "unsure", [OBSERVE_IS_LAME] = "lame"};
    _Static_assert(ARRAY_LEN(words) == OBSERVE_KINDS, "a word for every kind");

    return words[kind];
}

static const char *state_of(const struct cell *c)
{
    if (!c->judged)
        return "not_asked";
    if (c->fault == OBSERVE_FINE)
        return "agrees";
    if (c->fault == OBSERVE_SERVER_SILENT)
        return "silent";
    return c->fault == OBSERVE_SHARE_SERVER ? "share" : observe_fault_name(c->fault);
}

/* The counts, and what they say of the share: Clopper and Pearson 1934. */
static void add_share(json_t *out, uint32_t n, uint32_t k)
{
    const struct budget_count count = {.n = n, .x = k};

    json_object_set_new(out, "answers", json_integer(n));
    json_object_set_new(out, "new", json_integer(k));
    if (!n)
        return;
    json_object_set_new(out, "percent", json_real(100.0 * k / n));
    json_object_set_new(out, "low", json_real(100 * budget_lower(&count, TAIL)));
    json_object_set_new(out, "high", json_real(100 * budget_upper(&count, TAIL)));
}

static json_t *server_json(const char *server, const struct cell *c)
{
    json_t *out = json_pack("{s:s, s:s, s:b}", "server", server, "state", state_of(c), "stale",
                            c->before || (c->fault == OBSERVE_SHARE_SERVER && c->share_before));

    if (c->warning)
        json_object_set_new(out, "warning", json_true());
    if (c->heard) {
        json_object_set_new(out, "side", json_string(side_of(c->kind)));
        json_object_set_new(out, "values", json_string(c->values));
        json_object_set_new(out, "ttl", json_integer(c->ttl));
    }
    add_share(out, c->n[0] + c->n[1], c->k[0] + c->k[1]);
    return out;
}

static json_t *resolver_json(const struct resolvers_seen *seen, const struct line *line,
                             const char *address, int64_t now_ms)
{
    static const char *const states[] = {[RESOLVERS_NOT_ASKED] = "not_asked",
                                         [RESOLVERS_ANSWERED] = "answered",
                                         [RESOLVERS_FAILED] = "failed",
                                         [RESOLVERS_SILENT] = "silent"};
    json_t *out = json_pack("{s:s, s:s}", "resolver", address, "state", states[seen->state]);
    int64_t left = seen->at_ms + (int64_t)seen->ttl * 1000 - now_ms;

    if (seen->state != RESOLVERS_ANSWERED)
        return out;
    json_object_set_new(out, "side", json_string(side_of(seen->kind)));
    json_object_set_new(out, "values", json_string(seen->values));
    json_object_set_new(out, "left_s", json_integer(left > 0 ? (left + 999) / 1000 : 0));
    json_object_set_new(out, "ttl", json_integer(seen->ttl));
    if (seen->own_ttl)
        json_object_set_new(out, "record_ttl", json_integer(seen->own_ttl));
    json_object_set_new(out, "above_ttl", json_boolean(seen->above));
    json_object_set_new(out, "says_stale", json_boolean(seen->stale));
    json_object_set_new(
        out, "overdue",
        json_boolean(resolvers_overdue(seen, &line->now, line->since_ms, line->before_ttl)));
    return out;
}

void lookout_report_resolvers(const struct lookout *l, size_t record, json_t *out, int64_t now_ms)
{
    static const char *const sides[OBSERVE_SIDES] = {[OBSERVE_OLD] = "old", [OBSERVE_NEW] = "new"};
    const struct line *line = &l->lines[record];
    size_t n = record < RESOLVERS_NAMES_MAX ? resolvers_n(l->resolvers) : 0;
    json_t *list = json_array(), *left = json_object();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, resolver_json(&line->seen[i], line,
                                                  resolvers_address(l->resolvers, i), now_ms));
    for (size_t side = 0; side < OBSERVE_SIDES; side++) {
        int64_t longest = 0;

        for (size_t i = 0; i < n; i++) {
            int64_t one = resolvers_left_s(&line->seen[i], (enum observe_side)side, now_ms);

            longest = one > longest ? one : longest;
        }
        json_object_set_new(left, sides[side], json_integer(longest));
    }
    if (n) {
        struct buf star SL_CLEANUP(buf_clear) = {0};

        json_object_set(out, "resolvers", list);
        json_object_set(out, "left_s", left);
        survey_plain_name(line->now.name, &star);
        if (text_starts_with(buf_str(&star), "*"))
            json_object_set_new(out, "asked", json_string(line->name));
    }
    json_decref(list);
    json_decref(left);
}

static json_t *record_json(const struct lookout *l, const struct watched_zone *z, size_t i,
                           int64_t now_ms)
{
    const struct line *line = &l->lines[z->first + i];
    double share = observe_share(&line->now), then = observe_share(&line->before);
    struct buf name SL_CLEANUP(buf_clear) = {0};
    json_t *servers = json_array(), *out;
    uint32_t n = 0, k = 0;

    survey_plain_name(line->now.name, &name);
    out = json_pack("{s:s, s:s}", "name", buf_str(&name), "type", line->now.type);
    if (share >= 0)
        json_object_set_new(out, "written_percent", json_real(share * 100));
    if (line->before.sets_n && then >= 0)
        json_object_set_new(out, "before_percent", json_real(then * 100));
    if (line->since_ms)
        json_object_set_new(out, "changed_s", json_integer((now_ms - line->since_ms) / 1000));
    for (size_t s = 0; s < z->request.servers_n; s++) {
        const struct cell *c = &line->cells[s];

        json_array_append_new(servers, server_json(z->request.servers[s], c));
        n += c->n[0] + c->n[1];
        k += c->k[0] + c->k[1];
    }
    add_share(out, n, k);
    json_object_set_new(out, "no_answer", json_boolean(line->no_answer));
    json_object_set_new(out, "servers", servers);
    lookout_report_resolvers(l, z->first + i, out, now_ms);
    return out;
}

json_t *lookout_report(const struct lookout *l, int64_t now_ms, int64_t wall_ms)
{
    struct buf time SL_CLEANUP(buf_clear) = {0};
    json_t *records = json_array(), *out;

    text_format_time(&time, wall_ms, false);
    for (size_t z = 0; z < l->zones_n; z++)
        for (size_t i = 0; i < l->zones[z].request.records_n; i++)
            json_array_append_new(records, record_json(l, &l->zones[z], i, now_ms));
    out = json_pack("{s:i, s:s, s:s, s:i, s:b, s:o}", "schema", 1, "event", "round", "time",
                    buf_str(&time), "round", (int)l->rounds, "agrees", l->agrees, "records", records);
    if (resolvers_n(l->resolvers) && l->lines_n > RESOLVERS_NAMES_MAX)
        json_object_set_new(out, "resolvers_not_asked_about",
                            json_integer((json_int_t)(l->lines_n - RESOLVERS_NAMES_MAX)));
    return out;
}
