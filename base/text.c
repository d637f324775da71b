#include "sluice/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define DAY_MS ((int64_t)24 * 3600 * 1000)

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
