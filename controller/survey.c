#include "survey.h"

#include <stdio.h>
#include <string.h>

#include "sluice/text.h"
#include "survey_names.h"
#include "weights.h"

static const struct {
    const char *name;
    enum survey_level level;
} codes[] = {
    [SURVEY_ZONE_OWNED] = {"zone_owned", SURVEY_REFUSE},
    [SURVEY_MISSING] = {"missing", SURVEY_REFUSE},
    [SURVEY_SIMPLE] = {"not_weighted", SURVEY_REFUSE},
    [SURVEY_ROUTING] = {"routing", SURVEY_REFUSE},
    [SURVEY_TRAFFIC_POLICY] = {"traffic_policy", SURVEY_REFUSE},
    [SURVEY_SET_MISSING] = {"set_missing", SURVEY_REFUSE},
    [SURVEY_THIRD_SET] = {"third_set", SURVEY_REFUSE},
    [SURVEY_TTL_UNEQUAL] = {"ttl_unequal", SURVEY_REFUSE},
    [SURVEY_ALL_ZERO] = {"all_zero", SURVEY_REFUSE},
    [SURVEY_SIDES_ALIKE] = {"sides_alike", SURVEY_REFUSE},
    [SURVEY_AAAA_LEFT] = {"type_left", SURVEY_REFUSE},
    [SURVEY_NONE_OF_BOTH] = {"none_of_both", SURVEY_REFUSE},
    [SURVEY_ABOVE_TARGET] = {"above_target", SURVEY_ASK},
    [SURVEY_WILDCARD] = {"wildcard", SURVEY_WARN},
    [SURVEY_TTL_LONG] = {"ttl_long", SURVEY_WARN},
    [SURVEY_PRIVATE] = {"private", SURVEY_WARN},
    [SURVEY_LINT] = {"lint", SURVEY_NOTE},
};
_Static_assert(ARRAY_LEN(codes) == SURVEY_CODE_COUNT, "a row for every code");

const char *survey_level_name(enum survey_level level)
{
    static const char *const names[] = {[SURVEY_REFUSE] = "refuse",
                                        [SURVEY_ASK] = "ask",
                                        [SURVEY_WARN] = "warn",
                                        [SURVEY_NOTE] = "note"};

    _Static_assert(ARRAY_LEN(names) == SURVEY_LEVEL_COUNT, "a name for every level");
    return names[level];
}

bool survey_found(const struct survey *s, const char *id)
{
    for (size_t i = 0; i < s->n_findings; i++)
        if (strcmp(s->findings[i].id, id) == 0)
            return true;
    return false;
}

void survey_add(struct survey *s, const char *id, enum survey_level level, const char *where,
                const char *what, const char *todo)
{
    if (s->n_findings >= SURVEY_FINDINGS_MAX)
        return;
    s->findings[s->n_findings++] = (struct survey_finding){.code = SURVEY_LINT,
                                                           .id = id,
                                                           .level = level,
                                                           .where = arena_strdup(s->mem, where),
                                                           .what = arena_strdup(s->mem, what),
                                                           .todo = arena_strdup(s->mem, todo)};
}

bool survey_clear_of(const struct survey *s, enum survey_level level)
{
    for (size_t i = 0; i < s->n_findings; i++)
        if (s->findings[i].level == level)
            return false;
    return true;
}

/* One record while it is looked at: the group and the words its findings begin with. */
struct look {
    struct survey *s;
    const struct plan *plan;
    const struct plan_record *record; /* NULL with `records: all` */
    struct survey_record *out;
    const char *where;
};

SL_PRINTF(4, 5)
static void find(struct survey *s, enum survey_code code, const char *where, const char *what_fmt,
                 ...)
{
    struct buf text SL_CLEANUP(buf_clear) = {0};
    struct survey_finding *f;
    const char *bar;
    va_list ap;

    if (s->n_findings >= SURVEY_FINDINGS_MAX)
        return;
    va_start(ap, what_fmt);
    buf_vaddf(&text, what_fmt, ap);
    va_end(ap);
    f = &s->findings[s->n_findings++];
    bar = strstr(buf_str(&text), " | ");
    *f = (struct survey_finding){
        .code = code, .id = codes[code].name, .level = codes[code].level, .where = where};
    f->what = bar ? arena_strndup(s->mem, text.data, (size_t)(bar - text.data))
                  : arena_strdup(s->mem, buf_str(&text));
    f->todo = bar ? arena_strdup(s->mem, bar + 3) : "";
}

