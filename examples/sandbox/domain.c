#include "domain.h"

#include <string.h>

#define LABELS_MAX 128

static bool is_octal(char c)
{
    return c >= '0' && c <= '7';
}

/* Reads one byte of a name, escaped or not; *dot is set for an unescaped dot. */
static const char *next_byte(const char *s, unsigned char *out, bool *dot)
{
    *dot = false;
    if (s[0] == '\\' && is_octal(s[1]) && s[1] <= '3' && is_octal(s[2]) && is_octal(s[3])) {
        *out = (unsigned char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
        return s + 4;
    }
    *out = (unsigned char)*s;
    *dot = *s == '.';
    return s + 1;
}

static void add_byte(struct buf *out, unsigned char c)
{
    if (c >= 'A' && c <= 'Z')
        c = (unsigned char)(c - 'A' + 'a');
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_')
        buf_add_char(out, (char)c);
    else
        buf_addf(out, "\\%03o", c);
}

bool domain_canonical(const char *text, struct buf *out, const char **why)
{
    size_t label = 0, wire = 1;
    bool dot;

    if (strcmp(text, ".") == 0) {
        buf_add_char(out, '.');
        return true;
    }
    *why = "DomainEmpty (Domain is empty)";
    if (!*text)
        return false;
    while (*text) {
        unsigned char c;

        text = next_byte(text, &c, &dot);
        if (dot && label == 0) {
            *why = "DomainLabelEmpty (Domain label is empty)";
            return false;
        }
        if (dot) {
            buf_add_char(out, '.');
            wire += label + 1;
            label = 0;
            continue;
        }
        if (++label > DOMAIN_LABEL_MAX) {
            *why = "DomainLabelTooLong (Domain label is too long)";
            return false;
        }
        add_byte(out, c);
    }
    if (label) {
        buf_add_char(out, '.');
        wire += label + 1;
    }
    *why = "DomainTooLong (Domain is too long)";
    return wire <= DOMAIN_WIRE_MAX;
}

void domain_sort_key(const char *stored, struct buf *out)
{
    const char *labels[LABELS_MAX];
    size_t n = 0;
    bool dot;

    for (const char *s = stored; *s && strcmp(s, ".") != 0 && n < LABELS_MAX;) {
        labels[n++] = s;
        s = strchr(s, '.');
        if (!s)
            break;
        s++;
    }
    while (n--) {
        const char *s = labels[n];

        while (*s && *s != '.') {
            unsigned char c;

            s = next_byte(s, &c, &dot);
            if (c)
                buf_add_char(out, (char)c);
            else
                buf_add_str(out, "\\000");
        }
        buf_add_char(out, '.');
    }
}

bool domain_in_zone(const char *name, const char *zone)
{
    size_t n = strlen(name), z = strlen(zone);

    if (n < z || strcmp(name + n - z, zone) != 0)
        return false;
    return n == z || name[n - z - 1] == '.';
}

const char *domain_parent(const char *name)
{
    const char *dot = strchr(name, '.');

    return dot && dot[1] ? dot + 1 : NULL;
}

bool domain_same(const char *a, const char *b)
{
    struct buf left SL_CLEANUP(buf_clear) = {0};
    struct buf right SL_CLEANUP(buf_clear) = {0};
    const char *why;

    if (!domain_canonical(a, &left, &why) || !domain_canonical(b, &right, &why))
        return strcmp(a, b) == 0;
    return strcmp(buf_str(&left), buf_str(&right)) == 0;
}

void domain_to_zonefile(const char *stored, struct buf *out)
{
    bool dot;

    while (*stored) {
        unsigned char c;

        stored = next_byte(stored, &c, &dot);
        if (dot)
            buf_add_char(out, '.');
        else if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                 c == '-' || c == '_' || c == '*')
            buf_add_char(out, (char)c);
        else
            buf_addf(out, "\\%03u", c);
    }
}
