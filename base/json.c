#include "sluice/json.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "sluice/text.h"

/* jansson's own ceiling on depth is 2048, far more stack than a response deserves. */
static bool depth_ok(const char *s, size_t len)
{
    unsigned depth = 0;
    bool in_text = false;

    for (size_t i = 0; i < len; i++) {
        char c = s[i];

        if (in_text) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_text = false;
        } else if (c == '"') {
            in_text = true;
        } else if (c == '[' || c == '{') {
            if (++depth > JSON_DEPTH_MAX)
                return false;
        } else if (c == ']' || c == '}') {
            depth -= depth > 0;
        }
    }
    return true;
}

json_t *json_parse(const char *data, size_t len, struct err *err)
{
    const size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL;
    json_error_t why;
    json_t *value;

    if (len > JSON_BYTES_MAX) {
        err_set(err, ERR_LIMIT, "JSON larger than %zu MiB", JSON_BYTES_MAX / (1024 * 1024));
        return NULL;
    }
    if (!depth_ok(data, len)) {
        err_set(err, ERR_LIMIT, "JSON nested deeper than %d", JSON_DEPTH_MAX);
        return NULL;
    }
    value = json_loadb(data, len, flags, &why);
    if (!value && json_error_code(&why) == json_error_numeric_overflow)
        value = json_loadb(data, len, flags | JSON_DECODE_INT_AS_REAL, &why);
    if (!value)
        err_at(err, ERR_PROTOCOL,
               (struct pos){NULL, why.line > 0 ? (uint32_t)why.line : 0,
                            why.column > 0 ? (uint32_t)why.column : 0},
               "not JSON: %s", why.text);
    return value;
}

/* Copies the token at *p (after its '/') into out and goes past it; false on a bad escape. */
static bool take_token(const char **p, char *out)
{
    for (; **p && **p != '/'; (*p)++) {
        if (**p == '~') {
            (*p)++;
            if (**p != '0' && **p != '1')
                return false;
            *out++ = **p == '0' ? '~' : '/';
        } else {
            *out++ = **p;
        }
    }
    *out = '\0';
    return true;
}

static bool check_pointer(const char *pointer, bool each, struct err *err)
{
    char token[JSON_POINTER_BYTES_MAX + 1];
    const char *p = pointer;

    if (strlen(pointer) > JSON_POINTER_BYTES_MAX)
        return err_set(err, ERR_FILE, "a JSON pointer has at most %d bytes",
                       JSON_POINTER_BYTES_MAX);
    if (*p && *p != '/')
        return err_set(err, ERR_FILE,
                       "'%s' is not a JSON pointer: it begins with '/', as in /data/0/id", pointer);
    while (*p == '/') {
        p++;
        if (!take_token(&p, token))
            return err_set(err, ERR_FILE, "'%s' is not a JSON pointer: after '~' comes 0 or 1",
                           pointer);
        if (strcmp(token, "*") == 0 && !each)
            return err_set(err, ERR_FILE, "'%s': '*' has no meaning here: one value is wanted",
                           pointer);
    }
    return true;
}

bool json_pointer_check(const char *pointer, struct err *err)
{
    return check_pointer(pointer, false, err);
}

bool json_pointer_check_each(const char *pointer, struct err *err)
{
    return check_pointer(pointer, true, err);
}

/* RFC 6901 section 4: digits without a leading zero. "-" names the item after the last: never
 * there. */
static const json_t *get_item(const json_t *list, const char *token)
{
    size_t i = 0, n = strlen(token);

    if (n == 0 || n > 9 || strspn(token, "0123456789") != n || (token[0] == '0' && n > 1))
        return NULL;
    for (const char *c = token; *c; c++)
        i = i * 10 + (size_t)(*c - '0');
    return json_array_get(list, i);
}

const json_t *json_pointer_get(const json_t *root, const char *pointer)
{
    char token[JSON_POINTER_BYTES_MAX + 1];
    const char *p = pointer;
    const json_t *at = root;

    if (strlen(pointer) > JSON_POINTER_BYTES_MAX || (*p && *p != '/'))
        return NULL;
    while (at && *p == '/') {
        p++;
        if (!take_token(&p, token))
            return NULL;
        at = json_is_object(at)  ? json_object_get(at, token)
             : json_is_array(at) ? get_item(at, token)
                                 : NULL;
    }
    return at;
}