static void refuse(struct look *l)
{
    l->out->usable = false;
}

void survey_plain_name(const char *listed, struct buf *out)
{
    rrset_plain_name(listed, out);
}

const char *survey_where(struct arena *mem, const char *name, const char *type)
{
    struct buf plain SL_CLEANUP(buf_clear) = {0}, safe SL_CLEANUP(buf_clear) = {0};

    survey_plain_name(name, &plain);
    text_add_safe(&safe, buf_str(&plain), plain.len, 255);
    buf_addf(&safe, " %s", type);
    return arena_strdup(mem, buf_str(&safe));
}

const char *survey_safe(struct arena *mem, const char *word)
{
    struct buf safe SL_CLEANUP(buf_clear) = {0};

    text_add_safe(&safe, word, strlen(word), 128);
    return arena_strdup(mem, buf_str(&safe));
}

const struct plan_sets *survey_sets_of(const struct plan *plan, const struct plan_record *r,
                                       int side)
{
    return r && r->sets[side].n ? &r->sets[side] : &plan->sides[side];
}

/* The side of a set by its identifier; PLAN_SIDES when it belongs to neither. */
static int side_of(const struct plan *plan, const struct plan_record *r, const char *set_id)
{
    for (int side = 0; side < PLAN_SIDES; side++) {
        const struct plan_sets *ids = survey_sets_of(plan, r, side);

        for (uint32_t i = 0; set_id && i < ids->n; i++)
            if (strcmp(ids->id[i], set_id) == 0)
                return side;
    }
    return PLAN_SIDES;
}

static const char *const side_names[] = {"old", "new"};

static void look_for_sets(struct look *l)
{
    for (int side = 0; side < PLAN_SIDES; side++) {
        const struct plan_sets *ids = survey_sets_of(l->plan, l->record, side);

        for (uint32_t i = 0; i < ids->n; i++) {
            bool there = false;

            for (size_t k = 0; k < l->out->n_sets; k++)
                there = there ||
                        (l->out->sets[k].set_id && strcmp(l->out->sets[k].set_id, ids->id[i]) == 0);
            if (there)
                continue;
            find(l->s, SURVEY_SET_MISSING, l->where,
                 "the %s side's set '%s' is not there | create it as a weighted set with weight 0, "
                 "or "
                 "name the right SetIdentifier under `sides:` or at this record",
                 side_names[side], survey_safe(l->s->mem, ids->id[i]));
            refuse(l);
        }
    }
}

/* Routing that is not ours to edit. True when the group is made of weighted sets only. */
static bool look_at_routing(struct look *l)
{
    const struct survey_record *r = l->out;

    for (size_t i = 0; i < r->n_sets; i++) {
        const struct rrset *set = &r->sets[i];

        if (set->traffic_policy) {
            find(l->s, SURVEY_TRAFFIC_POLICY, l->where,
                 "it belongs to traffic policy instance %s | remove the instance first, or leave "
                 "this "
                 "record out of the plan",
                 survey_safe(l->s->mem, set->traffic_policy));
            refuse(l);
            return false;
        }
        if (set->routing) {
            find(l->s, SURVEY_ROUTING, l->where,
                 "its routing policy is %s, not weighted | make it weighted first, or leave it out "
                 "of the "
                 "plan",
                 survey_safe(l->s->mem, set->routing));
            refuse(l);
            return false;
        }
    }
    for (size_t i = 1; i < r->n_sets; i++)
        if (r->sets[i].weighted != r->sets[0].weighted) {
            find(l->s, SURVEY_SIMPLE, l->where,
                 "a simple record stands beside weighted sets of its name and type, which Route 53 "
                 "does not allow | delete the simple one, or the weighted ones and begin with "
                 "`sluice prepare PLAN`");
            refuse(l);
            return false;
        }
    if (r->n_sets && !r->sets[0].weighted) {
        l->out->simple = true;
        find(l->s, SURVEY_SIMPLE, l->where,
             "it is a simple record, and Route 53 has no weighted one beside it | `sluice prepare "
             "PLAN` makes it weighted, in one transaction; so does the change batch that `sluice "
             "plan --make-weighted batch.json PLAN` writes, after which the new side's set is to "
             "be created beside it with weight 0");
        refuse(l);
        return false;
    }
    return true;
}

