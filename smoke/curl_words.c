/* curl_words.c: a pasted command line, split into words as a shell would. */
#include <string.h>

#include "curl_line.h"

struct splitter {
    const char *p, *end;
    struct buf word;
    bool in_word;
    struct err *err;
};

static bool unexpanded(struct splitter *s, char c)
{
    return err_set(s->err, ERR_USAGE,
                   "the command line holds '%c…', which a shell would replace: paste it with the "
                   "value in its place",
                   c);
}

static bool take_single(struct splitter *s) /* after the opening ' */
{
    const char *close = memchr(s->p, '\'', (size_t)(s->end - s->p));

    if (!close)
        return err_set(s->err, ERR_USAGE, "a ' is opened and not closed");
    buf_add(&s->word, s->p, (size_t)(close - s->p));
    s->p = close + 1;
    return true;
}

static bool take_double(struct splitter *s) /* after the opening " */
{
    while (s->p < s->end && *s->p != '"') {
        if (*s->p == '`' || (*s->p == '$' && s->p + 1 < s->end && strchr("({", s->p[1])))
            return unexpanded(s, *s->p);
        if (*s->p == '\\' && s->p + 1 < s->end && strchr("$`\"\\\n", s->p[1])) {
            s->p++;
            if (*s->p != '\n')
                buf_add_char(&s->word, *s->p);
        } else {
            buf_add_char(&s->word, *s->p);
        }
        s->p++;
    }
    if (s->p == s->end)
        return err_set(s->err, ERR_USAGE, "a \" is opened and not closed");
    s->p++;
    return true;
}

static unsigned hex_value(struct splitter *s, int digits_max)
{
    unsigned value = 0;

    for (int i = 0; i < digits_max && s->p < s->end; i++, s->p++) {
        const char *hex = "0123456789abcdefABCDEF";
        const char *at = memchr(hex, *s->p, 22);

        if (!at)
            break;
        value = value * 16 + (unsigned)(at - hex < 16 ? at - hex : at - hex - 6);
    }
    return value;
}

static void add_character(struct buf *out, unsigned c) /* UTF-8, RFC 3629 */
{
    if (c < 0x80) {
        buf_add_char(out, (char)c);
    } else if (c < 0x800) {
        buf_add_char(out, (char)(0xc0 | c >> 6));
        buf_add_char(out, (char)(0x80 | (c & 0x3f)));
    } else {
        buf_add_char(out, (char)(0xe0 | (c >> 12 & 0x0f)));
        buf_add_char(out, (char)(0x80 | (c >> 6 & 0x3f)));
        buf_add_char(out, (char)(0x80 | (c & 0x3f)));
    }
}

/* $'…', as browsers write bodies with newlines or quotes in them. */
static bool take_dollar(struct splitter *s) /* after $' */
{
    static const char letters[] = "nrtabefv\\'\"?", meant[] = "\n\r\t\a\b\033\f\v\\'\"?";

    while (s->p < s->end && *s->p != '\'') {
        const char *known;

        if (*s->p != '\\' || s->p + 1 == s->end) {
            buf_add_char(&s->word, *s->p++);
            continue;
        }
        s->p++;
        known = strchr(letters, *s->p);
        if (known && *s->p) {
            buf_add_char(&s->word, meant[known - letters]);
            s->p++;
        } else if (*s->p == 'x') {
            s->p++;
            buf_add_char(&s->word, (char)hex_value(s, 2));
        } else if (*s->p == 'u') {
            s->p++;
            add_character(&s->word, hex_value(s, 4));
        } else {
            return err_set(s->err, ERR_USAGE, "\\%c inside $'…' is not understood", *s->p);
        }
    }
    if (s->p == s->end)
        return err_set(s->err, ERR_USAGE, "a $' is opened and not closed");
    s->p++;
    return true;
}

/* One character outside of quotes that belongs to a word. */
static bool take_plain(struct splitter *s)
{
    char c = *s->p++;

    s->in_word = true;
    switch (c) {
    case '\'':
        return take_single(s);
    case '"':
        return take_double(s);
    case '\\':
        if (s->p < s->end && *s->p != '\n')
            buf_add_char(&s->word, *s->p);
        if (s->p < s->end)
            s->p++;
        return true;
    case '$':
        if (s->p < s->end && *s->p == '\'') {
            s->p++;
            return take_dollar(s);
        }
        return unexpanded(s, c);
    case '`':
        return unexpanded(s, c);
    case '|':
    case ';':
    case '<':
    case '>':
        return err_set(s->err, ERR_USAGE,
                       "the command line goes on after curl ('%c'): paste only the curl command",
                       c);
    default:
        buf_add_char(&s->word, c);
        return true;
    }
}

bool curl_line_split(struct arena *mem, const char *text, size_t len, const char *const **words,
                     size_t *n, struct err *err)
{
    struct splitter s = {.p = text, .end = text + len, .err = err};
    const char **list = arena_array(mem, CURL_LINE_WORDS_MAX, sizeof *list);
    bool ok = true;

    *n = 0;
    *words = list;
    if (len > CURL_LINE_BYTES_MAX || memchr(text, 0, len))
        return err_set(err, ERR_USAGE, "the command line is longer than %zu bytes, or no text",
                       CURL_LINE_BYTES_MAX);
    while (ok && s.p <= s.end) {
        bool blank = s.p == s.end || strchr(" \t\r\n", *s.p) != NULL;

        if (!blank && s.p + 1 < s.end && s.p[0] == '\\' && (s.p[1] == '\n' || s.p[1] == '\r')) {
            s.p += 2; /* a line that goes on */
            continue;
        }
        if (!blank) {
            ok = take_plain(&s);
            continue;
        }
        s.p++;
        if (!s.in_word)
            continue;
        if (*n == CURL_LINE_WORDS_MAX)
            ok = err_set(err, ERR_USAGE, "more than %d words", CURL_LINE_WORDS_MAX);
        else
            list[(*n)++] = arena_strndup(mem, buf_str(&s.word), s.word.len);
        buf_reset(&s.word);
        s.in_word = false;
    }
    buf_wipe(&s.word);
    return ok;
}
