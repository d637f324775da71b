#include "denial.h"

#include <stdio.h>
#include <string.h>

#include "sluice/common.h"
#include "sluice/text.h"

static const char *const actions[] = {
    [ROUTER_CREATE] = "CREATE", [ROUTER_DELETE] = "DELETE", [ROUTER_UPSERT] = "UPSERT"};

/* Its place in the list; a->n when it is not there. */
static size_t find_kind(const struct denial_asked *a, enum router_change_action action,
                        const char *type)
{
    size_t i = 0;

    while (i < a->n && (a->kinds[i].action != action || strcmp(a->kinds[i].type, type) != 0))
        i++;
    return i;
}

static void add_kind(struct denial_asked *a, enum router_change_action action, const char *type,
                     const char *name, size_t n)
{
    size_t i = find_kind(a, action, type);
    struct denial_kind *k = &a->kinds[i];

    if (i == DENIAL_KINDS_MAX)
        return;
    if (i == a->n) {
        a->n++;
        *k = (struct denial_kind){.action = action};
        snprintf(k->type, sizeof k->type, "%s", type);
        snprintf(k->name, sizeof k->name, "%s", name);
    }
    k->n += n;
}

void denial_ask(struct denial_asked *asked, const struct router_batch *batch)
{
    const char *last[DENIAL_KINDS_MAX + 1] = {NULL};

    asked->n = 0;
    /* The sets of one record stand together: they are counted once. */
    for (size_t i = 0; i < batch->n_changes; i++) {
        const struct router_change *c = &batch->changes[i];
        size_t at = find_kind(asked, c->action, c->set->type);
        bool same = last[at] && strcmp(last[at], c->set->name) == 0;

        add_kind(asked, c->action, c->set->type, c->set->name, same ? 0 : 1);
        last[at] = at < DENIAL_KINDS_MAX ? c->set->name : NULL;
    }
}

void denial_allow(struct denial_asked *allowed, const struct denial_asked *asked)
{
    for (size_t i = 0; i < asked->n; i++)
        add_kind(allowed, asked->kinds[i].action, asked->kinds[i].type, asked->kinds[i].name, 0);
}

static bool known(const struct denial_asked *allowed, const struct denial_kind *k)
{
    return find_kind(allowed, k->action, k->type) < allowed->n;
}

static size_t count_unknown(const struct denial_asked *asked, const struct denial_asked *allowed)
{
    size_t n = 0;

    for (size_t i = 0; i < asked->n; i++)
        n += !known(allowed, &asked->kinds[i]);
    return n;
}

static void add_name(struct buf *out, const struct denial_kind *k)
{
    struct buf plain SL_CLEANUP(buf_clear) = {0};

    rrset_plain_name(k->name, &plain);
    text_add_safe(out, buf_str(&plain), plain.len, sizeof k->name);
    buf_addf(out, " %s", k->type);
}

void denial_format(const struct denial_asked *asked, const struct denial_asked *allowed,
                   struct buf *out)
{
    size_t unknown = count_unknown(asked, allowed), said = 0;

    buf_addf(out, "%s: ", unknown == 1 || asked->n == 1 ? "not allowed" : "not allowed, at least one of");
    for (size_t i = 0; i < asked->n; i++) {
        const struct denial_kind *k = &asked->kinds[i];

        if (unknown && known(allowed, k))
            continue;
        buf_addf(out, "%s%s of ", said++ ? ", " : "", actions[k->action]);
        add_name(out, k);
        if (k->n > 1)
            buf_addf(out, " (and %zu more)", k->n - 1);
    }
}