static void look_at_group(struct look *l)
{
    const struct survey_record *r = l->out;
    uint32_t sum = 0;

    for (size_t i = 0; i < r->n_sets; i++) {
        const struct rrset *set = &r->sets[i];

        sum += set->weight;
        if (r->side[i] == PLAN_SIDES) {
            find(l->s, SURVEY_THIRD_SET, l->where,
                 "set '%s' (weight %u) belongs to neither side | name it under `sides:` (a side "
                 "may be a list "
                 "of sets), or delete it",
                 survey_safe(l->s->mem, set->set_id ? set->set_id : ""), set->weight);
            refuse(l);
        }
        if (i && set->has_ttl && r->sets[0].has_ttl && set->ttl != r->sets[0].ttl) {
            find(l->s, SURVEY_TTL_UNEQUAL, l->where,
                 "its sets have different TTLs (%u and %u seconds) | give all sets of the group "
                 "one TTL",
                 r->sets[0].ttl, set->ttl);
            refuse(l);
            break;
        }
    }
    if (!sum) {
        find(l->s, SURVEY_ALL_ZERO, l->where,
             "all its weights are 0, which Route 53 takes as equal shares | give the old side's "
             "set a weight "
             "above 0");
        refuse(l);
    }
}

static bool value_eq(const char *a, const char *b, const char *type)
{
    if (strcmp(type, "CNAME") == 0)
        return rrset_name_eq(a, b);
    return text_eq_nocase(a, b);
}

static bool share_value(const struct rrset *a, const struct rrset *b)
{
    if (a->alias_name && b->alias_name)
        return rrset_name_eq(a->alias_name, b->alias_name);
    for (size_t i = 0; i < a->n_values; i++)
        for (size_t k = 0; k < b->n_values; k++)
            if (value_eq(a->values[i], b->values[k], a->type))
                return true;
    return false;
}

static void look_at_sides(struct look *l)
{
    const struct survey_record *r = l->out;

    for (size_t i = 0; i < r->n_sets; i++)
        for (size_t k = i + 1; k < r->n_sets; k++) {
            if (r->side[i] == r->side[k] || r->side[i] == PLAN_SIDES || r->side[k] == PLAN_SIDES ||
                !share_value(&r->sets[i], &r->sets[k]))
                continue;
            find(l->s, SURVEY_SIDES_ALIKE, l->where,
                 "sets '%s' and '%s' of different sides lead to the same place | a probe could not "
                 "tell the "
                 "fleets apart: give each side its own addresses or target",
                 survey_safe(l->s->mem, r->sets[i].set_id),
                 survey_safe(l->s->mem, r->sets[k].set_id));
            refuse(l);
            return;
        }
}

static void look_at_share(struct look *l)
{
    struct weights w = {0};
    const struct survey_record *r = l->out;

    if (!r->usable)
        return;
    for (size_t i = 0; i < r->n_sets && w.n < WEIGHTS_SETS_MAX; i++, w.n++) {
        w.side[w.n] = r->side[i];
        w.weight[w.n] = (uint8_t)r->sets[i].weight;
    }
    l->out->new_ppm = weights_new_ppm(&w);
    if (l->out->new_ppm > l->plan->rollback_to * 10000)
        find(l->s, SURVEY_ABOVE_TARGET, l->where,
             "the new side carries %u.%02u %% already, more than rollback_to: %u | a rollback "
             "would take that "
             "away too: say --from-current to begin there, or raise rollback_to",
             l->out->new_ppm / 10000, l->out->new_ppm / 100 % 100, l->plan->rollback_to);
}

