/* scope.c: looks names up where suite.c found them when the file was read. */
#include "scope.h"

#include <ctype.h>
#include <string.h>

#include "sluice/json.h"
#include "sluice/text.h"

static void give(struct template_value *value, const char *s)
{
    value->data = s;
    value->len = strlen(s);
}

static void give_mark(struct scope *scope, const char *name, struct template_value *value)
{
    buf_reset(&scope->work);
    buf_add_char(&scope->work, SCOPE_MARK_BEGIN);
    for (const char *p = name; *p; p++)
        buf_add_char(&scope->work,
                     (char)(*p == '-' || *p == '.' ? '_' : toupper((unsigned char)*p)));
    buf_add_char(&scope->work, SCOPE_MARK_END);
    value->data = scope->work.data;
    value->len = scope->work.len;
}

static bool find_builtin(struct scope *scope, const char *name, struct template_value *value)
{
    const struct {
        const char *name, *value;
    } builtin[] = {
        {"side", scope->side}, {"run", scope->run}, {"uuid", scope->uuid}, {"now", scope->now}};

    for (size_t i = 0; i < ARRAY_LEN(builtin); i++)
        if (strcmp(name, builtin[i].name) == 0) {
            give(value, builtin[i].value);
            return true;
        }
    return false;
}

static bool find_secret(struct scope *scope, const char *name, struct template_value *value)
{
    const struct suite *suite = scope->suite;

    for (size_t i = 0; i < suite->secrets_n; i++)
        if (strcmp(name, suite->secrets[i].name) == 0) {
            value->secret = true;
            if (scope->marks) {
                give_mark(scope, name, value);
                return true;
            }
            value->data = secret_get(scope->secrets, suite->secret_keys[i], &value->len);
            return value->data != NULL;
        }
    return false;
}

static bool find_captured(struct scope *scope, const char *name, struct template_value *value,
                          bool *found)
{
    for (uint32_t i = 0; i < scope->check->slots_n; i++)
        if (strcmp(name, scope->check->slots[i]) == 0) {
            *found = true;
            if (scope->marks)
                give_mark(scope, name, value);
            else if (scope->values[i].set) {
                value->data = buf_str(&scope->values[i].data);
                value->len = scope->values[i].data.len;
            }
            scope->missing |= !scope->marks && !scope->values[i].set;
            return scope->marks || scope->values[i].set;
        }
    return false;
}

static bool find_column(struct scope *scope, const char *name, struct template_value *value)
{
    for (size_t i = 0; i < scope->suite->columns_n; i++)
        if (strcmp(name, scope->suite->columns[i].name) == 0) {
            give(value, suite_column_value(scope->suite, scope->check, scope->row, i));
            return true;
        }
    return false;
}

static bool lookup(void *ctx, const char *name, struct template_value *value);

static bool find_var(struct scope *scope, const char *name, struct template_value *value)
{
    struct buf text = {0};
    struct err err = {0};
    bool secret = false;

    for (size_t i = 0; i < scope->suite->vars_n; i++) {
        const struct suite_var *var = &scope->suite->vars[i];

        if (strcmp(name, var->name) != 0)
            continue;
        if (var->given) {
            give(value, var->given);
            return true;
        }
        /* Through a buffer of its own: variables inside it use scope->work again. */
        if (!template_expand(&var->value.tpl, lookup, scope, &text, &secret, &err)) {
            buf_wipe(&text);
            return false;
        }
        buf_wipe(&scope->work);
        scope->work = text;
        value->data = buf_str(&scope->work);
        value->len = scope->work.len;
        value->secret = secret;
        return true;
    }
    return false;
}

/* template_lookup_fn */
static bool lookup(void *ctx, const char *name, struct template_value *value)
{
    struct scope *scope = ctx;
    bool captured = false;

    *value = (struct template_value){0};
    if (text_starts_with(name, "secret."))
        return find_secret(scope, name + strlen("secret."), value);
    if (find_captured(scope, name, value, &captured) || captured)
        return value->data != NULL;
    return find_column(scope, name, value) || find_builtin(scope, name, value) ||
           find_var(scope, name, value);
}

bool scope_expand(struct scope *scope, const struct template *tpl, struct buf *out, bool *secret,
                  struct err *err)
{
    return template_expand(tpl, lookup, scope, out, secret, err);
}

/* The inside of a JSON string; the marks pass as they are. */
static void add_escaped(struct buf *out, const struct buf *raw)
{
    json_t *text = json_stringn(buf_str(raw), raw->len);
    struct buf quoted = {0};

    if (!text) { /* not UTF-8: JSON cannot hold it, so the nearest that can be sent */
        for (size_t i = 0; i < raw->len; i++)
            buf_add_char(out,
                         (char)(raw->data[i] & 0x80 || raw->data[i] < 0x20 ? '?' : raw->data[i]));
        return;
    }
    json_add_compact(&quoted, text);
    for (size_t i = 1; i + 1 < quoted.len; i++) {
        if (strncmp(quoted.data + i, "\\u0001", 6) == 0 ||
            strncmp(quoted.data + i, "\\u0002", 6) == 0) {
            buf_add_char(out, quoted.data[i + 5] == '1' ? SCOPE_MARK_BEGIN : SCOPE_MARK_END);
            i += 5;
        } else {
            buf_add_char(out, quoted.data[i]);
            if (quoted.data[i] == '\\' && i + 2 < quoted.len)
                buf_add_char(out, quoted.data[++i]);
        }
    }
    buf_wipe(&quoted);
    json_decref(text);
}

bool scope_expand_json(struct scope *scope, const struct suite_json *json, struct buf *out,
                       struct err *err)
{
    for (size_t i = 0; i < json->parts_n; i++) {
        struct buf raw SL_CLEANUP(buf_wipe) = {0};

        if (!json->parts[i].is_string) {
            buf_add_str(out, json->parts[i].literal);
            continue;
        }
        if (!scope_expand(scope, &json->parts[i].tpl, &raw, NULL, err))
            return false;
        if (scope->marks)
            add_escaped(out, &raw);
        else {
            json_t *text = json_stringn(buf_str(&raw), raw.len);
            struct buf quoted SL_CLEANUP(buf_wipe) = {0};

            if (!text)
                return err_set(err, ERR_REFUSED, "a value that is not UTF-8 cannot stand in JSON");
            json_add_compact(&quoted, text);
            json_decref(text);
            buf_add(out, quoted.data + 1, quoted.len - 2);
        }
    }
    return true;
}

void scope_clear(struct scope *scope)
{
    for (uint32_t i = 0; scope->values && i < scope->check->slots_n; i++)
        buf_wipe(&scope->values[i].data);
    free(scope->values);
    scope->values = NULL;
    buf_wipe(&scope->work);
}
