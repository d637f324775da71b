/* Finding secrets in text, in whatever dress they come.
 *
 * At each place of the text every secret is tried in every form; each form is one deterministic
 * walk along text and value together, so the cost is bounded by their lengths. Places that match
 * are merged where they overlap. */
#include <string.h>

#include "secret_internal.h"
#include "sluice/text.h"

/* Takes one value byte (or a whole escaped character) off the text at t: returns how many text
 * bytes it took and sets *used to the value bytes they stand for; 0: not that value. */
typedef size_t step_fn(const char *t, size_t t_len, const char *v, size_t v_len, size_t *used);

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Up to max digits of that base at t; returns how many, at least one, or 0. */
static size_t read_digits(const char *t, size_t len, int base, size_t max, uint32_t *value)
{
    size_t i;

    *value = 0;
    for (i = 0; i < len && i < max; i++) {
        int d = hex_digit(t[i]);

        if (d < 0 || d >= base)
            break;
        *value = *value * (uint32_t)base + (uint32_t)d;
    }
    return i;
}

static size_t literal(const char *t, const char *v, size_t *used)
{
    *used = 1;
    return *t == *v ? 1 : 0;
}

/* Whether the value goes on with this character in UTF-8; then *used is its length. */
static bool is_code_point(uint32_t c, const char *v, size_t v_len, size_t *used)
{
    unsigned char u[4];
    size_t n;

    if (c < 0x80)
        u[0] = (unsigned char)c, n = 1;
    else if (c < 0x800)
        u[0] = (unsigned char)(0xc0 | c >> 6), n = 2;
    else if (c < 0x10000)
        u[0] = (unsigned char)(0xe0 | c >> 12), n = 3;
    else
        u[0] = (unsigned char)(0xf0 | (c >> 18 & 7)), n = 4;
    for (size_t i = 1; i < n; i++)
        u[i] = (unsigned char)(0x80 | (c >> 6 * (n - 1 - i) & 0x3f));
    *used = n;
    return n <= v_len && !memcmp(u, v, n);
}

static size_t step_raw(const char *t, size_t t_len, const char *v, size_t v_len, size_t *used)
{
    (void)t_len, (void)v_len;
    return literal(t, v, used);
}

/* RFC 3986 section 2.1 in either case, and the "+" of forms. */
static size_t step_percent(const char *t, size_t t_len, const char *v, size_t v_len, size_t *used)
{
    uint32_t byte;

    (void)v_len;
    *used = 1;
    if (*t == '%' && t_len >= 3 && read_digits(t + 1, 2, 16, 2, &byte) == 2 &&
        byte == (unsigned char)*v)
        return 3;
    if (*t == '+' && *v == ' ')
        return 1;
    return literal(t, v, used);
}

/* \uD83D\uDE00 or \u00e4, at the digits. */
static size_t read_utf16(const char *t, size_t len, uint32_t *c)
{
    uint32_t low;

    if (read_digits(t, len, 16, 4, c) != 4)
        return 0;
    if (*c < 0xd800 || *c > 0xdbff)
        return 4;
    if (len < 10 || t[4] != '\\' || t[5] != 'u' || read_digits(t + 6, 4, 16, 4, &low) != 4 ||
        low < 0xdc00 || low > 0xdfff)
        return 0;
    *c = 0x10000 + ((*c - 0xd800) << 10) + (low - 0xdc00);
    return 10;
}

static size_t step_escape_long(const char *t, size_t t_len, const char *v, size_t v_len,
                               size_t *used)
{
    uint32_t c;
    size_t n;

    *used = 1;
    if (t[1] == 'x' && t_len >= 4 && read_digits(t + 2, 2, 16, 2, &c) == 2)
        return c == (unsigned char)*v ? 4 : 0;
    if (t[1] != 'u')
        return 0;
    if (t_len > 3 && t[2] == '{') {
        n = read_digits(t + 3, t_len - 3, 16, 6, &c);
        return n && 3 + n < t_len && t[3 + n] == '}' && is_code_point(c, v, v_len, used) ? n + 4
                                                                                         : 0;
    }
    n = read_utf16(t + 2, t_len - 2, &c);
    return n && is_code_point(c, v, v_len, used) ? n + 2 : 0;
}

