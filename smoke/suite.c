/* suite.c: the second pass over a suite: variables, secrets and matrix first, then each check. */
#include "sluice/suite.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

#include "sluice/file.h"
#include "sluice/http.h"
#include "sluice/json.h"
#include "sluice/text.h"
#include "suite_file.h"

static const char *const builtin_names[] = {"side", "run", "uuid", "now"};

static const char *const method_names[] = {
    [SUITE_GET] = "GET", [SUITE_HEAD] = "HEAD",   [SUITE_POST] = "POST",
    [SUITE_PUT] = "PUT", [SUITE_PATCH] = "PATCH", [SUITE_DELETE] = "DELETE",
};
_Static_assert(ARRAY_LEN(method_names) == SUITE_METHOD_COUNT, "a name for every method");

static const char *const predicate_names[] = {
    [SUITE_EQUALS] = "equals",
    [SUITE_CONTAINS] = "contains",
    [SUITE_MATCHES] = "matches",
    [SUITE_STARTS_WITH] = "starts_with",
    [SUITE_ENDS_WITH] = "ends_with",
    [SUITE_EXISTS] = "exists",
    [SUITE_AT_LEAST] = "at_least",
    [SUITE_AT_MOST] = "at_most",
    [SUITE_LENGTH] = "length",
    [SUITE_ONE_OF] = "one_of",
    [SUITE_TYPE] = "type",
    [SUITE_NEAR] = "near",
    [SUITE_ANY] = "any",
    [SUITE_ALL] = "all",
    [SUITE_NONE] = "none",
    [SUITE_NOT] = "not",
    [SUITE_SHAPE] = "shape",
};
_Static_assert(ARRAY_LEN(predicate_names) == SUITE_PREDICATE_COUNT, "a name for every predicate");

const char *const suite_type_names[] = {"string", "number", "integer", "boolean",
                                        "null",   "list",   "object",  NULL};
_Static_assert(ARRAY_LEN(suite_type_names) == SUITE_TYPE_COUNT + 1, "a name for every type");

const char *suite_method_name(enum suite_method method)
{
    return method_names[method];
}

const char *suite_predicate_name(enum suite_predicate_op op)
{
    return predicate_names[op];
}

json_t *suite_schema_json(void)
{
    return schema_to_json(&file_suite_schema, "A suite of smoke checks");
}

/* ---- names and templates
 * --------------------------------------------------------------------------- */

bool suite_name_ok(const char *name)
{
    if (!isalpha((unsigned char)name[0]) && name[0] != '_')
        return false;
    for (const char *p = name; *p; p++)
        if (!isalnum((unsigned char)*p) && *p != '_' && *p != '-')
            return false;
    return strlen(name) < TEMPLATE_NAME_MAX;
}

static bool is_builtin(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(builtin_names); i++)
        if (strcmp(name, builtin_names[i]) == 0)
            return true;
    return false;
}

static bool find_column(struct suite_builder *b, const char *name)
{
    for (size_t i = 0; i < b->suite->columns_n; i++)
        if (strcmp(name, b->suite->columns[i].name) == 0) {
            b->uses->columns |= 1u << i;
            return true;
        }
    return false;
}

static bool find_var(struct suite_builder *b, const char *name)
{
    for (size_t i = 0; i < b->vars_known; i++)
        if (strcmp(name, b->suite->vars[i].name) == 0) {
            b->uses->columns |= b->suite->vars[i].uses.columns;
            b->uses->secrets |= b->suite->vars[i].uses.secrets;
            return true;
        }
    return false;
}

static bool find_secret(struct suite_builder *b, const char *name)
{
    for (size_t i = 0; i < b->suite->secrets_n; i++)
        if (strcmp(name, b->suite->secrets[i].name) == 0) {
            b->uses->secrets |= UINT64_C(1) << i;
            return true;
        }
    return false;
}

