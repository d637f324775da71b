/* suite_use.c: what is asked of a suite once it is loaded: its secrets, its rows and their names.
 */
#include <string.h>

#include "sluice/http.h"
#include "sluice/suite.h"

/* ---- secrets of several suites
 * --------------------------------------------------------------------- */

static uint64_t secrets_used(const struct suite *suite, const bool *checks)
{
    uint64_t bits = suite->base_uses.secrets;

    for (size_t i = 0; i < suite->checks_n; i++)
        if (!checks || checks[i])
            bits |= suite->checks[i].uses.secrets;
    return bits;
}

static bool same_secret(const struct secret_spec *a, const struct secret_spec *b)
{
    size_t i = 0;

    if (a->source != b->source || strcmp(a->name, b->name) != 0)
        return false;
    if (a->source != SECRET_COMMAND)
        return strcmp(a->from, b->from) == 0;
    while (a->argv[i] && b->argv[i] && strcmp(a->argv[i], b->argv[i]) == 0)
        i++;
    return !a->argv[i] && !b->argv[i];
}

/* The earlier suite's key when it has the same secret; *clash when it has another of that name. */
static const char *earlier_key(struct suite *const *suites, size_t n,
                               const struct secret_spec *spec, bool *clash)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < suites[i]->secrets_n; k++) {
            if (same_secret(&suites[i]->secrets[k], spec))
                return suites[i]->secret_keys[k];
            *clash |= strcmp(suites[i]->secrets[k].name, spec->name) == 0;
        }
    return NULL;
}

bool suite_secrets_load(struct suite *const *suites, const bool *const *used, size_t n,
                        struct secret_set *set, struct err *err)
{
    for (size_t i = 0; i < n; i++) {
        struct suite *suite = suites[i];
        uint64_t bits = secrets_used(suite, used ? used[i] : NULL);

        for (size_t k = 0; k < suite->secrets_n; k++) {
            struct secret_spec spec = suite->secrets[k];
            bool clash = false;
            const char *key = earlier_key(suites, i, &spec, &clash);
            size_t len;

            if (!key)
                key = clash ? arena_printf(&suite->mem, "%s.%zu", spec.name, i + 1) : spec.name;
            suite->secret_keys[k] = key;
            if (!(bits >> k & 1) || secret_get(set, key, &len))
                continue;
            spec.name = key;
            if (!secret_load(set, &spec, 1, err)) {
                err_add_snippet(err, suite->secrets_n ? suite->checks[0].at->doc->text : "",
                                suite->secrets_n ? suite->checks[0].at->doc->len : 0);
                return false;
            }
        }
    }
    return true;
}

/* ---- rows
 * ------------------------------------------------------------------------------------------ */

/* Which value of its group a row has. The last group used turns fastest, as in a nested loop. */
static uint32_t digit_of(const struct suite *suite, const struct suite_check *check, uint32_t row,
                         size_t column)
{
    uint32_t last = UINT32_MAX;

    if (check->row_list)
        row = check->row_list[row];
    for (size_t i = suite->columns_n; i-- > 0;) {
        uint32_t n = (uint32_t)suite->columns[i].values_n;

        if (!(check->uses.columns >> i & 1) || suite->columns[i].group == last)
            continue;
        last = suite->columns[i].group;
        if (last == suite->columns[column].group)
            return row % n;
        row /= n;
    }
    return 0;
}

const char *suite_column_value(const struct suite *suite, const struct suite_check *check,
                               uint32_t row, size_t column)
{
    if (!(check->uses.columns >> column & 1))
        return NULL;
    return suite->columns[column].values[digit_of(suite, check, row, column)];
}

uint32_t suite_row_of(const struct suite *suite, const struct suite_check *from, uint32_t row,
                      const struct suite_check *to)
{
    uint32_t out = 0, last = UINT32_MAX;

    for (size_t i = 0; i < suite->columns_n; i++) {
        if (!(to->uses.columns >> i & 1) || suite->columns[i].group == last)
            continue;
        last = suite->columns[i].group;
        out = out * (uint32_t)suite->columns[i].values_n + digit_of(suite, from, row, i);
    }
    return out;
}

struct title_ctx {
    const struct suite *suite;
    const struct suite_check *check;
    uint32_t row;
};

static bool title_lookup(void *ctx, const char *name, struct template_value *value)
{
    const struct title_ctx *t = ctx;

    for (size_t i = 0; i < t->suite->columns_n; i++)
        if (strcmp(name, t->suite->columns[i].name) == 0) {
            value->data = suite_column_value(t->suite, t->check, t->row, i);
            value->len = strlen(value->data);
            return true;
        }
    return false;
}

void suite_title(const struct suite *suite, const struct suite_check *check, uint32_t row,
                 struct buf *out)
{
    struct title_ctx ctx = {suite, check, row};
    struct err err = {0};
    bool first = true;

    if (!template_expand(&check->name.tpl, title_lookup, &ctx, out, NULL, &err))
        return;
    for (size_t i = 0; i < suite->columns_n; i++) {
        if (!(check->uses.columns >> i & 1) ||
            template_uses(&check->name.tpl, suite->columns[i].name))
            continue;
        buf_addf(out, "%s%s=%s", first ? " (" : ", ", suite->columns[i].name,
                 suite_column_value(suite, check, row, i));
        first = false;
    }
    if (!first)
        buf_add_char(out, ')');
}

/* ---- the same elsewhere
 * -------------------------------------------------------------------------------- */

bool suite_rebase(struct suite *out, struct suite *from, const char *base_url, struct err *err)
{
    struct http_url url = {0};
    struct err why = {0};
    bool ok = http_url_parse(&url, base_url, &why);

    http_url_clear(&url);
    if (!ok)
        return err_set(err, ERR_USAGE, "%s: %s", base_url, why.text);
    *out = *from;
    out->base_url = (struct suite_text){.text = arena_strdup(&from->mem, base_url)};
    return template_parse(&out->base_url.tpl, &from->mem, out->base_url.text, (struct pos){0}, NULL,
                          NULL, err);
}
