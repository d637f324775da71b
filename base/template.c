#include "sluice/template.h"

#include <stdio.h>
#include <string.h>

static bool is_name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_name_char(char c)
{
    return is_name_start(c) || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

struct parser {
    const char *text;
    struct arena *mem;
    struct pos pos;
    template_known_fn *known;
    void *ctx;
    struct template_part *parts;
    size_t n, cap;
    struct err *err;
};

/* Columns count characters; in a text of several lines only its beginning has a known place. */
static bool fail(struct parser *p, const char *at, const char *what)
{
    struct pos pos = p->pos;
    uint32_t col = 1;
    const char *s;

    for (s = p->text; s < at; s++)
        col += ((unsigned char)*s & 0xc0) != 0x80;
    if (!pos.line)
        return err_set(p->err, ERR_FILE, "column %u: %s", col, what);
    if (!memchr(p->text, '\n', (size_t)(at - p->text)))
        pos.col += col - 1;
    return err_at(p->err, ERR_FILE, pos, "%s", what);
}

static bool add(struct parser *p, const char *text, size_t len, bool is_name)
{
    if (!len)
        return true;
    if (p->n == TEMPLATE_PARTS_MAX)
        return fail(p, text, "too many {{names}} in one text");
    if (p->n == p->cap) {
        struct template_part *old = p->parts;

        p->cap = p->cap ? 2 * p->cap : 4;
        p->parts = arena_array(p->mem, p->cap, sizeof *p->parts);
        if (old)
            memcpy(p->parts, old, p->n * sizeof *old);
    }
    p->parts[p->n++] = (struct template_part){arena_strndup(p->mem, text, len), len, is_name};
    return true;
}

static bool check_known(struct parser *p, const char *at)
{
    const char *name = p->parts[p->n - 1].text, *suggestion = NULL;
    char what[2 * TEMPLATE_NAME_MAX + 100];

    if (!p->known || p->known(p->ctx, name, &suggestion))
        return true;
    if (suggestion)
        snprintf(what, sizeof what, "unknown variable {{%s}}; did you mean {{%.64s}}?", name,
                 suggestion);
    else
        snprintf(what, sizeof what, "unknown variable {{%s}}", name);
    return fail(p, at, what);
}

/* s stands on "{{"; *end becomes what follows "}}". */
static bool parse_name(struct parser *p, const char *s, const char **end)
{
    const char *name = s + 2, *stop;

    name += strspn(name, " ");
    for (stop = name; is_name_char(*stop); stop++)
        ;
    *end = stop + strspn(stop, " ");
    if (!strstr(s, "}}"))
        return fail(p, s, "{{ without }} (write \\{{ for the braces themselves)");
    if (stop == name || !is_name_start(*name) || strncmp(*end, "}}", 2) != 0)
        return fail(p, name, "between {{ and }} stands one name of letters, digits, _ - and .");
    if (stop - name > TEMPLATE_NAME_MAX)
        return fail(p, name, "a name of more than 64 characters");
    *end += 2;
    return add(p, name, (size_t)(stop - name), true) && check_known(p, name);
}

bool template_parse(struct template *out, struct arena *mem, const char *text, struct pos pos,
                    template_known_fn *known, void *ctx, struct err *err)
{
    struct parser p = {
        .text = text, .mem = mem, .pos = pos, .known = known, .ctx = ctx, .err = err};
    const char *from = text, *s = text;

    memset(out, 0, sizeof *out);
    while ((s = strstr(s, "{{"))) {
        if (s > from && s[-1] == '\\') { /* the braces stay, the backslash goes */
            if (!add(&p, from, (size_t)(s - 1 - from), false))
                return false;
            from = s;
            s += 2;
            continue;
        }
        if (!add(&p, from, (size_t)(s - from), false) || !parse_name(&p, s, &from))
            return false;
        s = from;
    }
    if (!add(&p, from, strlen(from), false))
        return false;
    out->parts = p.parts;
    out->parts_n = p.n;
    return true;
}

bool template_expand(const struct template *t, template_lookup_fn *lookup, void *ctx,
                     struct buf *out, bool *tainted, struct err *err)
{
    size_t i;

    for (i = 0; i < t->parts_n; i++) {
        const struct template_part *part = &t->parts[i];
        struct template_value value = {0};

        if (!part->is_name) {
            buf_add(out, part->text, part->len);
            continue;
        }
        if (!lookup(ctx, part->text, &value))
            return err_set(err, ERR_REFUSED, "{{%s}} has no value here", part->text);
        buf_add(out, value.data, value.len);
        if (tainted && value.secret)
            *tainted = true;
    }
    return buf_ok(out) || err_set(err, ERR_LIMIT, "the text is too long when expanded");
}

bool template_is_plain(const struct template *t)
{
    size_t i;

    for (i = 0; i < t->parts_n; i++)
        if (t->parts[i].is_name)
            return false;
    return true;
}

bool template_uses(const struct template *t, const char *name)
{
    size_t i;

    for (i = 0; i < t->parts_n; i++)
        if (t->parts[i].is_name && !strcmp(t->parts[i].text, name))
            return true;
    return false;
}

bool template_check_header(const char *what, const char *value, size_t len, struct err *err)
{
    size_t i;

    for (i = 0; i < len; i++) {
        unsigned char c = (unsigned char)value[i];

        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return err_set(err, ERR_REFUSED, "%s: byte %zu is the control byte 0x%02x", what, i + 1,
                           c);
    }
    return true;
}