static const char *nearest_name(struct suite_builder *b, const char *name)
{
    const struct suite *suite = b->suite;
    size_t n = 0, max = ARRAY_LEN(builtin_names) + suite->columns_n + b->vars_known + b->slots_n;
    const char **words = arena_array(&b->suite->mem, max + suite->secrets_n, sizeof *words);

    for (size_t i = 0; i < suite->columns_n; i++)
        words[n++] = suite->columns[i].name;
    if (b->names_only)
        return text_nearest(name, words, n);
    for (size_t i = 0; i < b->slots_n; i++)
        words[n++] = b->slots[i];
    for (size_t i = 0; i < b->vars_known; i++)
        words[n++] = suite->vars[i].name;
    for (size_t i = 0; i < ARRAY_LEN(builtin_names); i++)
        words[n++] = builtin_names[i];
    for (size_t i = 0; i < suite->secrets_n; i++)
        words[n++] = arena_printf(&b->suite->mem, "secret.%s", suite->secrets[i].name);
    return text_nearest(name, words, n);
}

/* template_known_fn */
static bool name_known(void *ctx, const char *name, const char **suggestion)
{
    struct suite_builder *b = ctx;

    if (find_column(b, name))
        return true;
    if (!b->names_only) {
        if (is_builtin(name) || find_var(b, name))
            return true;
        if (text_starts_with(name, "secret.") && find_secret(b, name + strlen("secret.")))
            return true;
        for (size_t i = 0; i < b->slots_n; i++)
            if (strcmp(name, b->slots[i]) == 0) {
                b->uses->captures = true;
                return true;
            }
    }
    if (suggestion)
        *suggestion = nearest_name(b, name);
    return false;
}

bool suite_build_text(struct suite_builder *b, struct suite_text *text)
{
    struct pos pos;

    if (!text->text)
        return true;
    pos = text->at->pos;
    if (text->at->quoted)
        pos.col++;
    if (template_parse(&text->tpl, &b->suite->mem, text->text, pos, name_known, b, b->err))
        return true;
    err_add_snippet(b->err, text->at->doc->text, text->at->doc->len);
    return false;
}

bool suite_build_scalar(struct suite_builder *b, const struct doc_node *node, const char *what,
                        struct suite_text *out)
{
    if (node->kind != DOC_SCALAR || doc_is_empty(node))
        return doc_fail(node, b->err, ERR_FILE, "'%s' expects a text, not %s", what,
                        doc_kind_name(node));
    out->at = node;
    out->text = node->text;
    return suite_build_text(b, out);
}

struct regex *suite_build_regex(struct suite_builder *b, const struct doc_node *node)
{
    struct suite *suite = b->suite;
    struct err why = {0};
    struct regex *re;

    if (node->kind != DOC_SCALAR || node->len == 0) {
        doc_fail(node, b->err, ERR_FILE, "a pattern is a text, not %s",
                 node->kind == DOC_SCALAR ? "nothing" : doc_kind_name(node));
        return NULL;
    }
    re = regex_new(node->text, &why);
    if (!re) {
        doc_fail(node, b->err, ERR_FILE, "%s", why.text);
        return NULL;
    }
    if (suite->regexes_n == suite->regexes_cap) {
        suite->regexes_cap = suite->regexes_cap ? 2 * suite->regexes_cap : 16;
        suite->regexes = x_realloc(suite->regexes, suite->regexes_cap, sizeof *suite->regexes);
    }
    suite->regexes[suite->regexes_n++] = re;
    return re;
}

bool suite_build_pairs(struct suite_builder *b, const struct schema_entry *entries, size_t n,
                       const char *what, const struct suite_pair **out, size_t *out_n)
{
    struct suite_pair *pairs = arena_array(&b->suite->mem, n + 1, sizeof *pairs);

    for (size_t i = 0; i < n; i++) {
        const struct doc_node *value = entries[i].value;

        pairs[i].name = entries[i].key->text;
        if (value->kind == DOC_SCALAR && value->quoted && value->len == 0) {
            pairs[i].value = (struct suite_text){.at = value, .text = ""};
            continue;
        }
        if (!suite_build_scalar(b, value, what, &pairs[i].value))
            return false;
    }
    *out = pairs;
    *out_n = n;
    return true;
}

