/* survey_cli.c: what a survey found, as files for the AWS CLI. */
#include <jansson.h>
#include <stdlib.h>

#include "rrset_json.h"
#include "survey.h"

size_t survey_make_weighted(const struct survey *s, const struct plan *plan, uint32_t zone,
                            struct buf *out)
{
    json_t *changes = json_array(), *batch;
    size_t n = 0;

    for (size_t i = 0; i < s->n_records; i++) {
        const struct survey_record *r = &s->records[i];
        const struct plan_record *pr = plan->records_all ? NULL : &plan->records[i];
        const struct plan_sets *old = survey_sets_of(plan, pr, PLAN_OLD);

        if (r->zone != zone || !r->simple || !old->n)
            continue;
        json_array_append_new(changes,
                              rrset_change_json(ROUTER_DELETE, rrset_to_json(&r->sets[0])));
        json_array_append_new(
            changes,
            rrset_change_json(ROUTER_CREATE, rrset_to_json_as(&r->sets[0], old->id[0], 100)));
        n++;
    }
    batch =
        json_pack("{s:s, s:o}", "Comment",
                  "sluice: simple records made weighted, all on the old side", "Changes", changes);
    if (n) {
        char *text = json_dumps(batch, JSON_INDENT(2));

        buf_add_str(out, text);
        buf_add_char(out, '\n');
        free(text);
    }
    json_decref(batch);
    return n;
}
