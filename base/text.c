#include "sluice/text.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define DAY_MS       ((int64_t)24 * 3600 * 1000)
#define NEAREST_MAX  48 /* longer words get no suggestion */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Reads digits into *out; false when there are none or the value passes max. */
static bool take_digits(const char **s, uint64_t max, uint64_t *out)
{
    const char *p = *s;
    uint64_t v = 0;

    if (!is_digit(*p))
        return false;
    for (; is_digit(*p); p++) {
        unsigned d = (unsigned)(*p - '0');

        if (v > (max - d) / 10)
            return false;
        v = v * 10 + d;
    }
    *s = p;
    *out = v;
    return true;
}

bool text_parse_i64(const char *s, int64_t min, int64_t max, int64_t *out, struct err *err)
{
    const char *p = s;
    bool minus = *p == '-';
    uint64_t v;
    int64_t n;

    if (minus)
        p++;
    if ((*p == '0' && p[1]) || !is_digit(*p))
        return err_set(err, ERR_FILE, "'%s' is not a whole number", s);
    if (!take_digits(&p, INT64_MAX, &v))
        return err_set(err, ERR_FILE, "%s is out of range (%lld to %lld)", s, (long long)min,
                       (long long)max);
    if (*p)
        return err_set(err, ERR_FILE, "'%s' is not a whole number", s);
    n = minus ? -(int64_t)v : (int64_t)v;
    if (n < min)
        return err_set(err, ERR_FILE, "%s is below %lld", s, (long long)min);
    if (n > max)
        return err_set(err, ERR_FILE, "%s is above %lld", s, (long long)max);
    *out = n;
    return true;
}

bool text_parse_u32(const char *s, uint32_t min, uint32_t max, uint32_t *out, struct err *err)
{
    int64_t n;

    if (!text_parse_i64(s, min, max, &n, err))
        return false;
    *out = (uint32_t)n;
    return true;
}

bool text_parse_double(const char *s, double min, double max, double *out, struct err *err)
{
    const char *p = s;
    double v;

    /* RFC 8259 section 6, so that strtod's hex, "inf" and "nan" never get in. */
    if (*p == '-')
        p++;
    if (*p == '0')
        p++;
    else
        p += strspn(p, "0123456789");
    if (p == s || !is_digit(p[-1]))
        return err_set(err, ERR_FILE, "'%s' is not a number", s);
    if (*p == '.') {
        size_t n = strspn(++p, "0123456789");

        if (!n)
            return err_set(err, ERR_FILE, "'%s' is not a number", s);
        p += n;
    }
    if (*p == 'e' || *p == 'E') {
        size_t n;

        p++;
        if (*p == '+' || *p == '-')
            p++;
        n = strspn(p, "0123456789");
        if (!n)
            return err_set(err, ERR_FILE, "'%s' is not a number", s);
        p += n;
    }
    if (*p)
        return err_set(err, ERR_FILE, "'%s' is not a number", s);
    v = strtod(s, NULL);
    if (!isfinite(v) || v < min || v > max)
        return err_set(err, ERR_FILE, "%s is out of range (%g to %g)", s, min, max);
    *out = v;
    return true;
}

static const struct {
    const char *name;
    int64_t ms;
} units[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};

/* The unit at p, or -1. "m" must not swallow the start of "ms". */
static int find_unit(const char *p)
{
    if (p[0] == 'm' && p[1] == 's')
        return 4;
    for (int i = 0; i < 4; i++)
        if (*p == units[i].name[0])
            return i;
    return -1;
}

bool text_parse_duration_ms(const char *s, int64_t min_ms, int64_t max_ms, int64_t *out,
                            struct err *err)
{
    const char *p = s;
    int64_t total = 0;
    int last = -1;

