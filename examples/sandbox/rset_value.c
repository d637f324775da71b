/* rset_value.c: the form of values. */
#include "rset.h"

#include <arpa/inet.h>
#include <string.h>

#include "domain.h"

#define TXT_STRING_MAX 255

/* One or more "quoted strings" with blanks between; \" \\ and \ooo inside. RFC 1035 3.3.14: each
 * string is at most 255 bytes. Returns Route 53's name for the fault, or NULL. */
static const char *txt_fault(const char *v)
{
    while (*v) {
        size_t len = 0;

        if (*v++ != '"')
            return "InvalidCharacterString (Value should be enclosed in quotation marks)";
        while (*v && *v != '"') {
            if (*v == '\\' && v[1]) {
                bool octal = v[1] >= '0' && v[1] <= '3' && v[2] >= '0' && v[2] <= '7' &&
                             v[3] >= '0' && v[3] <= '7';

                v += octal ? 4 : 2;
            } else {
                v++;
            }
            len++;
        }
        if (*v++ != '"')
            return "InvalidCharacterString (Value should be enclosed in quotation marks)";
        if (len > TXT_STRING_MAX)
            return "CharacterStringTooLong (Value is too long)";
        while (*v == ' ' || *v == '\t')
            v++;
    }
    return NULL;
}

static const char *value_fault(enum rtype type, const char *v)
{
    struct buf name SL_CLEANUP(buf_clear) = {0};
    unsigned char raw[16];
    const char *why;

    switch (type) {
    case RTYPE_A:
        return inet_pton(AF_INET, v, raw) == 1
                   ? NULL
                   : "ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address)";
    case RTYPE_AAAA:
        return inet_pton(AF_INET6, v, raw) == 1
                   ? NULL
                   : "AAAARRDATAIllegalIPv6Address (Value is not a valid IPv6 address)";
    case RTYPE_CNAME:
    case RTYPE_NS:
    case RTYPE_PTR:
        if (strpbrk(v, " \t\r\n"))
            return "UnsupportedCharacter (Value contains unsupported characters)";
        return domain_canonical(v, &name, &why) ? NULL : why;
    case RTYPE_TXT:
    case RTYPE_SPF:
        return *v ? txt_fault(v)
                  : "InvalidCharacterString (Value should be enclosed in quotation marks)";
    default:
        return *v ? NULL : "EmptyValue (Value is empty)";
    }
}

bool rset_check_values(const struct rset *s, struct buf *why)
{
    if ((s->type == RTYPE_CNAME || s->type == RTYPE_SOA) && s->n_values > 1) {
        buf_addf(why, "RRSet of type %s with DNS name %s can contain only one resource record",
                 rtype_name(s->type), s->name);
        return false;
    }
    for (size_t i = 0; i < s->n_values; i++) {
        const char *fault = value_fault(s->type, s->values[i]);

        if (fault) {
            buf_addf(why, "Invalid Resource Record: 'FATAL problem: %s encountered with '%s''",
                     fault, s->values[i]);
            return false;
        }
        for (size_t k = 0; k < i; k++) {
            if (rset_same_value(s->type, s->values[i], s->values[k])) {
                buf_addf(why, "Duplicate Resource Record: '%s'", s->values[i]);
                return false;
            }
        }
    }
    return true;
}
