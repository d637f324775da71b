/* matrix.c: the columns of a suite's matrix: lists, files with a value a line, and CSV files whose
 * columns vary together. */
#include <fnmatch.h>
#include <string.h>

#include "csv.h"
#include "sluice/file.h"
#include "sluice/text.h"
#include "suite_file.h"

static bool value_ok(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
            return false;
    return len > 0 && len <= SUITE_VALUE_MAX && text_is_utf8(s, len);
}

/* One value a line; blank lines and lines that begin with # are left out. */
static bool read_column(struct suite_builder *b, const struct doc_node *at,
                        struct suite_column *column)
{
    struct buf text SL_CLEANUP(buf_clear) = {0};
    struct err why = {0};
    const char **values = NULL, *line, *end;
    size_t n = 0, cap = 0, number = 0;
    bool ok = true;

    if (!file_read(&text, suite_beside(b, at->text), SUITE_MATRIX_BYTES_MAX, &why))
        return doc_fail(at, b->err, why.kind, "%s", why.text);
    if (strlen(buf_str(&text)) != text.len) /* the rest must not be left out without a word */
        return doc_fail(at, b->err, ERR_FILE, "%.120s holds a NUL byte: is it text?", at->text);
    line = buf_str(&text);
    if (text_starts_with(line, "\xef\xbb\xbf")) /* the mark some editors begin UTF-8 with */
        line += 3;
    for (; *line && ok; line = *end ? end + 1 : end) {
        size_t len;

        end = strchrnul(line, '\n');
        number++;
        line += strspn(line, " \t");
        len = (size_t)(end - line);
        while (len && (line[len - 1] == ' ' || line[len - 1] == '\t' || line[len - 1] == '\r'))
            len--;
        if (len == 0 || line[0] == '#')
            continue;
        if (n == SUITE_ROWS_MAX || !value_ok(line, len)) {
            ok = false;
            break;
        }
        if (n == cap) {
            cap = cap ? 2 * cap : 64;
            values = x_realloc(values, cap, sizeof *values);
        }
        values[n++] = arena_strndup(&b->suite->mem, line, len);
    }
    if (ok && n) {
        const char **kept = arena_array(&b->suite->mem, n, sizeof *kept);

        memcpy(kept, values, n * sizeof *kept);
        column->values = kept;
        column->values_n = n;
    }
    free(values);
    if (!ok && n == SUITE_ROWS_MAX)
        return doc_fail(at, b->err, ERR_FILE, "%.120s has more than %d values", at->text,
                        SUITE_ROWS_MAX);
    if (!ok)
        return doc_fail(
            at, b->err, ERR_FILE,
            "%.120s, line %zu: a value is at most %d bytes of UTF-8 without control characters",
            at->text, number, SUITE_VALUE_MAX);
    return n > 0 || doc_fail(at, b->err, ERR_FILE, "%.120s holds no value", at->text);
}

/* ---- CSV
 * ---------------------------------------------------------------------------------------- */

static bool bad_csv(struct suite_builder *b, const struct doc_node *at, const struct csv *csv,
                    const char *why)
{
    return doc_fail(at, b->err, ERR_FILE, "%.120s:%zu: %s", at->text, csv->line, why);
}

/* only: or except: by column name: a text or a list, * and ? as in file names. */
static bool keeps(const struct doc_node *rules, const char *const *names, const char *const *fields,
                  size_t n, bool wanted)
{
    for (size_t r = 0; rules && r < rules->n; r++) {
        const struct doc_node *value = rules->pairs[r].value;
        size_t items = value->kind == DOC_LIST ? value->n : 1, c = 0;
        bool hit = false;

        while (c < n && strcmp(names[c], rules->pairs[r].key->text) != 0)
            c++;
        for (size_t i = 0; c < n && i < items; i++)
            hit |= fnmatch(value->kind == DOC_LIST ? value->items[i]->text : value->text, fields[c],
                           0) == 0;
        if (hit != wanted)
            return false;
    }
    return true;
}

