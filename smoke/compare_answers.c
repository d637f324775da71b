/* compare_answers.c: see compare_answers.h. */
#include "compare_answers.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "compare.h"
#include "sluice/json.h"
#include "sluice/text.h"

static const char usual[] = "content-type,cache-control,content-encoding,location,set-cookie,"
                            "www-authenticate,vary,access-control-allow-origin,"
                            "strict-transport-security";

enum body { BODY_OTHER, BODY_JSON, BODY_TOO_LARGE };

struct compare_answer { /* in the answers' arena */
    uint32_t step;
    const char *role; /* static; NULL: the step's own */
    enum http_outcome outcome;
    uint16_t status;
    const char **headers; /* as compare_headers; NULL: missing */
    enum body body;
    const struct shape *shape;
};

/* ---- headers
 * --------------------------------------------------------------------------------------- */

static bool token_ok(const char *s)
{
    for (const char *p = s; *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr("!#$%&'*+-.^_`|~", *p))
            return false;
    return *s;
}

bool compare_headers_parse(struct compare_headers *out, const char *list, struct err *err)
{
    const char *rest = list ? list : usual;

    do {
        size_t len = strcspn(rest, ",");
        char *name;

        if (out->n == COMPARE_HEADERS_MAX)
            return err_set(err, ERR_USAGE, "--compare-headers: more than %d", COMPARE_HEADERS_MAX);
        name = x_strndup(rest, len);
        for (char *p = name; *p; p++)
            *p = (char)tolower((unsigned char)*p);
        out->names = x_realloc(out->names, out->n + 1, sizeof *out->names);
        out->names[out->n++] = name;
        if (!token_ok(name))
            return err_set(err, ERR_USAGE, "--compare-headers expects NAME,NAME,..., not '%s'",
                           list);
        rest += len;
    } while (*rest++ == ',');
    return true;
}

void compare_headers_clear(struct compare_headers *headers)
{
    for (size_t i = 0; i < headers->n; i++)
        free(headers->names[i]);
    free(headers->names);
    *headers = (struct compare_headers){0};
}

/* Location as a path where it stays at the origin that was asked: old and new may have names of
 * their own. */
static void add_location(struct buf *out, const char *value, const char *asked)
{
    struct buf target SL_CLEANUP(buf_clear) = {0};
    struct http_url from = {0}, to = {0};
    struct err err = {0};

    if (http_url_resolve(&target, asked, value, &err) && http_url_parse(&from, asked, &err) &&
        http_url_parse(&to, buf_str(&target), &err) && http_url_same_origin(&from, &to))
        buf_addf(out, "%s%s%s", to.path, to.query ? "?" : "", to.query ? to.query : "");
    else
        buf_add_str(out, target.len ? buf_str(&target) : value);
    http_url_clear(&from);
    http_url_clear(&to);
}

