/* convert_diff.c: a conversion as a person reads it. */
#include "convert.h"

#include <string.h>

#include "sluice/text.h"

static void add_set(const struct rrset *set, char sign, struct buf *out)
{
    buf_addf(out, "  %c ", sign);
    survey_plain_name(set->name, out);
    if (set->has_ttl)
        buf_addf(out, " %u", set->ttl);
    buf_addf(out, " %s", set->type);
    if (set->set_id) {
        buf_add_str(out, " set ");
        text_add_safe(out, set->set_id, strlen(set->set_id), 128);
        buf_addf(out, " weight %u", set->weight);
    }
    if (set->alias_name) {
        buf_add_str(out, " alias ");
        text_add_safe(out, set->alias_name, strlen(set->alias_name), 256);
    }
    for (size_t i = 0; i < set->n_values; i++) {
        buf_add_char(out, ' ');
        text_add_safe(out, set->values[i], strlen(set->values[i]), 256);
    }
    if (set->health_check) {
        buf_add_str(out, " health check ");
        text_add_safe(out, set->health_check, strlen(set->health_check), 64);
    }
    buf_add_char(out, '\n');
}

void convert_diff(const struct convert *c, const struct survey *s, struct buf *out)
{
    for (size_t i = 0; i < c->n_batches; i++) {
        const struct convert_batch *b = &c->batches[i];

        buf_addf(out, "%s, one change batch:\n", s->zones[b->zone].name);
        for (size_t k = 0; k < b->n; k++)
            add_set(b->changes[k].set, b->changes[k].action == ROUTER_DELETE ? '-' : '+', out);
    }
}
