/* convert.c: see convert.h. */
#include "convert.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sluice/common.h"

#define BATCH_ELEMENTS   (ROUTER_BATCH_ELEMENTS_MAX - 10) /* room for the lease */
#define BATCH_CHARACTERS (ROUTER_BATCH_CHARACTERS_MAX - 1000)
#define CHANGES_MORE     8 /* of one record, beside DELETE and CREATE of each of its sets */

struct item { /* what one record needs */
    const struct survey_record *record;
    struct router_change *changes; /* room for all there may be */
    size_t n;
};

struct work {
    struct convert *c;
    struct arena *mem;
    const struct survey *s;
    const struct plan *plan;
    enum convert_how how;
    uint32_t ttl;
    struct item *items;
    size_t n;
};

/* ---- what stands in the way
 * ------------------------------------------------------------------------ */

static void fault(struct work *w, const struct survey_record *r, const char *what, const char *todo)
{
    struct convert *c = w->c;
    struct buf name SL_CLEANUP(buf_clear) = {0};

    if (c->n_faults == CONVERT_FAULT_MAX)
        return;
    survey_plain_name(r->name, &name);
    c->faults[c->n_faults++] =
        (struct convert_fault){.where = arena_printf(w->mem, "%s %s", buf_str(&name), r->type),
                               .what = what,
                               .todo = todo};
}

static const struct rrset *find(const struct work *w, const struct survey_record *r,
                                const char *name, const char *type)
{
    const struct survey_zone *z = &w->s->zones[r->zone];

    for (size_t i = 0; i < z->n_sets; i++)
        if (rrset_name_eq(z->sets[i].name, name) && (!type || strcmp(z->sets[i].type, type) == 0))
            return &z->sets[i];
    return NULL;
}

static const struct plan_record *plan_record_of(const struct work *w, size_t i)
{
    return w->plan->records_all ? NULL : &w->plan->records[i];
}

/* ---- sets
 * ------------------------------------------------------------------------------------------ */

static struct router_change *add(struct item *it, enum router_change_action action,
                                 const struct rrset *set)
{
    struct router_change *ch = &it->changes[it->n++];

    *ch = (struct router_change){.action = action, .set = set, .weight = set->weight};
    return ch;
}

static struct rrset *copy(struct work *w, const struct rrset *from)
{
    struct rrset *set = arena_array(w->mem, 1, sizeof *set);

    *set = *from; /* strings live in the listing, as long as the survey */
    return set;
}

static struct rrset *weighted(struct work *w, const struct rrset *from, const char *id,
                              uint32_t weight)
{
    struct rrset *set = copy(w, from);

    set->set_id = id;
    set->weighted = true;
    set->weight = weight;
    if (set->has_ttl && set->ttl > w->plan->prepare_ttl_s)
        set->ttl = w->plan->prepare_ttl_s;
    return set;
}

static struct rrset *simple(struct work *w, const struct rrset *from)
{
    struct rrset *set = copy(w, from);

    set->set_id = NULL;
    set->weighted = false;
    set->weight = 0;
    set->health_check = NULL; /* a simple record cannot have one */
    if (w->ttl && set->has_ttl)
        set->ttl = w->ttl;
    return set;
}

static bool is_address(const char *s, bool v6)
{
    unsigned char raw[16];

    return inet_pton(v6 ? AF_INET6 : AF_INET, s, raw) == 1;
}

/* The addresses of one family as a set's values. */
static size_t addresses(struct work *w, const struct plan_target *t, bool v6,
                        const char *const **values)
{
    const char **list = arena_array(w->mem, t->n + 1, sizeof *list);
    size_t n = 0;

    for (uint32_t i = 0; i < t->n; i++)
        if (is_address(t->value[i], v6))
            list[n++] = t->value[i];
    *values = list;
    return n;
}

/* ---- prepare
 * --------------------------------------------------------------------------------------- */