static bool check_rules(struct suite_builder *b, const struct doc_node *rules,
                        const char *const *names, size_t n)
{
    if (!rules)
        return true;
    if (rules->kind != DOC_MAP || rules->n == 0)
        return doc_fail(rules, b->err, ERR_FILE,
                        "expected a map of columns here: {plan: [pro, team*]}");
    for (size_t r = 0; r < rules->n; r++) {
        const struct doc_node *value = rules->pairs[r].value;
        size_t c = 0;

        while (c < n && strcmp(names[c], rules->pairs[r].key->text) != 0)
            c++;
        if (c == n)
            return doc_fail(rules->pairs[r].key, b->err, ERR_FILE, "the file has no column '%.80s'",
                            rules->pairs[r].key->text);
        if (value->kind == DOC_MAP)
            return doc_fail(value, b->err, ERR_FILE, "a text or a list of them");
        for (size_t i = 0; value->kind == DOC_LIST && i < value->n; i++)
            if (value->items[i]->kind != DOC_SCALAR)
                return doc_fail(value->items[i], b->err, ERR_FILE, "a text is expected here");
    }
    return true;
}

struct table { /* of a CSV file; values in one array, row by row */
    const char *names[SUITE_COLUMNS_MAX];
    const char **values;
    size_t columns, rows, cap;
};

static bool take_header(struct suite_builder *b, const struct doc_node *at, const struct csv *csv,
                        struct table *t)
{
    if (csv->n > SUITE_COLUMNS_MAX)
        return bad_csv(b, at, csv, "more than 8 columns");
    for (size_t i = 0; i < csv->n; i++) {
        t->names[i] = arena_strdup(&b->suite->mem, csv->fields[i]);
        if (!suite_name_ok(t->names[i]))
            return bad_csv(b, at, csv,
                           "the first line names the columns: letters, digits, '_' and '-'");
        for (size_t k = 0; k < i; k++)
            if (strcmp(t->names[k], t->names[i]) == 0)
                return bad_csv(b, at, csv, "two columns of one name");
    }
    t->columns = csv->n;
    return true;
}

static bool take_row(struct suite_builder *b, const struct doc_node *at, const struct csv *csv,
                     const struct doc_node *only, const struct doc_node *except, struct table *t)
{
    if (csv->n != t->columns)
        return bad_csv(b, at, csv, "another number of fields than the first line has");
    for (size_t i = 0; i < csv->n; i++)
        if (csv->fields[i][0] && !value_ok(csv->fields[i], strlen(csv->fields[i])))
            return bad_csv(b, at, csv,
                           "a value is at most 1024 bytes of UTF-8 without control characters");
    if (!keeps(only, t->names, (const char *const *)csv->fields, t->columns, true) ||
        (except && keeps(except, t->names, (const char *const *)csv->fields, t->columns, true)))
        return true;
    if (t->rows == SUITE_ROWS_MAX)
        return bad_csv(b, at, csv, "more than 50000 rows");
    if (t->rows == t->cap) {
        t->cap = t->cap ? 2 * t->cap : 64;
        t->values = x_realloc(t->values, t->cap * t->columns, sizeof *t->values);
    }
    for (size_t i = 0; i < t->columns; i++)
        t->values[t->rows * t->columns + i] = arena_strdup(&b->suite->mem, csv->fields[i]);
    t->rows++;
    return true;
}

static bool read_table(struct suite_builder *b, const struct doc_node *at,
                       const struct doc_node *only, const struct doc_node *except, struct table *t)
{
    struct buf text SL_CLEANUP(buf_clear) = {0};
    struct csv csv SL_CLEANUP(csv_clear) = {0};
    struct err why = {0};

    if (!file_read(&text, suite_beside(b, at->text), SUITE_MATRIX_BYTES_MAX, &why))
        return doc_fail(at, b->err, why.kind, "%s", why.text);
    csv_begin(&csv, buf_str(&text), text.len);
    while (csv_next(&csv, &why)) {
        if (t->columns == 0
                ? !take_header(b, at, &csv, t) || !check_rules(b, only, t->names, t->columns) ||
                      !check_rules(b, except, t->names, t->columns)
                : !take_row(b, at, &csv, only, except, t))
            return false;
    }
    if (why.kind != ERR_NONE)
        return bad_csv(b, at, &csv, why.text);
    return t->rows > 0 || doc_fail(at, b->err, ERR_FILE, "%.120s gives no row", at->text);
}