/* ---- variables, secrets, matrix
 * -------------------------------------------------------------------- */

bool suite_own_name(struct suite_builder *b, const struct doc_node *key, const char *what)
{
    if (!suite_name_ok(key->text))
        return doc_fail(key, b->err, ERR_FILE,
                        "'%.80s' cannot be the name of %s: letters, digits, '_' and "
                        "'-', beginning with a letter",
                        key->text, what);
    if (is_builtin(key->text))
        return doc_fail(key, b->err, ERR_FILE, "'%s' is built in and cannot be declared",
                        key->text);
    return true;
}

static struct suite_given *find_given(const struct suite_options *options, const char *name)
{
    for (size_t i = 0; options && i < options->given_n; i++)
        if (strcmp(options->given[i].name, name) == 0)
            return &options->given[i];
    return NULL;
}

static bool build_vars(struct suite_builder *b)
{
    const struct file_suite *file = b->file;
    struct suite_var *vars = arena_array(&b->suite->mem, file->vars_n + 1, sizeof *vars);

    b->suite->vars = vars;
    for (size_t i = 0; i < file->vars_n; i++) {
        const struct doc_node *key = file->vars[i].key;
        struct suite_given *given = find_given(b->options, key->text);

        if (!suite_own_name(b, key, "a variable"))
            return false;
        for (size_t c = 0; c < b->suite->columns_n; c++)
            if (strcmp(b->suite->columns[c].name, key->text) == 0)
                return doc_fail(key, b->err, ERR_FILE, "'%s' is a matrix column already",
                                key->text);
        vars[i].name = key->text;
        b->uses = &vars[i].uses;
        if (given) {
            given->used = true;
            vars[i].given = arena_strdup(&b->suite->mem, given->value);
        } else if (file->vars[i].value->quoted && file->vars[i].value->len == 0) {
            vars[i].value = (struct suite_text){.at = file->vars[i].value, .text = ""};
        } else if (!suite_build_scalar(b, file->vars[i].value, key->text, &vars[i].value)) {
            return false;
        }
        b->vars_known = i + 1; /* a variable may use those above it */
    }
    b->suite->vars_n = file->vars_n;
    return true;
}

const char *suite_beside(struct suite_builder *b, const char *path)
{
    if (path[0] == '/' || !b->suite->dir[0])
        return path;
    return arena_printf(&b->suite->mem, "%s/%s", b->suite->dir, path);
}

static bool build_secrets(struct suite_builder *b)
{
    const struct file_suite *file = b->file;
    struct secret_spec *specs = arena_array(&b->suite->mem, file->secrets_n + 1, sizeof *specs);

    for (size_t i = 0; i < file->secrets_n; i++) {
        const struct file_secret *s = &file->secrets[i];

        if (!suite_name_ok(s->name))
            return doc_fail(s->at, b->err, ERR_FILE,
                            "'%.80s' cannot be the name of a secret: letters, "
                            "digits, '_' and '-', beginning with a letter",
                            s->name);
        specs[i] = (struct secret_spec){.name = s->name, .pos = s->at->pos};
        if (s->env) {
            specs[i].source = SECRET_ENV;
            specs[i].from = s->env;
        } else if (s->file) {
            specs[i].source = SECRET_FILE;
            specs[i].from = suite_beside(b, s->file);
        } else if (s->credential) {
            specs[i].source = SECRET_CREDENTIAL;
            specs[i].from = s->credential;
        } else {
            const char **argv = arena_array(&b->suite->mem, s->command_n + 1, sizeof *argv);

            memcpy(argv, s->command, s->command_n * sizeof *argv);
            specs[i].source = SECRET_COMMAND;
            specs[i].argv = argv;
        }
    }
    b->suite->secrets = specs;
    b->suite->secret_keys = arena_array(&b->suite->mem, file->secrets_n + 1, sizeof(char *));
    for (size_t i = 0; i < file->secrets_n; i++)
        b->suite->secret_keys[i] = specs[i].name;
    b->suite->secrets_n = file->secrets_n;
    return true;
}