const char *convert_helper_name(struct arena *mem, const char *listed)
{
    const char *dot = strchr(listed, '.');

    if (strncmp(listed, "\\052.", 5) == 0 || strncmp(listed, "*.", 2) == 0)
        return arena_printf(mem, "new-wildcard%s", dot);
    return arena_printf(mem, "new-%s", listed);
}

/* A simple address set of the helper name: made, or there already as it should be. */
static bool add_helper(struct work *w, struct item *it, const char *name, bool v6, uint32_t ttl,
                       const struct plan_target *t)
{
    const char *type = v6 ? "AAAA" : "A";
    const struct rrset *there = find(w, it->record, name, type);
    struct rrset *set = arena_array(w->mem, 1, sizeof *set);

    if (find(w, it->record, name, "CNAME")) {
        fault(w, it->record,
              arena_printf(w->mem, "the helper name %s is a CNAME, and nothing stands beside one",
                           name),
              "remove it, or give the new side a host name as 'target'");
        return false;
    }

    *set = (struct rrset){.name = name, .type = type, .has_ttl = true, .ttl = ttl};
    set->n_values = addresses(w, t, v6, &set->values);
    if (set->n_values == 0)
        return true;
    if (!there) {
        add(it, ROUTER_CREATE, set);
        return true;
    }
    if (!there->set_id && there->n_values == set->n_values) {
        size_t same = 0;

        for (size_t i = 0; i < there->n_values; i++)
            same += strcmp(there->values[i], set->values[i]) == 0;
        if (same == set->n_values)
            return true;
    }
    fault(w, it->record,
          arena_printf(w->mem, "the helper name %s has another %s record", name, type),
          "remove it, or make the weighted CNAME yourself");
    return false;
}

/* The set of the new side, at weight 0; NULL with a fault. */
static const struct rrset *new_set(struct work *w, struct item *it, const struct rrset *old,
                                   const struct plan_target *t, const char *id)
{
    struct rrset *set = weighted(w, old, id, 0);
    uint32_t ttl = set->has_ttl ? set->ttl : w->plan->prepare_ttl_s;
    bool v6 = strcmp(old->type, "AAAA") == 0, cname = strcmp(old->type, "CNAME") == 0;

    set->health_check = NULL;
    set->alias_name = set->alias_zone = NULL;
    set->alias_health = false;
    set->has_ttl = true;
    set->ttl = ttl;
    if (t->alias_name) {
        set->alias_name = t->alias_name;
        set->alias_zone = t->alias_zone;
        set->alias_health = t->alias_health;
        set->has_ttl = false;
        set->ttl = 0;
        set->values = NULL;
        set->n_values = 0;
        if (!cname)
            return set;
        fault(w, it->record, "the new side is an alias, and nothing stands beside a CNAME",
              "give the new side its addresses or its host name as 'target'");
        return NULL;
    }
    if (!cname) {
        set->n_values = addresses(w, t, v6, &set->values);
        if (set->n_values)
            return set;
        fault(w, it->record,
              v6 ? "the new side's 'target' has no IPv6 address"
                 : "the new side's 'target' has no IPv4 address",
              "give it one; at a zone's apex, where no CNAME can be, an alias or addresses are the "
              "only ways");
        return NULL;
    }
    if (!is_address(t->value[0], false) && !is_address(t->value[0], true)) {
        set->values = t->value;
        set->n_values = 1;
        return set;
    }
    {
        const char **target = arena_array(w->mem, 1, sizeof *target);

        *target = convert_helper_name(w->mem, old->name);
        if (!add_helper(w, it, *target, false, ttl, t) || !add_helper(w, it, *target, true, ttl, t))
            return NULL;
        set->values = target;
        set->n_values = 1;
    }
    return set;
}