/* {csv: FILE, only: {...}, except: {...}}: one column of the matrix for each of the file's. */
static bool build_csv(struct suite_builder *b, const struct doc_node *node, uint32_t group,
                      struct suite_column *columns, size_t *n)
{
    const struct doc_node *file = doc_get(node, "csv"), *only = doc_get(node, "only");
    const struct doc_node *except = doc_get(node, "except");
    struct table t = {0};
    bool ok;

    if (file->kind != DOC_SCALAR || file->len == 0 ||
        node->n != 1u + (only != NULL) + (except != NULL))
        return doc_fail(node, b->err, ERR_FILE,
                        "expected {csv: NAME, only: {COLUMN: VALUE}, except: {COLUMN: VALUE}}");
    ok = read_table(b, file, only, except, &t);
    for (size_t c = 0; ok && c < t.columns; c++) {
        const char **values = arena_array(&b->suite->mem, t.rows, sizeof *values);

        if (*n == SUITE_COLUMNS_MAX)
            ok = doc_fail(node, b->err, ERR_FILE, "more than %d columns", SUITE_COLUMNS_MAX);
        for (size_t k = 0; ok && k < *n; k++)
            if (strcmp(columns[k].name, t.names[c]) == 0)
                ok =
                    doc_fail(node, b->err, ERR_FILE, "'%s' is a matrix column already", t.names[c]);
        for (size_t r = 0; r < t.rows; r++)
            values[r] = t.values[r * t.columns + c];
        if (ok)
            columns[(*n)++] = (struct suite_column){.name = t.names[c],
                                                    .at = node,
                                                    .values = values,
                                                    .values_n = t.rows,
                                                    .group = group};
    }
    free(t.values);
    return ok;
}

static bool build_column(struct suite_builder *b, const struct doc_node *node,
                         struct suite_column *column)
{
    const struct doc_node *file;
    const char **values;

    if (node->kind == DOC_MAP) {
        file = doc_get(node, "file");
        if (!file || node->n != 1 || file->kind != DOC_SCALAR || file->len == 0)
            return doc_fail(node, b->err, ERR_FILE,
                            "a matrix column is a list, {file: NAME} or {csv: NAME}");
        return read_column(b, file, column);
    }
    if (node->kind != DOC_LIST || node->n == 0 || node->n > SUITE_ROWS_MAX)
        return doc_fail(node, b->err, ERR_FILE,
                        "a matrix column is a list of values, {file: NAME} or {csv: NAME}");
    values = arena_array(&b->suite->mem, node->n, sizeof *values);
    for (size_t i = 0; i < node->n; i++) {
        if (node->items[i]->kind != DOC_SCALAR ||
            !value_ok(node->items[i]->text, node->items[i]->len))
            return doc_fail(node->items[i], b->err, ERR_FILE,
                            "a matrix value is one line of text, 1 to %d bytes", SUITE_VALUE_MAX);
        values[i] = node->items[i]->text;
    }
    column->values = values;
    column->values_n = node->n;
    return true;
}

bool suite_build_matrix(struct suite_builder *b)
{
    const struct file_suite *file = b->file;
    struct suite_column *columns =
        arena_array(&b->suite->mem, SUITE_COLUMNS_MAX + 1, sizeof *columns);
    size_t n = 0;

    b->suite->columns = columns;
    for (size_t i = 0; i < file->matrix_n; i++) {
        const struct doc_node *key = file->matrix[i].key, *node = file->matrix[i].value;

        if (doc_get(node, "csv")) {
            if (!build_csv(b, node, (uint32_t)i, columns, &n))
                return false;
            continue;
        }
        if (n == SUITE_COLUMNS_MAX)
            return doc_fail(key, b->err, ERR_FILE, "more than %d columns", SUITE_COLUMNS_MAX);
        columns[n] = (struct suite_column){.name = key->text, .at = key, .group = (uint32_t)i};
        if (!suite_own_name(b, key, "a matrix column") || !build_column(b, node, &columns[n]))
            return false;
        n++;
    }
    b->suite->columns_n = n;
    return true;
}