    while (*p || p == s) {
        uint64_t v;
        int u;

        if (!take_digits(&p, (uint64_t)(366 * DAY_MS), &v))
            return err_set(err, ERR_FILE, "'%s' is not a duration such as 500ms, 30s, 5m, 1h30m", s);
        u = find_unit(p);
        if (u < 0)
            return err_set(err, ERR_FILE, "'%s' needs a unit: ms, s, m, h or d", s);
        if (u <= last)
            return err_set(err, ERR_FILE, "'%s': units must fall, as in 1h30m", s);
        last = u;
        p += strlen(units[u].name);
        if ((int64_t)v > 366 * DAY_MS / units[u].ms)
            return err_set(err, ERR_FILE, "%s is above 366d", s);
        total += (int64_t)v * units[u].ms;
    }
    if (total < min_ms || total > max_ms) {
        struct buf lo SL_CLEANUP(buf_clear) = {0}, hi SL_CLEANUP(buf_clear) = {0};

        text_format_duration(&lo, min_ms);
        text_format_duration(&hi, max_ms);
        return err_set(err, ERR_FILE, "%s is out of range (%s to %s)", s, buf_str(&lo), buf_str(&hi));
    }
    *out = total;
    return true;
}

/* Reads "12", "0.5": thousandths and finer as an integer scaled by 10^decimals. */
static bool take_decimal(const char **s, unsigned decimals, uint64_t max, uint64_t *out)
{
    const char *p = *s;
    uint64_t whole, part = 0;
    unsigned used = 0;

    if (!take_digits(&p, max, &whole))
        return false;
    if (*p == '.') {
        p++;
        for (; is_digit(*p); p++, used++) {
            if (used == decimals)
                return false;
            part = part * 10 + (unsigned)(*p - '0');
        }
        if (!used)
            return false;
    }
    for (unsigned i = 0; i < decimals; i++) {
        whole *= 10;
        if (i >= used)
            part *= 10;
    }
    *s = p;
    *out = whole + part;
    return true;
}

bool text_parse_percent_ppm(const char *s, uint32_t min_ppm, uint32_t max_ppm, uint32_t *out,
                            struct err *err)
{
    const char *p = s;
    uint64_t v;

    if (!take_decimal(&p, 4, 1000, &v) || strcmp(p, "%") != 0)
        return err_set(err, ERR_FILE, "'%s' is not a percentage such as 1%% or 0.5%%", s);
    if (v < min_ppm || v > max_ppm)
        return err_set(err, ERR_FILE, "%s is out of range (%g%% to %g%%)", s, min_ppm / 1e4,
                       max_ppm / 1e4);
    *out = (uint32_t)v;
    return true;
}

bool text_parse_rate_milli(const char *s, uint32_t max_milli, uint32_t *out, struct err *err)
{
    const char *p = s;
    uint64_t v;

    if (!take_decimal(&p, 3, 1000000, &v) || (strcmp(p, "/s") != 0 && strcmp(p, "/m") != 0))
        return err_set(err, ERR_FILE, "'%s' is not a rate such as 5/s or 30/m", s);
    if (p[1] == 'm')
        v /= 60;
    if (v < 1 || v > max_milli)
        return err_set(err, ERR_FILE, "%s is out of range (0.001/s to %g/s)", s, max_milli / 1e3);
    *out = (uint32_t)v;
    return true;
}

static bool fixed_int(const char **s, int width, int min, int max, int *out)
{
    int v = 0;

    for (int i = 0; i < width; i++, (*s)++) {
        if (!is_digit(**s))
            return false;
        v = v * 10 + (**s - '0');
    }
    *out = v;
    return v >= min && v <= max;
}

static bool expect(const char **s, char c)
{
    if (**s != c)
        return false;
    (*s)++;
    return true;
}

/* timegm() normalises 30 February into March; a date that moves was never one. */
static bool to_unix(const struct tm *tm, int64_t *out)
{
    struct tm copy = *tm;
    time_t t = timegm(&copy);

    *out = (int64_t)t * 1000;
    return copy.tm_mday == tm->tm_mday && copy.tm_mon == tm->tm_mon;
}