static void prepare(struct work *w, size_t i, struct item *it)
{
    const struct survey_record *r = it->record;
    const struct plan_record *pr = plan_record_of(w, i);
    const struct plan_target *t = pr && pr->target ? pr->target : w->plan->target;
    const struct plan_sets *old = survey_sets_of(w->plan, pr, PLAN_OLD);
    const struct plan_sets *new = survey_sets_of(w->plan, pr, PLAN_NEW);
    const struct rrset *added;

    if (r->n_sets == 0) {
        fault(w, r, "there is no such record", "a ramp moves traffic of records that are there");
        return;
    }
    if (!r->simple) {
        bool group = r->usable || convert_is_group(r); /* a ramp says what it does not like of it */

        w->c->done += group;
        if (!group)
            fault(w, r, "it is neither a simple record nor a weighted group of both sides",
                  "`sluice plan` says what is in the way");
        return;
    }
    if (r->sets[0].traffic_policy || r->sets[0].routing) {
        fault(w, r, "a traffic policy or another routing owns it", "change it there");
        return;
    }
    if (!t) {
        fault(w, r, "the plan does not say where the new side is",
              "add 'target' to the new side, or to this record's");
        return;
    }
    if (old->n != 1 || new->n != 1) {
        fault(w, r, "a simple record becomes one set a side", "name one set for each side");
        return;
    }
    added = new_set(w, it, &r->sets[0], t, new->id[0]);
    if (!added) {
        it->n = 0;
        return;
    }
    add(it, ROUTER_DELETE, &r->sets[0]);
    add(it, ROUTER_CREATE, weighted(w, &r->sets[0], old->id[0], CONVERT_WEIGHT));
    add(it, ROUTER_CREATE, added);
}

/* ---- undo and finish
 * ------------------------------------------------------------------------------- */

static uint32_t weight_of(const struct survey_record *r, int side)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < r->n_sets; i++)
        sum += r->side[i] == side ? r->sets[i].weight : 0;
    return sum;
}

/* One simple set of a side's: the only one, or its addresses together. NULL: there is no such. */
static const struct rrset *united(struct work *w, const struct survey_record *r, int side)
{
    const struct rrset *first = NULL;
    const char **values;
    struct rrset *set;
    size_t n = 0, max = 0;

    for (size_t i = 0; i < r->n_sets; i++)
        if (r->side[i] == side) {
            max += r->sets[i].n_values;
            n++;
            if (!first)
                first = &r->sets[i];
        }
    if (n == 0)
        return NULL;
    set = simple(w, first);
    if (n == 1)
        return set;
    if (strcmp(r->type, "A") != 0 && strcmp(r->type, "AAAA") != 0)
        return NULL;
    values = arena_array(w->mem, max + 1, sizeof *values);
    set->n_values = 0;
    for (size_t i = 0; i < r->n_sets; i++) {
        if (r->side[i] != side)
            continue;
        if (r->sets[i].alias_name)
            return NULL;
        for (size_t k = 0; k < r->sets[i].n_values; k++)
            values[set->n_values++] = r->sets[i].values[k];
    }
    set->values = values;
    return set;
}

/* The weighted CNAME leads to the helper name prepare made: its addresses come in its place. */
static bool finish_helper(struct work *w, struct item *it, const struct rrset *last)
{
    const char *name = convert_helper_name(w->mem, last->name);
    bool any = false;

    if (strcmp(last->type, "CNAME") != 0 || last->n_values != 1 ||
        !rrset_name_eq(last->values[0], name))
        return false;
    for (int v6 = 0; v6 < 2; v6++) {
        const struct rrset *there = find(w, it->record, name, v6 ? "AAAA" : "A");
        struct rrset *set;

        if (!there || there->set_id || there->alias_name)
            continue;
        set = simple(w, there);
        set->name = last->name;
        add(it, ROUTER_DELETE, there);
        add(it, ROUTER_CREATE, set);
        any = true;
    }
    return any;
}

