#include "sluice/text.h"

#include <string.h>

#define NEAREST_MAX 48 /* longer words get no suggestion */

/* Length of the UTF-8 sequence at s (RFC 3629 section 4), 0 when it is not one. */
static size_t utf8_len(const unsigned char *s, size_t left, uint32_t *code)
{
    static const struct {
        unsigned char first_min, first_max, second_min, second_max, len;
    } rows[] = {{0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3}, {0xE1, 0xEC, 0x80, 0xBF, 3},
                {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3}, {0xF0, 0xF0, 0x90, 0xBF, 4},
                {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4}};

    *code = s[0];
    if (s[0] < 0x80)
        return 1;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (s[0] < rows[i].first_min || s[0] > rows[i].first_max || left < rows[i].len)
            continue;
        if (s[1] < rows[i].second_min || s[1] > rows[i].second_max)
            return 0;
        *code = s[0] & (0x7Fu >> rows[i].len);
        for (size_t k = 1; k < rows[i].len; k++) {
            if ((s[k] & 0xC0) != 0x80)
                return 0;
            *code = *code << 6 | (s[k] & 0x3Fu);
        }
        return rows[i].len;
    }
    return 0;
}

static bool is_unsafe(uint32_t c)
{
    return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x061C || (c >= 0x200B && c <= 0x200F) ||
           (c >= 0x2028 && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF ||
           (c >= 0xFFF9 && c <= 0xFFFB) || (c >= 0xE0000 && c <= 0xE007F);
}

void text_add_safe(struct buf *out, const char *s, size_t len, size_t max)
{
    size_t take = len < max ? len : max, i = 0;

    while (i < take) {
        uint32_t c;
        size_t n = utf8_len((const unsigned char *)s + i, take - i, &c);

        if (n == 0) {
            buf_addf(out, "\\x%02x", (unsigned char)s[i]);
            n = 1;
        } else if (!is_unsafe(c)) {
            buf_add(out, s + i, n);
        } else if (c == '\n') {
            buf_add_str(out, "\\n");
        } else if (c == '\t') {
            buf_add_str(out, "\\t");
        } else if (c == '\r') {
            buf_add_str(out, "\\r");
        } else if (c < 0x80) {
            buf_addf(out, "\\x%02x", c);
        } else {
            buf_addf(out, "\\u{%x}", c);
        }
        i += n;
    }
    if (take < len)
        buf_addf(out, "... (%zu more bytes)", len - take);
}

bool text_is_utf8(const char *s, size_t len)
{
    for (size_t i = 0; i < len;) {
        uint32_t c;
        size_t n = utf8_len((const unsigned char *)s + i, len - i, &c);

        if (!n)
            return false;
        i += n;
    }
    return true;
}

bool text_starts_with(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool text_ends_with(const char *s, const char *suffix)
{
    size_t n = strlen(s), m = strlen(suffix);

    return n >= m && strcmp(s + n - m, suffix) == 0;
}

bool text_eq_nocase(const char *a, const char *b)
{
    for (;; a++, b++) {
        char x = *a >= 'A' && *a <= 'Z' ? (char)(*a + 32) : *a;
        char y = *b >= 'A' && *b <= 'Z' ? (char)(*b + 32) : *b;

        if (x != y)
            return false;
        if (!x)
            return true;
    }
}

static void add_base64(struct buf *out, const unsigned char *p, size_t len, const char *last_two,
                       bool pad)
{
    static const char common[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    char digits[65];

    memcpy(digits, common, 62);
    memcpy(digits + 62, last_two, 3);
    for (; len >= 3; p += 3, len -= 3) {
        char four[4] = {digits[p[0] >> 2], digits[(p[0] & 3) << 4 | p[1] >> 4],
                        digits[(p[1] & 15) << 2 | p[2] >> 6], digits[p[2] & 63]};

        buf_add(out, four, 4);
    }
    if (len) {
        unsigned second = len == 2 ? p[1] : 0u;

        buf_add_char(out, digits[p[0] >> 2]);
        buf_add_char(out, digits[(p[0] & 3) << 4 | second >> 4]);
        if (len == 2)
            buf_add_char(out, digits[(second & 15) << 2]);
        else if (pad)
            buf_add_char(out, '=');
        if (pad)
            buf_add_char(out, '=');
    }
}

void text_add_base64(struct buf *out, const void *data, size_t len)
{
    add_base64(out, data, len, "+/", true);
}

void text_add_base64url(struct buf *out, const void *data, size_t len)
{
    add_base64(out, data, len, "-_", false);
}

static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool text_parse_base64(const char *s, size_t len, struct buf *out, struct err *err)
{
    uint32_t bits = 0;
    size_t pad = 0;

    if (len % 4)
        return err_set(err, ERR_FILE, "not base64: the length is no multiple of four");
    for (size_t i = 0; i < len; i++) {
        int d = base64_digit(s[i]);

        if (s[i] == '=' && i + 2 >= len)
            pad++, d = 0;
        else if (d < 0 || pad)
            return err_set(err, ERR_FILE, "not base64: byte %zu", i + 1);
        bits = bits << 6 | (uint32_t)d;
        if (i % 4 == 3) {
            char three[3] = {(char)(bits >> 16), (char)(bits >> 8), (char)bits};

            buf_add(out, three, 3 - pad);
        }
    }
    return true;
}

void text_add_hex(struct buf *out, const void *data, size_t len)
{
    const unsigned char *p = data;

    for (size_t i = 0; i < len; i++)
        buf_addf(out, "%02x", p[i]);
}

void text_add_percent(struct buf *out, const char *s, size_t len, const char *keep)
{
    for (size_t i = 0; i < len; i++) {
        char c = s[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' ||
                     c == '_' || c == '.' || c == '~' || (c && keep && strchr(keep, c));

        if (plain)
            buf_add_char(out, c);
        else
            buf_addf(out, "%%%02X", (unsigned char)c);
    }
}

void text_add_shell(struct buf *out, const char *s)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./:@%+=,";

    if (*s && strspn(s, plain) == strlen(s)) {
        buf_add_str(out, s);
        return;
    }
    buf_add_char(out, '\'');
    for (; *s; s++) {
        if (*s == '\'')
            buf_add_str(out, "'\\''");
        else
            buf_add_char(out, *s);
    }
    buf_add_char(out, '\'');
}

/* Levenshtein distance with adjacent swaps counted once (optimal string alignment). */
static size_t distance(const char *a, size_t n, const char *b, size_t m)
{
    size_t d[NEAREST_MAX + 1][NEAREST_MAX + 1];

    for (size_t i = 0; i <= n; i++)
        for (size_t j = 0; j <= m; j++) {
            size_t best;

            if (!i || !j) {
                d[i][j] = i + j;
                continue;
            }
            best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            if (d[i - 1][j] + 1 < best)
                best = d[i - 1][j] + 1;
            if (d[i][j - 1] + 1 < best)
                best = d[i][j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                d[i - 2][j - 2] + 1 < best)
                best = d[i - 2][j - 2] + 1;
            d[i][j] = best;
        }
    return d[n][m];
}

const char *text_nearest(const char *word, const char *const *words, size_t n)
{
    const char *best = NULL;
    size_t len = strlen(word), best_distance = SIZE_MAX;

    if (len > NEAREST_MAX)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        size_t m = strlen(words[i]), limit = m / 3 > 1 ? m / 3 : 1, d;

        if (m > NEAREST_MAX)
            continue;
        d = distance(word, len, words[i], m);
        if (d <= limit && d < best_distance) {
            best = words[i];
            best_distance = d;
        }
    }
    return best;
}