static void look_at_ttl(struct look *l)
{
    const struct survey_record *r = l->out;

    for (size_t i = 0; i < r->n_sets; i++)
        if (r->sets[i].has_ttl && r->sets[i].ttl > SURVEY_TTL_LONG_S) {
            find(l->s, SURVEY_TTL_LONG, l->where,
                 "its TTL is %u seconds: every step waits so long, and a rollback takes as long to "
                 "reach "
                 "everybody | lower it to 60 and wait the old TTL out before the ramp",
                 r->sets[i].ttl);
            return;
        }
}

/* Names below a wildcard that have records of their own do not follow it. */
static void look_at_wildcard(struct look *l)
{
    const struct survey_zone *zone = &l->s->zones[l->out->zone];
    struct buf suffix SL_CLEANUP(buf_clear) = {0};
    size_t n = 0;
    const char *first = NULL;

    survey_plain_name(l->out->name, &suffix);
    if (!text_starts_with(buf_str(&suffix), "*."))
        return;
    for (size_t i = 0; i < zone->n_sets; i++) {
        struct buf name SL_CLEANUP(buf_clear) = {0};

        survey_plain_name(zone->sets[i].name, &name);
        if (name.len <= suffix.len - 1 || !text_ends_with(buf_str(&name), suffix.data + 1) ||
            strcmp(buf_str(&name), buf_str(&suffix)) == 0)
            continue;
        if (!first)
            first = survey_safe(l->s->mem, buf_str(&name));
        n++;
    }
    if (n)
        find(l->s, SURVEY_WILDCARD, l->where,
             "%zu record sets below it have names of their own and do not follow it, the first is "
             "%s | add "
             "them to the plan if they are to move",
             n, first);
}

/* An address group of the other family that would stay behind. */
static void look_at_family(struct look *l)
{
    const struct survey_record *r = l->out;
    const char *other = strcmp(r->type, "A") == 0      ? "AAAA"
                        : strcmp(r->type, "AAAA") == 0 ? "A"
                                                       : NULL;
    bool both[PLAN_SIDES] = {false, false};

    if (!other || survey_record_of(l->s, r->name, other))
        return;
    for (const struct rrset *set = survey_first(l->s, r->zone, r->name); set;
         set = survey_next(l->s, r->zone, set)) {
        int side = side_of(l->plan, l->record, set->set_id);

        if (strcmp(set->type, other) == 0 && side < PLAN_SIDES)
            both[side] = true;
    }
    if (both[PLAN_OLD] && both[PLAN_NEW]) {
        find(l->s, SURVEY_AAAA_LEFT, l->where,
             "its %s group has sets of both sides too and is not in the plan | add {name: %s, "
             "type: %s}, or "
             "clients that prefer it stay behind",
             other, survey_safe(l->s->mem, r->name), other);
        refuse(l);
    }
}

static int group_cmp(const struct rrset *set, const char *name, const char *type)
{
    return rrset_name_eq(set->name, name) && strcmp(set->type, type) == 0;
}

/* Cuts the group of (name, type) out of the listing, where it stands in one piece. */
static void cut_group(struct survey *s, const struct plan *plan, const struct plan_record *pr,
                      uint32_t zone, const char *name, const char *type, struct survey_record *out)
{
    const struct survey_zone *z = &s->zones[zone];
    const struct rrset *first = survey_first(s, zone, name);
    size_t from, n = 0;
    uint8_t *side;

    while (first && strcmp(first->type, type) != 0)
        first = survey_next(s, zone, first);
    from = first ? (size_t)(first - z->sets) : z->n_sets;
    while (from + n < z->n_sets && group_cmp(&z->sets[from + n], name, type))
        n++;
    side = arena_array(s->mem, n ? n : 1, sizeof *side);
    for (size_t i = 0; i < n; i++)
        side[i] = (uint8_t)side_of(plan, pr, z->sets[from + i].set_id);
    *out = (struct survey_record){.zone = zone,
                                  .name = n ? z->sets[from].name : arena_strdup(s->mem, name),
                                  .type = n ? z->sets[from].type : arena_strdup(s->mem, type),
                                  .sets = n ? z->sets + from : NULL,
                                  .side = side,
                                  .n_sets = n,
                                  .usable = n > 0};
}