/* JSON (RFC 8259 section 7) and C. */
static size_t step_escape(const char *t, size_t t_len, const char *v, size_t v_len, size_t *used)
{
    static const char letters[] = "\"\\/'nrtbf0", bytes[] = "\"\\/'\n\r\t\b\f";
    const char *at;
    size_t n;

    *used = 1;
    if (*t != '\\' || t_len < 2)
        return literal(t, v, used);
    at = t[1] ? strchr(letters, t[1]) : NULL;
    if (at && bytes[at - letters] == *v)
        return 2;
    n = step_escape_long(t, t_len, v, v_len, used);
    return n ? n : literal(t, v, used);
}

/* What text_add_safe() writes: it leaves the backslash itself as it is. */
static size_t step_safe(const char *t, size_t t_len, const char *v, size_t v_len, size_t *used)
{
    return *v == '\\' ? literal(t, v, used) : step_escape(t, t_len, v, v_len, used);
}

/* XML and HTML: the five names and numbers. */
static size_t step_entity(const char *t, size_t t_len, const char *v, size_t v_len, size_t *used)
{
    static const struct {
        const char *text;
        char byte;
    } names[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};
    uint32_t c;
    size_t i, n, from;

    *used = 1;
    if (*t != '&')
        return literal(t, v, used);
    for (i = 0; i < ARRAY_LEN(names); i++) {
        n = strlen(names[i].text);
        if (*v == names[i].byte && n <= t_len && !memcmp(t, names[i].text, n))
            return n;
    }
    if (t_len < 4 || t[1] != '#')
        return literal(t, v, used);
    from = t[2] == 'x' || t[2] == 'X' ? 3 : 2;
    n = read_digits(t + from, t_len - from, from == 3 ? 16 : 10, 7, &c);
    if (n && from + n < t_len && t[from + n] == ';' && is_code_point(c, v, v_len, used))
        return from + n + 1;
    return literal(t, v, used);
}

/* 'it'\''s', as text_add_shell() writes. */
static size_t step_shell(const char *t, size_t t_len, const char *v, size_t v_len, size_t *used)
{
    (void)v_len;
    *used = 1;
    if (*v == '\'' && t_len >= 4 && !memcmp(t, "'\\''", 4))
        return 4;
    return literal(t, v, used);
}

static size_t step_hex(const char *t, size_t t_len, const char *v, size_t v_len, size_t *used)
{
    uint32_t byte;

    (void)v_len;
    *used = 1;
    return t_len >= 2 && read_digits(t, 2, 16, 2, &byte) == 2 && byte == (unsigned char)*v ? 2 : 0;
}

/* v is a core: standard alphabet. Either alphabet, broken into lines, escaped in JSON or in a url.
 */
static size_t step_base64(const char *t, size_t t_len, const char *v, size_t v_len, size_t *used)
{
    size_t skip = 0, n = 0;
    uint32_t c;

    (void)v_len;
    while (skip < t_len && skip < 2 && (t[skip] == '\r' || t[skip] == '\n'))
        skip++;
    t += skip;
    t_len -= skip;
    *used = 1;
    if (!t_len)
        return 0;
    if (*t == *v || (*t == '-' && *v == '+') || (*t == '_' && *v == '/'))
        n = 1;
    else if (*v == '/' && t_len >= 2 && t[0] == '\\' && t[1] == '/')
        n = 2;
    else if (*t == '%' && t_len >= 3 && read_digits(t + 1, 2, 16, 2, &c) == 2 &&
             c == (unsigned char)*v)
        n = 3;
    return n ? skip + n : 0;
}

static step_fn *const plain_steps[] = {step_raw,    step_percent, step_escape, step_safe,
                                       step_entity, step_shell,   step_hex};

/* Where a text was cut, PARTIAL_MIN bytes of a value are taken for it, and so is what may be the
 * beginning of an escape. */
#define PARTIAL_MIN 3
#define ESCAPE_MAX  12

static bool is_cut_off(const char *t, size_t left, size_t done)
{
    return done >= PARTIAL_MIN && (left == 0 || (left < ESCAPE_MAX && strchr("%\\&'\r\n", *t)));
}

static size_t walk(step_fn *step, const char *t, size_t t_len, const char *v, size_t v_len,
                   bool cut)
{
    size_t at = 0, done = 0;

    while (done < v_len) {
        size_t used, n = at < t_len ? step(t + at, t_len - at, v + done, v_len - done, &used) : 0;

        if (!n)
            return cut && is_cut_off(t + at, t_len - at, done) ? t_len : 0;
        at += n;
        done += used;
    }
    return at;
}

static bool is_base64(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("+/-_", c));
}

struct span {
    size_t from, to;
};