bool text_parse_time_ms(const char *s, int64_t *out, struct err *err)
{
    const char *p = s;
    struct tm tm = {0};
    int year, month, oh = 0, om = 0;
    int64_t ms, offset = 0, milli = 0;
    bool ok;

    ok = fixed_int(&p, 4, 1970, 9999, &year) && expect(&p, '-') && fixed_int(&p, 2, 1, 12, &month) &&
         expect(&p, '-') && fixed_int(&p, 2, 1, 31, &tm.tm_mday) && expect(&p, 'T') &&
         fixed_int(&p, 2, 0, 23, &tm.tm_hour) && expect(&p, ':') &&
         fixed_int(&p, 2, 0, 59, &tm.tm_min) && expect(&p, ':') &&
         fixed_int(&p, 2, 0, 60, &tm.tm_sec);
    if (ok && *p == '.') {
        int scale = 100;

        for (p++, ok = is_digit(*p); is_digit(*p); p++, scale /= 10)
            milli += (*p - '0') * scale;
    }
    if (ok && *p == 'Z') {
        p++;
    } else if (ok) {
        int sign = *p == '-' ? -1 : 1;

        ok = (*p == '+' || *p == '-') && p++ && fixed_int(&p, 2, 0, 23, &oh) && expect(&p, ':') &&
             fixed_int(&p, 2, 0, 59, &om);
        offset = sign * (oh * 3600 + om * 60);
    }
    if (ok) {
        tm.tm_year = year - 1900;
        tm.tm_mon = month - 1;
    }
    if (!ok || *p || !to_unix(&tm, &ms))
        return err_set(err, ERR_FILE,
                       "'%s' is not a time such as 2027-02-03T02:00:00+01:00 (the offset is part of it)",
                       s);
    *out = ms - offset * 1000 + milli;
    return true;
}

bool text_parse_http_date_ms(const char *s, int64_t *out, struct err *err)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    const char *p = s + 5, *m;
    struct tm tm = {0};
    int year;
    bool ok;

    ok = strlen(s) == 29 && s[3] == ',' && s[4] == ' ' && fixed_int(&p, 2, 1, 31, &tm.tm_mday) &&
         expect(&p, ' ');
    if (ok) {
        char name[4] = {p[0], p[1], p[2], '\0'};

        m = strstr(months, name);
        ok = m && (m - months) % 3 == 0;
        if (ok)
            tm.tm_mon = (int)((m - months) / 3);
        p += 3;
    }
    ok = ok && expect(&p, ' ') && fixed_int(&p, 4, 1970, 9999, &year) && expect(&p, ' ') &&
         fixed_int(&p, 2, 0, 23, &tm.tm_hour) && expect(&p, ':') &&
         fixed_int(&p, 2, 0, 59, &tm.tm_min) && expect(&p, ':') &&
         fixed_int(&p, 2, 0, 60, &tm.tm_sec) && strcmp(p, " GMT") == 0;
    if (ok)
        tm.tm_year = year - 1900;
    if (!ok || !to_unix(&tm, out))
        return err_set(err, ERR_FILE, "'%s' is not an HTTP date", s);
    return true;
}

void text_format_duration(struct buf *out, int64_t ms)
{
    if (ms < 0) {
        buf_add_char(out, '-');
        ms = -ms;
    }
    if (ms == 0) {
        buf_add_str(out, "0s");
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (ms / units[i].ms)
            buf_addf(out, "%lld%s", (long long)(ms / units[i].ms), units[i].name);
        ms %= units[i].ms;
    }
}

void text_format_ppm(struct buf *out, uint32_t ppm)
{
    char tail[8];
    size_t n;

    buf_addf(out, "%u", ppm / 10000);
    snprintf(tail, sizeof tail, ".%04u", ppm % 10000);
    for (n = strlen(tail); n && (tail[n - 1] == '0' || tail[n - 1] == '.'); n--)
        ;
    buf_add(out, tail, n);
    buf_add_char(out, '%');
}

void text_format_time(struct buf *out, int64_t unix_ms, bool with_ms)
{
    time_t t = (time_t)(unix_ms / 1000);
    struct tm tm;
    char text[40];

    gmtime_r(&t, &tm);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    buf_add_str(out, text);
    if (with_ms)
        buf_addf(out, ".%03d", (int)(unix_ms % 1000));
    buf_add_char(out, 'Z');
}

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
        bool plain = is_digit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' ||
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