/* What else stands under a name that has not the type asked for. */
static void say_missing(struct look *l)
{
    const struct survey_zone *z = &l->s->zones[l->out->zone];
    const struct rrset *other = survey_first(l->s, l->out->zone, l->out->name);

    if (other)
        find(l->s, SURVEY_MISSING, l->where,
             "there is no such record; this name has one of type %s | correct `type:` in the plan",
             other->type);
    else
        find(l->s, SURVEY_MISSING, l->where,
             "there is no such record in zone %s | create its weighted sets, or correct the name",
             survey_safe(l->s->mem, z->asked));
}

static void look_at(struct survey *s, const struct plan *plan, const struct plan_record *pr,
                    struct survey_record *r)
{
    struct look l = {s, plan, pr, r, survey_where(s->mem, r->name, r->type)};

    if (!r->n_sets) {
        say_missing(&l);
        return;
    }
    if (!look_at_routing(&l))
        return;
    look_for_sets(&l);
    look_at_group(&l);
    look_at_sides(&l);
    look_at_family(&l);
    look_at_share(&l);
    look_at_ttl(&l);
    look_at_wildcard(&l);
}

static void look_at_zones(struct survey *s)
{
    for (size_t i = 0; i < s->n_zones; i++) {
        const char *where = survey_safe(s->mem, s->zones[i].asked);

        if (s->zones[i].owner)
            find(s, SURVEY_ZONE_OWNED, where,
                 "the zone belongs to %s, which edits it by itself | its records cannot be ramped",
                 survey_safe(s->mem, s->zones[i].owner));
        if (s->zones[i].private_zone)
            find(s, SURVEY_PRIVATE, where,
                 "it is a private zone: its name servers answer inside its VPCs only | its records are not verified "
                 "in DNS; Route 53's INSYNC is all there is");
    }
}

/* `records: all`: every group with weighted sets of both sides. */
static void take_all(struct survey *s, const struct plan *plan)
{
    size_t cap = 0;

    for (size_t z = 0; z < s->n_zones; z++)
        cap += s->zones[z].n_sets;
    s->records = arena_array(s->mem, cap ? cap : 1, sizeof *s->records);
    for (size_t z = 0; z < s->n_zones; z++) {
        const struct survey_zone *zone = &s->zones[z];

        for (size_t i = 0; i < zone->n_sets;) {
            struct survey_record r;
            bool both[PLAN_SIDES + 1] = {false};

            cut_group(s, plan, NULL, (uint32_t)z, zone->sets[i].name, zone->sets[i].type, &r);
            i += r.n_sets ? r.n_sets : 1;
            for (size_t k = 0; k < r.n_sets; k++)
                both[r.side[k]] = both[r.side[k]] || r.sets[k].weighted;
            if (both[PLAN_OLD] && both[PLAN_NEW])
                s->records[s->n_records++] = r;
        }
    }
    if (!s->n_records)
        find(s, SURVEY_NONE_OF_BOTH, s->n_zones ? survey_safe(s->mem, s->zones[0].asked) : "",
             "no weighted group has sets of both sides | correct `sides:`, or list the records");
}

void survey_eval(struct survey *s, struct arena *mem, const struct plan *plan,
                 const struct survey_zone *zones, size_t n_zones, const uint32_t *zone_of)
{
    *s = (struct survey){.mem = mem, .zones = zones, .n_zones = n_zones};
    survey_index_sets(s);
    look_at_zones(s);
    if (plan->records_all) {
        take_all(s, plan);
    } else {
        s->records = arena_array(mem, plan->records_n ? plan->records_n : 1, sizeof *s->records);
        for (uint32_t i = 0; i < plan->records_n; i++)
            cut_group(s, plan, &plan->records[i], zone_of[i], plan->records[i].name,
                      plan->records[i].type, &s->records[i]);
        s->n_records = plan->records_n;
    }
    survey_index_records(s);
    for (size_t i = 0; i < s->n_records; i++)
        look_at(s, plan, plan->records_all ? NULL : &plan->records[i], &s->records[i]);
}