/* A Set-Cookie without what differs by nature: its value and its times. */
static void add_cookie(struct buf *out, const char *value)
{
    size_t len = strcspn(value, "=;");

    buf_add(out, value, len);
    for (const char *p = strchr(value, ';'); p; p = strchr(p + 1, ';')) {
        const char *word = p + 1 + strspn(p + 1, " \t");

        len = strcspn(word, ";");
        if (strncasecmp(word, "expires=", 8) == 0 || strncasecmp(word, "max-age=", 8) == 0)
            len = strcspn(word, "=");
        buf_add_str(out, "; ");
        for (size_t i = 0; i < len; i++)
            buf_add_char(out, (char)tolower((unsigned char)word[i]));
    }
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Several cookies in one order: servers set them in any. */
static void join_cookies(struct buf *out, char **list, size_t n)
{
    if (n > 1)
        qsort(list, n, sizeof *list, by_text);
    for (size_t i = 0; i < n; i++) {
        buf_addf(out, "%s%s", i ? " | " : "", list[i]);
        free(list[i]);
    }
    free(list);
}

static const char *header_of(struct compare_answers *answers, const char *name,
                             const struct pump_answer *a)
{
    bool location = strcmp(name, "location") == 0, cookie = strcmp(name, "set-cookie") == 0;
    const struct http_response *r = a->response;
    struct buf value SL_CLEANUP(buf_wipe) = {0};
    char **cookies = NULL;
    size_t n = 0;

    for (size_t i = 0; i < r->fields_n; i++) {
        if (strcasecmp(r->fields[i].name, name) != 0)
            continue;
        if (cookie) {
            struct buf one = {0};

            add_cookie(&one, r->fields[i].value);
            cookies = x_realloc(cookies, n + 1, sizeof *cookies);
            cookies[n] = buf_take(&one);
        } else if (location) {
            add_location(&value, r->fields[i].value, a->url);
        } else {
            buf_addf(&value, "%s%s", n ? ", " : "", r->fields[i].value);
        }
        n++;
    }
    if (cookie)
        join_cookies(&value, cookies, n);
    return n ? arena_strndup(&answers->mem, buf_str(&value), value.len) : NULL;
}

/* ---- keeping
 * --------------------------------------------------------------------------------------- */

static bool same_role(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* A redirect that is followed is the step's own answer in the end. */
static const char *role_of(const char *role)
{
    return role && strcmp(role, "redirect") == 0 ? NULL : role;
}

static struct compare_answer *find(const struct compare_answers *answers, uint32_t step,
                                   const char *role)
{
    for (size_t i = 0; i < answers->n; i++)
        if (answers->list[i].step == step && same_role(answers->list[i].role, role))
            return &answers->list[i];
    return NULL;
}

static void read_body(struct compare_answers *answers, const struct http_response *r,
                      struct compare_answer *out)
{
    struct err err = {0};
    json_t *value = NULL;

    out->body = BODY_OTHER;
    out->shape = NULL;
    if (r->truncated) {
        out->body = BODY_TOO_LARGE;
        return;
    }
    if (r->body.len)
        value = json_parse(buf_str(&r->body), r->body.len, &err);
    if (!value)
        return;
    out->shape = shape_of(&answers->mem, value);
    out->body = out->shape ? BODY_JSON : BODY_TOO_LARGE;
    json_decref(value);
}

void compare_answers_take(struct compare_answers *answers, const struct compare_headers *headers,
                          const struct pump_answer *a)
{
    const char *role = role_of(a->role);
    struct compare_answer *kept = find(answers, a->step, role);

    if (!kept) {
        if (answers->n == COMPARE_ANSWERS_MAX)
            return;
        answers->list = x_realloc(answers->list, answers->n + 1, sizeof *answers->list);
        kept = &answers->list[answers->n++];
        *kept = (struct compare_answer){
            .step = a->step,
            .role = role,
            .headers = arena_array(&answers->mem, headers->n + 1, sizeof *kept->headers)};
    }
    kept->outcome = a->response->outcome;
    kept->status = a->response->status;
    for (size_t i = 0; i < headers->n; i++)
        kept->headers[i] = header_of(answers, headers->names[i], a);
    read_body(answers, a->response, kept);
}

void compare_answers_clear(struct compare_answers *answers)
{
    arena_clear(&answers->mem);
    free(answers->list);
    *answers = (struct compare_answers){0};
}

/* ---- comparing
 * ------------------------------------------------------------------------------------- */

struct comparison {
    compare_differs_fn *fn;
    void *ctx;
    const struct compare_answer *old;
};

/* "status", or "tools/call: status" for a further request of the step. */
static void differ(const struct comparison *c, const char *what, const char *name, const char *old,
                   const char *new)
{
    struct buf text SL_CLEANUP(buf_clear) = {0};

    if (c->old->role)
        buf_addf(&text, "%s: ", c->old->role);
    buf_addf(&text, "%s%s%s", what, name && *name ? " " : "", name ? name : "");
    c->fn(c->ctx, c->old->step, buf_str(&text), old, new);
}

static bool shape_differs(void *ctx, const char *pointer, const char *old, const char *new)
{
    differ(ctx, "JSON", pointer, old, new);
    return true;
}

static void add_status(char out[64], const struct compare_answer *a)
{
    if (a->status)
        snprintf(out, 64, "%u", a->status);
    else
        snprintf(out, 64, "none (%s)", http_outcome_name(a->outcome));
}

static const char *shown(const char *value)
{
    return !value ? "missing" : !*value ? "empty" : value;
}

static void compare_one(const struct compare_answer *old, const struct compare_answer *new,
                        const struct compare_headers *headers, const struct comparison *c)
{
    char before[64], after[64];

    if (old->status != new->status) {
        add_status(before, old);
        add_status(after, new);
        differ(c, "status", NULL, before, after);
    }
    if (!old->status || !new->status)
        return;
    for (size_t i = 0; i < headers->n; i++) {
        const char *a = old->headers[i], *b = new->headers[i];

        if (!a != !b || (a && strcmp(a, b) != 0))
            differ(c, "header", headers->names[i], shown(a), shown(b));
    }
    if (old->body == BODY_TOO_LARGE || new->body == BODY_TOO_LARGE)
        return;
    if (old->body != new->body)
        differ(c, "the body", NULL, old->body == BODY_JSON ? "JSON" : "no JSON",
               new->body == BODY_JSON ? "JSON" : "no JSON");
    else if (old->shape && new->shape)
        shape_compare(old->shape, new->shape, shape_differs, (void *)(uintptr_t)c);
}

void compare_answers(const struct compare_answers *old, const struct compare_answers *new,
                     const struct compare_headers *headers, bool both_passed,
                     compare_differs_fn *fn, void *ctx)
{
    for (size_t i = 0; i < old->n; i++) {
        struct comparison c = {fn, ctx, &old->list[i]};
        const struct compare_answer *other = find(new, c.old->step, c.old->role);

        if (other)
            compare_one(c.old, other, headers, &c);
        else if (both_passed)
            differ(&c, "the answer", NULL, "there", "missing");
    }
    for (size_t i = 0; both_passed && i < new->n; i++)
        if (!find(old, new->list[i].step, new->list[i].role)) {
            struct comparison c = {fn, ctx, &new->list[i]};

            differ(&c, "the answer", NULL, "missing", "there");
        }
}
