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

/* One of a text or a list of them fits, * and ? as in file names. */
static bool fits_one(const struct doc_node *wanted, const char *value)
{
    size_t n = wanted->kind == DOC_LIST ? wanted->n : 1;

    for (size_t i = 0; i < n; i++)
        if (fnmatch(wanted->kind == DOC_LIST ? wanted->items[i]->text : wanted->text, value, 0) ==
            0)
            return true;
    return false;
}

static bool check_wanted(struct suite_builder *b, const struct doc_node *wanted)
{
    if (wanted && (wanted->kind == DOC_MAP || (wanted->kind == DOC_LIST && wanted->n == 0)))
        return doc_fail(wanted, b->err, ERR_FILE, "a text or a list of them is expected here");
    for (size_t i = 0; wanted && wanted->kind == DOC_LIST && i < wanted->n; i++)
        if (wanted->items[i]->kind != DOC_SCALAR)
            return doc_fail(wanted->items[i], b->err, ERR_FILE, "a text is expected here");
    return true;
}

/* One value a line; blank lines and lines that begin with # are left out, and so is what the
 * filters do not want; these may be NULL. */
static bool read_column(struct suite_builder *b, const struct doc_node *at,
                        const struct doc_node *only, const struct doc_node *except,
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
        values[n] = arena_strndup(&b->suite->mem, line, len);
        n += (!only || fits_one(only, values[n])) && !(except && fits_one(except, values[n]));
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
    return n > 0 || doc_fail(at, b->err, ERR_FILE, "%.120s holds no value%s", at->text,
                             only || except ? " that is wanted" : "");
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
                  size_t n)
{
    for (size_t r = 0; rules && r < rules->n; r++) {
        const struct doc_node *value = rules->pairs[r].value;
        size_t c = 0;

        while (c < n && strcmp(names[c], rules->pairs[r].key->text) != 0)
            c++;
        if (c == n || !fits_one(value, fields[c]))
            return false;
    }
    return true;
}

/* whose: what has the columns, for the message. */
static bool check_rules(struct suite_builder *b, const struct doc_node *rules,
                        const char *const *names, size_t n, const char *whose)
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
            return doc_fail(rules->pairs[r].key, b->err, ERR_FILE, "%s no column '%.80s'", whose,
                            rules->pairs[r].key->text);
        if (!check_wanted(b, value))
            return false;
    }
    return true;
}

struct table { /* of a CSV file; values in one array, row by row */
    const struct doc_node *at, *only, *except, *columns_at;
    const char **header; /* the names of its fields */
    size_t fields;
    const char *names[SUITE_COLUMNS_MAX]; /* of what is taken, and which field it is */
    size_t field[SUITE_COLUMNS_MAX];
    const char **values;
    size_t columns, rows, cap;
};

/* columns: [NAME, ...] or {NAME: HEADER}; all of them unless said. */
static bool choose_columns(struct suite_builder *b, struct table *t)
{
    const struct doc_node *wanted = t->columns_at;
    size_t n = wanted ? wanted->n : t->fields;

    if (wanted && (wanted->kind == DOC_SCALAR || n == 0))
        return doc_fail(wanted, b->err, ERR_FILE,
                        "expected [COLUMN, ...] or {NAME: COLUMN, ...} here");
    if (n > SUITE_COLUMNS_MAX)
        return doc_fail(wanted ? wanted : t->at, b->err, ERR_FILE, "more than %d columns%s",
                        SUITE_COLUMNS_MAX, wanted ? "" : ": choose some with 'columns'");
    for (size_t i = 0; i < n; i++) {
        const struct doc_node *from = !wanted                    ? NULL
                                      : wanted->kind == DOC_LIST ? wanted->items[i]
                                                                 : wanted->pairs[i].value;
        const struct doc_node *to = wanted && wanted->kind == DOC_MAP ? wanted->pairs[i].key : from;
        size_t f = i;

        if (from && from->kind != DOC_SCALAR)
            return doc_fail(from, b->err, ERR_FILE, "the name of a column is expected here");
        for (f = from ? 0 : i; from && f < t->fields && strcmp(t->header[f], from->text) != 0;)
            f++;
        if (f == t->fields)
            return doc_fail(from, b->err, ERR_FILE, "the file has no column '%.80s'", from->text);
        t->field[i] = f;
        t->names[i] = to ? to->text : t->header[f];
        if (!suite_name_ok(t->names[i]))
            return doc_fail(to ? to : t->at, b->err, ERR_FILE,
                            "'%.80s' cannot be the name of a column: letters, digits, '_' and '-'; "
                            "'columns' can give it another: {NAME: '%.80s'}",
                            t->names[i], t->header[f]);
        for (size_t k = 0; k < i; k++)
            if (strcmp(t->names[k], t->names[i]) == 0)
                return doc_fail(to ? to : t->at, b->err, ERR_FILE, "two columns are named '%.80s'",
                                t->names[i]);
    }
    t->columns = n;
    return true;
}

static bool take_header(struct suite_builder *b, const struct csv *csv, struct table *t)
{
    t->fields = csv->n;
    t->header = arena_array(&b->suite->mem, csv->n, sizeof *t->header);
    for (size_t i = 0; i < csv->n; i++)
        t->header[i] = arena_strdup(&b->suite->mem, csv->fields[i]);
    return choose_columns(b, t) && check_rules(b, t->only, t->header, t->fields, "the file has") &&
           check_rules(b, t->except, t->header, t->fields, "the file has");
}