struct walk { /* of json_pointer_each() */
    struct buf where;
    json_each_fn *fn;
    void *ctx;
};

static bool walk_on(struct walk *w, const json_t *at, const char *p);

static bool walk_into(struct walk *w, const json_t *value, const char *token, const char *p)
{
    size_t len = w->where.len;
    bool more;

    buf_add_char(&w->where, '/');
    for (; *token; token++)
        if (*token == '~' || *token == '/')
            buf_add_str(&w->where, *token == '~' ? "~0" : "~1");
        else
            buf_add_char(&w->where, *token);
    more = walk_on(w, value, p);
    buf_cut(&w->where, len);
    return more;
}

/* One step for each value on this level. The depth is bounded by the pointer's length. */
static bool walk_on(struct walk *w, const json_t *at, const char *p)
{
    char token[JSON_POINTER_BYTES_MAX + 1], number[24];
    const char *key;
    json_t *value;
    size_t i;

    if (*p != '/')
        return w->fn(w->ctx, buf_str(&w->where), at);
    p++;
    if (!take_token(&p, token))
        return true;
    if (strcmp(token, "*") != 0) {
        const json_t *next = json_is_object(at)  ? json_object_get(at, token)
                             : json_is_array(at) ? get_item(at, token)
                                                 : NULL;

        return !next || walk_into(w, next, token, p);
    }
    if (json_is_array(at)) {
        json_array_foreach((json_t *)(uintptr_t)at, i, value)
        {
            snprintf(number, sizeof number, "%zu", i);
            if (!walk_into(w, value, number, p))
                return false;
        }
    } else if (json_is_object(at)) {
        json_object_foreach((json_t *)(uintptr_t)at, key,
                            value) if (!walk_into(w, value, key, p)) return false;
    }
    return true;
}

bool json_pointer_each(const json_t *root, const char *pointer, json_each_fn *fn, void *ctx)
{
    struct walk w = {.fn = fn, .ctx = ctx};
    bool more;

    if (strlen(pointer) > JSON_POINTER_BYTES_MAX || (*pointer && *pointer != '/'))
        return true;
    buf_init(&w.where, 64 * 1024);
    more = walk_on(&w, root, pointer);
    buf_clear(&w.where);
    return more;
}

/* Whole numbers past 2^53 do not survive a trip through double: compare them as they are. */
static bool same_number(const json_t *a, const json_t *b)
{
    if (json_is_integer(a) && json_is_integer(b))
        return json_integer_value(a) == json_integer_value(b);
    return json_number_value(a) == json_number_value(b);
}

bool json_same(const json_t *a, const json_t *b)
{
    const char *key;
    json_t *value;

    if (json_is_number(a) && json_is_number(b))
        return same_number(a, b);
    if (json_typeof(a) != json_typeof(b))
        return false;
    if (json_is_array(a)) {
        if (json_array_size(a) != json_array_size(b))
            return false;
        for (size_t i = 0; i < json_array_size(a); i++)
            if (!json_same(json_array_get(a, i), json_array_get(b, i)))
                return false;
        return true;
    }
    if (!json_is_object(a))
        return json_equal(a, b) != 0;
    if (json_object_size(a) != json_object_size(b))
        return false;
    json_object_foreach((json_t *)a, key, value)
    {
        const json_t *other = json_object_get(b, key);

        if (!other || !json_same(value, other))
            return false;
    }
    return true;
}

static void add_real(struct buf *out, double v)
{
    char text[40];

    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, v);
        if (strtod(text, NULL) == v)
            break;
    }
    buf_add_str(out, text);
    if (!strpbrk(text, ".eE")) /* a real stays one when it is read back */
        buf_add_str(out, ".0");
}

/* RFC 8259 section 7: the escapes of two characters. */
static const struct {
    char byte, name;
} short_escapes[] = {{'\b', 'b'}, {'\f', 'f'}, {'\n', 'n'}, {'\r', 'r'},
                     {'\t', 't'}, {'"', '"'},  {'\\', '\\'}};

static char short_escape(char byte)
{
    for (size_t i = 0; i < ARRAY_LEN(short_escapes); i++)
        if (short_escapes[i].byte == byte)
            return short_escapes[i].name;
    return '\0';
}

