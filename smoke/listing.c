/* listing.c: see listing.h. */
#include "listing.h"

#include <string.h>

#include "outlet.h"
#include "select.h"
#include "sluice/json.h"
#include "sluice/text.h"

bool listing_checks(struct session *s, struct err *err)
{
    struct buf out SL_CLEANUP(buf_clear) = {0};

    buf_init(&out, OUTLET_BYTES_MAX);
    for (size_t i = 0; i < s->suites_n; i++)
        for (size_t c = 0; c < s->suites[i]->checks_n; c++) {
            const struct suite_check *check = &s->suites[i]->checks[c];

            for (uint32_t row = 0; row < check->rows_n; row++) {
                struct buf title SL_CLEANUP(buf_clear) = {0};

                if (!select_row(&s->opts, s->suites[i], check, row))
                    continue;
                suite_title(s->suites[i], check, row, &title);
                text_add_safe(&out, buf_str(&title), title.len, 300);
                for (size_t t = 0; t < check->tags_n; t++) {
                    buf_add_str(&out, t ? ", " : "  [");
                    text_add_safe(&out, check->tags[t], strlen(check->tags[t]), 300);
                    buf_add_str(&out, t + 1 == check->tags_n ? "]" : "");
                }
                buf_add_str(&out, "  ");
                text_add_safe(&out, s->suites[i]->path, strlen(s->suites[i]->path), 1000);
                buf_addf(&out, ":%u\n", check->at->pos.line);
            }
        }
    return outlet_write(&out, err);
}

bool listing_schema(struct err *err)
{
    struct buf out SL_CLEANUP(buf_clear) = {0};
    json_t *schema = suite_schema_json();
    char *text = json_dumps(schema, JSON_INDENT(2));

    buf_addf(&out, "%s\n", text ? text : "");
    free(text);
    json_decref(schema);
    return outlet_write(&out, err);
}