static bool take_row(struct suite_builder *b, const struct csv *csv, struct table *t)
{
    const char *const *fields = (const char *const *)csv->fields;

    if (csv->n != t->fields)
        return bad_csv(b, t->at, csv, "another number of fields than the first line has");
    if (!keeps(t->only, t->header, fields, t->fields) ||
        (t->except && keeps(t->except, t->header, fields, t->fields)))
        return true;
    for (size_t i = 0; i < t->columns; i++) {
        const char *value = fields[t->field[i]];

        if (value[0] && !value_ok(value, strlen(value)))
            return bad_csv(b, t->at, csv,
                           "a value is at most 1024 bytes of UTF-8 without control characters");
    }
    if (t->rows == SUITE_ROWS_MAX)
        return bad_csv(b, t->at, csv, "more than 50000 rows");
    if (t->rows == t->cap) {
        t->cap = t->cap ? 2 * t->cap : 64;
        t->values = x_realloc(t->values, t->cap * t->columns, sizeof *t->values);
    }
    for (size_t i = 0; i < t->columns; i++)
        t->values[t->rows * t->columns + i] = arena_strdup(&b->suite->mem, fields[t->field[i]]);
    t->rows++;
    return true;
}

static bool read_table(struct suite_builder *b, struct table *t)
{
    struct buf text SL_CLEANUP(buf_clear) = {0};
    struct csv csv SL_CLEANUP(csv_clear) = {0};
    struct err why = {0};

    if (!file_read(&text, suite_beside(b, t->at->text), SUITE_MATRIX_BYTES_MAX, &why))
        return doc_fail(t->at, b->err, why.kind, "%s", why.text);
    csv_begin(&csv, buf_str(&text), text.len);
    while (csv_next(&csv, &why))
        if (t->columns == 0 ? !take_header(b, &csv, t) : !take_row(b, &csv, t))
            return false;
    if (why.kind != ERR_NONE)
        return bad_csv(b, t->at, &csv, why.text);
    return t->rows > 0 || doc_fail(t->at, b->err, ERR_FILE, "%.120s gives no row", t->at->text);
}

/* {csv: FILE, columns: [...], only: {...}, except: {...}}: one column of the matrix for each that
 * is taken of the file's. */
static bool build_csv(struct suite_builder *b, const struct doc_node *node, uint32_t group,
                      struct suite_column *columns, size_t *n)
{
    struct table t = {.at = doc_get(node, "csv"),
                      .only = doc_get(node, "only"),
                      .except = doc_get(node, "except"),
                      .columns_at = doc_get(node, "columns")};
    bool ok;

    if (t.at->kind != DOC_SCALAR || t.at->len == 0 ||
        node->n != 1u + (t.only != NULL) + (t.except != NULL) + (t.columns_at != NULL))
        return doc_fail(node, b->err, ERR_FILE,
                        "expected {csv: NAME, columns: [COLUMN], only: {COLUMN: VALUE}, except: "
                        "{COLUMN: VALUE}}");
    ok = read_table(b, &t);
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
    const char **values;

    if (node->kind == DOC_MAP) {
        const struct doc_node *file = doc_get(node, "file"), *only = doc_get(node, "only");
        const struct doc_node *except = doc_get(node, "except");

        if (!file || node->n != 1u + (only != NULL) + (except != NULL) ||
            file->kind != DOC_SCALAR || file->len == 0)
            return doc_fail(
                node, b->err, ERR_FILE,
                "a matrix column is a list, {file: NAME, only: VALUE, except: VALUE} or "
                "{csv: NAME}");
        return check_wanted(b, only) && check_wanted(b, except) &&
               read_column(b, file, only, except, column);
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

/* ---- rows of a check
 * -------------------------------------------------------------------------------- */

bool suite_filter_rows(struct suite_builder *b, const struct file_rows *rows,
                       struct suite_check *check)
{
    const struct suite *suite = b->suite;
    const char *names[SUITE_COLUMNS_MAX], *values[SUITE_COLUMNS_MAX];
    size_t columns[SUITE_COLUMNS_MAX], n = 0;
    uint32_t *list = arena_array(&b->suite->mem, check->rows_n, sizeof *list), kept = 0;

    for (size_t i = 0; i < suite->columns_n; i++)
        if (check->uses.columns >> i & 1) {
            columns[n] = i;
            names[n++] = suite->columns[i].name;
        }
    if (!check_rules(b, rows->only, names, n, "the check uses") ||
        !check_rules(b, rows->except, names, n, "the check uses"))
        return false;
    for (uint32_t row = 0; row < check->rows_n; row++) {
        for (size_t i = 0; i < n; i++)
            values[i] = suite_column_value(suite, check, row, columns[i]);
        if (keeps(rows->only, names, values, n) &&
            !(rows->except && keeps(rows->except, names, values, n)))
            list[kept++] = row;
    }
    if (kept == 0)
        return doc_fail(check->at, b->err, ERR_FILE, "'rows' leaves no row of this check");
    check->row_list = list;
    check->rows_n = kept;
    return true;
}