static void add_text(struct buf *out, const char *s, size_t len)
{
    buf_add_char(out, '"');
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];
        char name = short_escape(s[i]);

        if (name) {
            buf_add_char(out, '\\');
            buf_add_char(out, name);
        } else if (c < 0x20 || c == 0x7f) {
            buf_addf(out, "\\u%04x", c);
        } else {
            buf_add_char(out, (char)c);
        }
    }
    buf_add_char(out, '"');
}

/* Recursion ends where the value does; parsed values are at most JSON_DEPTH_MAX deep. A buffer that
 * is full stops the walk. */
void json_add_compact(struct buf *out, const json_t *value)
{
    const char *key;
    json_t *item;
    size_t i;

    if (out->over)
        return;
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        i = 0;
        buf_add_char(out, '{');
        json_object_foreach((json_t *)value, key, item)
        {
            if (i++)
                buf_add_char(out, ',');
            add_text(out, key, strlen(key));
            buf_add_char(out, ':');
            json_add_compact(out, item);
        }
        buf_add_char(out, '}');
        break;
    case JSON_ARRAY:
        buf_add_char(out, '[');
        json_array_foreach((json_t *)value, i, item)
        {
            if (i)
                buf_add_char(out, ',');
            json_add_compact(out, item);
        }
        buf_add_char(out, ']');
        break;
    case JSON_STRING:
        add_text(out, json_string_value(value), json_string_length(value));
        break;
    case JSON_INTEGER:
        buf_addf(out, "%lld", (long long)json_integer_value(value));
        break;
    case JSON_REAL:
        add_real(out, json_real_value(value));
        break;
    case JSON_TRUE:
        buf_add_str(out, "true");
        break;
    case JSON_FALSE:
        buf_add_str(out, "false");
        break;
    case JSON_NULL:
        buf_add_str(out, "null");
        break;
    }
}

void json_add_shown(struct buf *out, const json_t *value, size_t max)
{
    struct buf line SL_CLEANUP(buf_clear) = {0};

    json_add_compact(&line, value);
    text_add_safe(out, buf_str(&line), line.len, max);
}

static bool is_number_text(const char *s, bool *whole)
{
    const char *p = s + (*s == '-');
    size_t n = strspn(p, "0123456789");

    if (!n || (n > 1 && *p == '0'))
        return false;
    p += n;
    *whole = !*p;
    if (*p == '.') {
        n = strspn(++p, "0123456789");
        if (!n)
            return false;
        p += n;
    }
    if (*p == 'e' || *p == 'E') {
        p++;
        p += *p == '+' || *p == '-';
        n = strspn(p, "0123456789");
        if (!n)
            return false;
        p += n;
    }
    return !*p;
}

static json_t *from_number(const struct doc_node *node, bool whole, struct err *err)
{
    double v;

    errno = 0;
    if (whole) {
        long long i = strtoll(node->text, NULL, 10);

        if (!errno)
            return json_integer(i);
        doc_fail(node, err, ERR_FILE, "%s does not fit in 64 bits; quote it to send it as text",
                 node->text);
        return NULL;
    }
    v = strtod(node->text, NULL);
    if (isfinite(v))
        return json_real(v);
    doc_fail(node, err, ERR_FILE, "%s is too large for a number", node->text);
    return NULL;
}

static json_t *from_scalar(const struct doc_node *node, struct err *err)
{
    bool whole;

    if (!node->quoted) {
        if (node->len == 0 || strcmp(node->text, "null") == 0)
            return json_null();
        if (strcmp(node->text, "true") == 0)
            return json_true();
        if (strcmp(node->text, "false") == 0)
            return json_false();
        if (is_number_text(node->text, &whole))
            return from_number(node, whole, err);
    }
    return json_stringn(node->text, node->len);
}

json_t *json_from_doc(const struct doc_node *node, struct err *err)
{
    json_t *out;

    if (node->kind == DOC_SCALAR)
        return from_scalar(node, err);
    out = node->kind == DOC_LIST ? json_array() : json_object();
    for (size_t i = 0; i < node->n; i++) {
        const struct doc_node *child =
            node->kind == DOC_LIST ? node->items[i] : node->pairs[i].value;
        json_t *value = json_from_doc(child, err);

        if (!value) {
            json_decref(out);
            return NULL;
        }
        if (node->kind == DOC_LIST)
            json_array_append_new(out, value);
        else
            json_object_set_new(out, node->pairs[i].key->text, value);
    }
    return out;
}