static bool build_base_url(struct suite_builder *b)
{
    struct suite *suite = b->suite;

    b->uses = &suite->base_uses;
    if (b->options && b->options->base_url) {
        /* From the command line: as it is, checked by the program's options. */
        suite->base_url.text = arena_strdup(&suite->mem, b->options->base_url);
        suite->base_url.at = NULL;
        return template_parse(&suite->base_url.tpl, &suite->mem, suite->base_url.text,
                              (struct pos){0}, name_known, b, b->err);
    }
    suite->base_url = b->file->base_url;
    if (!suite_build_text(b, &suite->base_url))
        return false;
    if (suite->base_url.text && template_is_plain(&suite->base_url.tpl)) {
        struct http_url url = {0};
        struct err why = {0};
        bool ok = http_url_parse(&url, suite->base_url.text, &why);

        http_url_clear(&url);
        if (!ok)
            return doc_fail(suite->base_url.at, b->err, ERR_FILE, "'base_url': %s", why.text);
    }
    return true;
}

/* ---- the whole
 * ------------------------------------------------------------------------------------- */

bool suite_hand_over(struct suite_builder *b)
{
    struct schema_sink *sink = b->options ? b->options->sink : NULL;

    if (!sink || sink->n >= SCHEMA_ERRORS_MAX)
        return false;
    if (b->first->kind == ERR_NONE)
        *b->first = *b->err;
    sink->n++;
    sink->add(sink->self, b->err);
    *b->err = (struct err){0};
    return true;
}

static const char *directory_of(struct arena *mem, const char *path)
{
    const char *slash = strrchr(path, '/');

    if (!slash)
        return "";
    return slash == path ? "/." : arena_strndup(mem, path, (size_t)(slash - path));
}

bool suite_decode(struct suite *suite, const struct doc_node *node, const char *dir,
                  const struct suite_options *options, struct err *err)
{
    struct file_suite file = {0};
    struct err first = {0};
    struct suite_builder b = {
        .suite = suite, .file = &file, .options = options, .err = err, .first = &first};
    struct schema_sink *sink = options ? options->sink : NULL;

    suite->path = node->doc->path;
    suite->dir = dir ? arena_strdup(&suite->mem, dir) : directory_of(&suite->mem, suite->path);
    suite->held = json_array();
    if (!schema_decode_all(&file, &file_suite_schema, node, &suite->mem, NULL, sink, err))
        return false;
    if (!(suite_build_includes(&b, &file) && suite_build_matrix(&b) && build_secrets(&b) &&
          build_vars(&b) && build_base_url(&b) && suite_build_checks(&b))) {
        suite_hand_over(&b);
        if (sink)
            *err = first;
        return false;
    }
    if (first.kind != ERR_NONE)
        *err = first;
    return first.kind == ERR_NONE;
}

bool suite_load(struct suite *suite, const char *path, const struct suite_options *options,
                struct err *err)
{
    const struct doc *doc = doc_load(&suite->doc_mem, path, err);

    if (!doc && options && options->sink) {
        options->sink->n++;
        options->sink->add(options->sink->self, err);
    }
    return doc && suite_decode(suite, doc_root(doc), NULL, options, err);
}

void suite_clear(struct suite *suite)
{
    for (size_t i = 0; i < suite->regexes_n; i++)
        regex_free(suite->regexes[i]);
    free(suite->regexes);
    json_decref(suite->held);
    arena_clear(&suite->mem);
    arena_clear(&suite->doc_mem);
    *suite = (struct suite){0};
}