/* What undo leaves of the helper name: nothing. */
static void drop_helper(struct work *w, struct item *it, const struct survey_record *r)
{
    const char *name = convert_helper_name(w->mem, r->name);

    for (size_t i = 0; i < r->n_sets; i++) {
        const struct rrset *s = &r->sets[i];

        if (r->side[i] != PLAN_NEW || strcmp(s->type, "CNAME") != 0 || s->n_values != 1 ||
            !rrset_name_eq(s->values[0], name))
            continue;
        for (int v6 = 0; v6 < 2; v6++) {
            const struct rrset *there = find(w, r, name, v6 ? "AAAA" : "A");

            if (there && !there->set_id)
                add(it, ROUTER_DELETE, there);
        }
    }
}

static void unite(struct work *w, struct item *it, int side)
{
    const struct survey_record *r = it->record;
    int other = side == PLAN_OLD ? PLAN_NEW : PLAN_OLD;
    const struct rrset *last;

    if (r->simple || r->n_sets == 0) {
        w->c->done++;
        return;
    }
    if (!r->usable) {
        fault(w, r, "it is no weighted group of both sides",
              "`sluice plan` says what is in the way");
        return;
    }
    if (weight_of(r, other) > 0) {
        fault(w, r,
              side == PLAN_OLD ? "the new side still gets traffic"
                               : "the old side still gets traffic",
              side == PLAN_OLD ? "`sluice rollback` first" : "`sluice ramp` to 100 % first");
        return;
    }
    last = united(w, r, side);
    if (!last) {
        fault(w, r, "several sets of one side cannot become one simple record",
              "leave it weighted, or join them yourself");
        return;
    }
    for (size_t i = 0; i < r->n_sets; i++)
        add(it, ROUTER_DELETE, &r->sets[i]);
    if (side == PLAN_OLD)
        drop_helper(w, it, r);
    if (side == PLAN_OLD || !finish_helper(w, it, last))
        add(it, ROUTER_CREATE, last);
}

/* ---- batches
 * --------------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    const struct item *x = a, *y = b;

    if (x->record->zone != y->record->zone)
        return x->record->zone < y->record->zone ? -1 : 1;
    return x->n && y->n ? rrset_compare(&x->record->sets[0], &y->record->sets[0])
                        : (x->n == 0) - (y->n == 0);
}

static bool same_name(const struct item *a, const struct item *b)
{
    return a->record->zone == b->record->zone && rrset_name_eq(a->record->name, b->record->name);
}

static void weigh_batch(const struct item *it, size_t *elements, size_t *characters)
{
    for (size_t i = 0; i < it->n; i++) {
        *elements += rrset_elements(it->changes[i].set);
        *characters += rrset_characters(it->changes[i].set);
    }
}

/* Records of one name stay together. */
static void cut(struct work *w)
{
    size_t begin = 0;

    qsort(w->items, w->n, sizeof *w->items, by_name);
    while (w->n && w->items[w->n - 1].n == 0)
        w->n--;
    w->c->batches = arena_array(w->mem, w->n + 1, sizeof *w->c->batches);
    while (begin < w->n) {
        struct convert_batch *b = &w->c->batches[w->c->n_batches++];
        size_t end = begin, elements = 0, characters = 0, total = 0;

        while (end < w->n && w->items[end].record->zone == w->items[begin].record->zone) {
            size_t next = end, more = 0, longer = 0;

            do
                weigh_batch(&w->items[next++], &more, &longer);
            while (next < w->n && same_name(&w->items[next], &w->items[end]));
            if (end > begin &&
                (elements + more > BATCH_ELEMENTS || characters + longer > BATCH_CHARACTERS))
                break;
            elements += more;
            characters += longer;
            end = next;
        }
        for (size_t i = begin; i < end; i++)
            total += w->items[i].n;
        b->zone = w->items[begin].record->zone;
        b->changes = arena_array(w->mem, total, sizeof *b->changes);
        for (size_t i = begin; i < end; i++) {
            memcpy(b->changes + b->n, w->items[i].changes, w->items[i].n * sizeof *b->changes);
            b->n += w->items[i].n;
        }
        begin = end;
    }
}

static void begin_work(struct work *w)
{
    *w->c = (struct convert){0};
    w->items = x_calloc(w->s->n_records + 1, sizeof *w->items);
}