/* The longest form of s that begins at `at`; to == from when there is none. */
static struct span find_at(const struct secret *s, const char *text, size_t len, size_t at,
                           bool cut)
{
    struct span best = {at, at};
    size_t i, n;

    for (i = 0; i < ARRAY_LEN(plain_steps); i++) {
        n = walk(plain_steps[i], text + at, len - at, s->value, s->len, cut);
        if (at + n > best.to)
            best.to = at + n;
    }
    for (i = 0; i < SECRET_CORES; i++) {
        size_t from = at, to;

        if (text[at] == '\r' || text[at] == '\n')
            break; /* a line break is skipped within, not before */
        n = walk(step_base64, text + at, len - at, s->core[i], strlen(s->core[i]), cut);
        if (!n)
            continue;
        to = at + n;
        /* The characters at both ends hold a few of its bits beside foreign ones. */
        if (i && from && is_base64(text[from - 1]))
            from--;
        if (s->tail[i] && to < len && is_base64(text[to]))
            to++;
        if (to > best.to)
            best = (struct span){from, to};
    }
    return best;
}

static const struct secret *find_any(const struct secret_set *set, const char *text, size_t len,
                                     size_t at, bool cut, struct span *span)
{
    const struct secret *found = NULL;
    size_t i;

    if (!set->starts[(unsigned char)text[at]])
        return NULL;
    *span = (struct span){at, at};
    for (i = 0; i < set->n; i++) {
        struct span s;

        if (!set->item[i].starts[(unsigned char)text[at]])
            continue;
        s = find_at(&set->item[i], text, len, at, cut);
        if (s.to > span->to) {
            *span = s;
            found = &set->item[i];
        }
    }
    return found;
}

static void redact(const struct secret_set *set, struct buf *text, bool cut)
{
    struct buf out = {.max = SIZE_MAX / 4};
    size_t at, copied = 0;

    if (!set || !set->n || !text->len)
        return;
    for (at = 0; at < text->len; at++) {
        struct span span, next;
        const struct secret *s = find_any(set, text->data, text->len, at, cut, &span);

        if (!s)
            continue;
        while (++at < span.to) /* another may begin within and end later */
            if (find_any(set, text->data, text->len, at, cut, &next) && next.to > span.to)
                span.to = next.to;
        if (span.from < copied)
            span.from = copied;
        buf_add(&out, text->data + copied, span.from - copied);
        buf_addf(&out, "[secret.%s]", s->name);
        copied = span.to;
        at = span.to - 1;
    }
    if (!copied)
        return;
    buf_add(&out, text->data + copied, text->len - copied);
    /* The marks may be longer than the values: what is written stays whole even past the ceiling.
     */
    out.max = text->max;
    if (out.max && out.len > out.max)
        out.max = out.len;
    out.over = text->over;
    buf_wipe(text);
    *text = out;
}

void secret_redact(const struct secret_set *set, struct buf *text)
{
    redact(set, text, false);
}

void secret_redact_cut(const struct secret_set *set, struct buf *text)
{
    redact(set, text, true);
}

static void prepare_core(struct secret *s, size_t pad)
{
    static const size_t foreign[SECRET_CORES] = {0, 2,
                                                 3}; /* characters with bits before the value */
    struct buf raw SL_CLEANUP(buf_wipe) = {0}, text SL_CLEANUP(buf_wipe) = {0};
    size_t whole = (pad + s->len) * 8 / 6;

    buf_add(&raw, "\0\0", pad);
    buf_add(&raw, s->value, s->len);
    text_add_base64(&text, raw.data, raw.len);
    s->core[pad] = x_strndup(text.data + foreign[pad], whole - foreign[pad]);
    s->tail[pad] = (pad + s->len) % 3 != 0;
}

void secret_prepare(struct secret_set *set, struct secret *s)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    unsigned char first = (unsigned char)s->value[0];
    size_t i;

    for (i = 0; i < SECRET_CORES; i++) {
        prepare_core(s, i);
        s->starts[(unsigned char)s->core[i][0]] = true;
    }
    s->starts[first] = true;
    s->starts[(unsigned char)digits[first >> 4]] = true;
    s->starts[(unsigned char)digits[16 + (first >> 4)]] = true;
    for (i = 0; i < 4; i++) /* the first bytes of escaped forms */
        s->starts[(unsigned char)"%\\&+"[i]] = true;
    s->starts['-'] = s->starts['-'] || s->starts['+'];
    s->starts['_'] = s->starts['_'] || s->starts['/'];
    for (i = 0; i < ARRAY_LEN(s->starts); i++)
        set->starts[i] = set->starts[i] || s->starts[i];
}