static struct item *new_item(struct work *w, const struct survey_record *r)
{
    struct item *it = &w->items[w->n++];

    it->record = r;
    it->changes = arena_array(w->mem, 2 * r->n_sets + CHANGES_MORE, sizeof *it->changes);
    return it;
}

void convert_weigh(struct convert *c, struct arena *mem, const struct survey *s,
                   const struct plan *plan, enum convert_how how, uint32_t ttl)
{
    struct work w = {.c = c, .mem = mem, .s = s, .plan = plan, .how = how, .ttl = ttl};

    begin_work(&w);
    for (size_t i = 0; i < s->n_records; i++) {
        struct item *it = new_item(&w, &s->records[i]);

        if (how == CONVERT_PREPARE)
            prepare(&w, i, it);
        else
            unite(&w, it, how == CONVERT_UNDO ? PLAN_OLD : PLAN_NEW);
    }
    cut(&w);
    free(w.items);
}

/* Every set of a group has one TTL, and changes are applied in their order: as long as one set of
 * the old TTL stands, none of the new one can be created. So all go first. */
static void lower_sets(struct work *w, struct item *it)
{
    const struct survey_record *r = it->record;

    for (size_t k = 0; k < r->n_sets; k++)
        if (r->sets[k].has_ttl)
            add(it, ROUTER_DELETE, &r->sets[k]);
    for (size_t k = 0; k < r->n_sets; k++) {
        struct rrset *set;

        if (!r->sets[k].has_ttl)
            continue;
        set = copy(w, &r->sets[k]);
        if (set->ttl > w->c->ttl_was)
            w->c->ttl_was = set->ttl;
        set->ttl = w->plan->prepare_ttl_s;
        add(it, ROUTER_CREATE, set);
    }
}

bool convert_is_group(const struct survey_record *r)
{
    bool both[PLAN_SIDES + 1] = {false};

    for (size_t k = 0; k < r->n_sets; k++) {
        if (!r->sets[k].weighted || r->sets[k].routing || r->sets[k].traffic_policy)
            return false;
        both[r->side[k]] = true;
    }
    return both[PLAN_OLD] && both[PLAN_NEW];
}

/* Simple records and whole weighted groups. */
void convert_lower(struct convert *c, struct arena *mem, const struct survey *s,
                   const struct plan *plan)
{
    struct work w = {.c = c, .mem = mem, .s = s, .plan = plan, .how = CONVERT_PREPARE};

    begin_work(&w);
    for (size_t i = 0; i < s->n_records; i++) {
        const struct survey_record *r = &s->records[i];
        struct item *it = new_item(&w, r);
        bool lower = false;

        for (size_t k = 0; k < r->n_sets; k++)
            lower |= r->sets[k].has_ttl && r->sets[k].ttl > plan->prepare_ttl_s;
        if (!lower || (!r->simple && !convert_is_group(r)))
            continue;
        lower_sets(&w, it);
        c->lower++;
    }
    cut(&w);
    free(w.items);
}

struct convert_batch convert_opposite(struct arena *mem, const struct convert_batch *batch)
{
    struct convert_batch out = {.zone = batch->zone, .n = batch->n};

    out.changes = arena_array(mem, batch->n, sizeof *out.changes);
    for (size_t i = 0; i < batch->n; i++) {
        out.changes[i] = batch->changes[batch->n - 1 - i];
        out.changes[i].action =
            out.changes[i].action == ROUTER_DELETE ? ROUTER_CREATE : ROUTER_DELETE;
    }
    /* What is deleted goes first: a batch is applied in order. */
    for (size_t i = 1; i < batch->n; i++) {
        struct router_change ch = out.changes[i];
        size_t k = i;

        for (; k > 0 && ch.action == ROUTER_DELETE && out.changes[k - 1].action != ROUTER_DELETE;
             k--)
            out.changes[k] = out.changes[k - 1];
        out.changes[k] = ch;
    }
    return out;
}
