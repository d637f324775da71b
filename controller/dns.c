#include "dns.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include <ldns/ldns.h>

#define NAME_MAX_BYTES  255
#define LABEL_MAX_BYTES 63
#define HEADER_BYTES    12
#define QUERY_ONLY_MIN  128 /* types from here to 255 are for questions (RFC 6895 section 3.1) */
#define QUERY_ONLY_MAX  255

uint16_t dns_type_parse(const char *name)
{
    unsigned int type = ldns_get_rr_type_by_name(name);

    if (type == LDNS_RR_TYPE_OPT || (type >= QUERY_ONLY_MIN && type <= QUERY_ONLY_MAX) ||
        type > UINT16_MAX)
        return 0;
    return (uint16_t)type;
}

/* -- names ------------------------------------------------------------------------------------- */

/* s stands behind a backslash. Returns how many characters it took, 0 when it is no escape. */
static size_t read_escape(const char *s, bool octal, uint8_t *byte)
{
    unsigned int base = octal ? 8 : 10, value = 0;
    size_t i;

    if (!*s)
        return 0;
    if (*s < '0' || *s > '9') {
        *byte = (uint8_t)*s;
        return 1;
    }
    for (i = 0; i < 3; i++) {
        unsigned int d = (unsigned int)(unsigned char)s[i] - '0';

        if (d >= base)
            return 0;
        value = value * base + d;
    }
    *byte = (uint8_t)value;
    return value <= UINT8_MAX ? 3 : 0;
}

struct wire {
    uint8_t data[NAME_MAX_BYTES + 1];
    size_t len;
};

static bool parse_name(struct wire *w, const char *text, bool octal)
{
    size_t label = 0; /* where the running label's length byte is */
    const char *s = text;

    w->len = 1;
    if (!strcmp(text, "."))
        s++;
    while (*s) {
        uint8_t byte = (uint8_t)*s;
        size_t took = 1;

        if (byte == '.') {
            size_t len = w->len - label - 1;

            if (!len || len > LABEL_MAX_BYTES || w->len >= NAME_MAX_BYTES)
                return false;
            w->data[label] = (uint8_t)len;
            label = w->len++;
            s++;
            continue;
        }
        if (byte == '\\' && !(took = 1 + read_escape(s + 1, octal, &byte)))
            return false;
        if (*s == '\\' && took == 1)
            return false;
        if (w->len >= NAME_MAX_BYTES)
            return false;
        w->data[w->len++] = byte;
        s += took;
    }
    if (w->len - label - 1 > LABEL_MAX_BYTES)
        return false;
    if (w->len - label > 1) { /* no final dot */
        w->data[label] = (uint8_t)(w->len - label - 1);
        label = w->len++;
    }
    w->data[label] = 0;
    return w->len <= NAME_MAX_BYTES && *text;
}

static void add_byte(struct buf *out, uint8_t c, const char *keep)
{
    if (c >= 'A' && c <= 'Z')
        c = (uint8_t)(c + 'a' - 'A');
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c && strchr(keep, c)))
        buf_add_char(out, (char)c);
    else
        buf_addf(out, "\\%03u", c);
}

static bool format_name(struct buf *out, const uint8_t *wire, size_t len)
{
    size_t at = 0, i;

    while (at < len && wire[at]) {
        size_t n = wire[at++];

        if (n > LABEL_MAX_BYTES || n > len - at)
            return false;
        for (i = 0; i < n; i++)
            add_byte(out, wire[at + i], "-_*/");
        buf_add_char(out, '.');
        at += n;
    }
    if (at + 1 != len)
        return false;
    if (len == 1)
        buf_add_char(out, '.');
    return true;
}

bool dns_name_canonical(struct buf *out, const char *name, bool octal, struct err *err)
{
    struct wire w;

    if (!parse_name(&w, name, octal))
        return err_set(err, ERR_FILE, "\"%s\" is no DNS name", name);
    format_name(out, w.data, w.len);
    return true;
}

/* -- values ------------------------------------------------------------------------------------ */

static void add_string(struct buf *out, const uint8_t *data, size_t len)
{
    size_t i;

    if (out->len && out->data[out->len - 1] == '"')
        buf_add_char(out, ' ');
    buf_add_char(out, '"');
    for (i = 0; i < len; i++)
        if (data[i] < 0x20 || data[i] > 0x7e || data[i] == '"' || data[i] == '\\')
            buf_addf(out, "\\%03u", data[i]);
        else
            buf_add_char(out, (char)data[i]);
    buf_add_char(out, '"');
}

static bool format_address(struct buf *out, const uint8_t *data, size_t len)
{
    char text[INET6_ADDRSTRLEN];

    if ((len != 4 && len != 16) ||
        !inet_ntop(len == 4 ? AF_INET : AF_INET6, data, text, sizeof text))
        return false;
    buf_add_str(out, text);
    return true;
}

static bool is_name_type(uint16_t type)
{
    return type == DNS_TYPE_CNAME || type == DNS_TYPE_NS || type == LDNS_RR_TYPE_PTR;
}

static bool is_text_type(uint16_t type)
{
    return type == DNS_TYPE_TXT || type == LDNS_RR_TYPE_SPF;
}

/* As ldns prints it, fields apart by one blank. */
static bool format_other(struct buf *out, ldns_rr *rr)
{
    size_t i;

    ldns_rr2canonical(rr);
    for (i = 0; i < ldns_rr_rd_count(rr); i++) {
        char *text = ldns_rdf2str(ldns_rr_rdf(rr, i));

        if (!text)
            return false;
        buf_addf(out, "%s%s", i ? " " : "", text);
        LDNS_FREE(text);
    }
    return true;
}

static bool format_value(struct buf *out, ldns_rr *rr)
{
    uint16_t type = (uint16_t)ldns_rr_get_type(rr);
    size_t i, n = ldns_rr_rd_count(rr);

    for (i = 0; i < n; i++)
        if (!ldns_rr_rdf(rr, i) ||
            (ldns_rdf_size(ldns_rr_rdf(rr, i)) && !ldns_rdf_data(ldns_rr_rdf(rr, i))))
            return false;
    if (type == DNS_TYPE_A || type == DNS_TYPE_AAAA)
        return n == 1 && format_address(out, ldns_rdf_data(ldns_rr_rdf(rr, 0)),
                                        ldns_rdf_size(ldns_rr_rdf(rr, 0)));
    if (is_name_type(type))
        return n == 1 && format_name(out, ldns_rdf_data(ldns_rr_rdf(rr, 0)),
                                     ldns_rdf_size(ldns_rr_rdf(rr, 0)));
    if (!is_text_type(type))
        return format_other(out, rr);
    for (i = 0; i < n; i++) {
        const uint8_t *data = ldns_rdf_data(ldns_rr_rdf(rr, i));
        size_t size = ldns_rdf_size(ldns_rr_rdf(rr, i));

        if (!size || data[0] != size - 1)
            return false;
        add_string(out, data + 1, size - 1);
    }
    return true;
}

/* "one" "two \042quoted\042", or bare words. */
static bool canonical_text(struct buf *out, const char *s)
{
    uint8_t data[UINT8_MAX];
    size_t len, took;
    bool any = false;

    for (s += strspn(s, " \t"); *s; s += strspn(s, " \t")) {
        bool quoted = *s == '"';

        for (s += quoted, len = 0; *s && (quoted ? *s != '"' : !strchr(" \t", *s)); s += took) {
            uint8_t byte = (uint8_t)*s;

            took = 1;
            if (*s == '\\') {
                size_t more = read_escape(s + 1, true, &byte);

                if (!more)
                    return false;
                took += more;
            }
            if (len == sizeof data)
                return false;
            data[len++] = byte;
        }
        if (quoted && *s++ != '"')
            return false;
        add_string(out, data, len);
        any = true;
    }
    return any;
}

static bool canonical_other(struct buf *out, uint16_t type, const char *value)
{
    struct buf line SL_CLEANUP(buf_clear) = {0};
    char *name = ldns_rr_type2str((ldns_rr_type)type);
    ldns_rr *rr = NULL;
    bool ok;

    if (!name)
        return false;
    buf_addf(&line, ". 0 IN %s %s", name, value);
    LDNS_FREE(name);
    ok = ldns_rr_new_frm_str(&rr, buf_str(&line), 0, NULL, NULL) == LDNS_STATUS_OK && rr;
    ok = ok && ldns_rr_rd_count(rr) && format_value(out, rr);
    ldns_rr_free(rr);
    return ok;
}

static bool canonical_value(struct buf *out, uint16_t type, const char *value)
{
    uint8_t address[16];
    struct wire w;

    if (type == DNS_TYPE_A)
        return inet_pton(AF_INET, value, address) == 1 && format_address(out, address, 4);
    if (type == DNS_TYPE_AAAA)
        return inet_pton(AF_INET6, value, address) == 1 && format_address(out, address, 16);
    if (is_name_type(type))
        return parse_name(&w, value, true) && format_name(out, w.data, w.len);
    if (is_text_type(type))
        return canonical_text(out, value);
    return canonical_other(out, type, value);
}

bool dns_value_canonical(struct buf *out, uint16_t type, const char *value, struct err *err)
{
    struct buf text SL_CLEANUP(buf_clear) = {0};

    if (!canonical_value(&text, type, value))
        return err_set(err, ERR_FILE, "\"%s\" is no value of that type", value);
    buf_add(out, text.data, text.len);
    return true;
}

/* -- messages ---------------------------------------------------------------------------------- */

bool dns_query_format(struct buf *out, const char *name, bool octal, uint16_t type, uint16_t id,
                      bool recursion, struct err *err)
{
    struct wire w;
    ldns_rdf *qname;
    ldns_pkt *pkt;
    uint8_t *data = NULL;
    size_t size = 0;
    bool ok;

    if (!parse_name(&w, name, octal))
        return err_set(err, ERR_FILE, "\"%s\" is no DNS name", name);
    qname = ldns_dname_new_frm_data((uint16_t)w.len, w.data);
    pkt = ldns_pkt_query_new(qname, (ldns_rr_type)type, LDNS_RR_CLASS_IN, recursion ? LDNS_RD : 0);
    if (!pkt)
        return err_set(err, ERR_IO, "no memory for a DNS query");
    ldns_pkt_set_id(pkt, id);
    ldns_pkt_set_edns_udp_size(pkt, DNS_UDP_SIZE);
    ok = ldns_pkt2wire(&data, pkt, &size) == LDNS_STATUS_OK;
    ldns_pkt_free(pkt);
    if (ok)
        buf_add(out, data, size);
    LDNS_FREE(data);
    return ok || err_set(err, ERR_FILE, "\"%s\" cannot be asked for", name);
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 'a' - 'A') : c;
}

/* Id, QR, opcode, and the one question byte for byte (names without regard to case). A first name
 * cannot be compressed, so the bytes stand at the same place. */
static bool is_reply_to(const uint8_t *query, size_t query_len, const uint8_t *reply,
                        size_t reply_len)
{
    size_t at = HEADER_BYTES, i, end;

    if (query_len < HEADER_BYTES + 5 || reply_len < HEADER_BYTES)
        return false;
    if (memcmp(query, reply, 2) != 0 || (reply[2] & 0xf8) != 0x80 || reply[4] || reply[5] != 1)
        return false;
    while (at < query_len && query[at])
        at += 1 + (size_t)query[at];
    end = at + 5; /* the root label, type, class */
    if (end > query_len || end > reply_len)
        return false;
    for (i = HEADER_BYTES; i < end; i++)
        if (lower(query[i]) != lower(reply[i]))
            return false;
    return true;
}

static bool take_section(struct dns_answer *a, const ldns_rr_list *list, struct dns_record **out,
                         size_t *n)
{
    size_t i, count = list ? ldns_rr_list_rr_count(list) : 0;

    if (count > DNS_RECORDS_MAX)
        return false;
    *out = arena_array(&a->mem, count, sizeof **out);
    for (i = 0; i < count; i++) {
        ldns_rr *rr = ldns_rr_list_rr(list, i);
        const ldns_rdf *owner = ldns_rr_owner(rr);
        struct buf name SL_CLEANUP(buf_clear) = {0}, value SL_CLEANUP(buf_clear) = {0};
        struct dns_record *r = &(*out)[(*n)];

        if (!owner || !format_name(&name, ldns_rdf_data(owner), ldns_rdf_size(owner)) ||
            !format_value(&value, rr))
            return false;
        r->name = arena_strdup(&a->mem, buf_str(&name));
        r->value = arena_strndup(&a->mem, buf_str(&value), value.len);
        r->type = (uint16_t)ldns_rr_get_type(rr);
        r->ttl = ldns_rr_ttl(rr);
        (*n)++;
    }
    return true;
}

#define OPTION_EXTENDED_ERROR 15 /* RFC 8914, section 2 */
#define ERROR_STALE_ANSWER    3
#define ERROR_STALE_NXDOMAIN  19

/* The options of an OPT record: code, length, data (RFC 6891, section 6.1.2). */
static bool says_stale(const ldns_rdf *options)
{
    const uint8_t *p = options ? ldns_rdf_data(options) : NULL;
    size_t left = p ? ldns_rdf_size(options) : 0;

    while (left >= 4) {
        size_t code = (size_t)p[0] << 8 | p[1], len = (size_t)p[2] << 8 | p[3];

        if (len > left - 4)
            return false;
        if (code == OPTION_EXTENDED_ERROR && len >= 2) {
            size_t why = (size_t)p[4] << 8 | p[5];

            if (why == ERROR_STALE_ANSWER || why == ERROR_STALE_NXDOMAIN)
                return true;
        }
        p += 4 + len;
        left -= 4 + len;
    }
    return false;
}

bool dns_answer_parse(struct dns_answer *out, const void *query, size_t query_len,
                      const void *reply, size_t reply_len, struct err *err)
{
    ldns_pkt *pkt = NULL;
    bool ok;

    memset(out, 0, sizeof *out);
    if (reply_len > DNS_MESSAGE_MAX || !is_reply_to(query, query_len, reply, reply_len))
        return err_set(err, ERR_PROTOCOL, "not a reply to this question");
    out->truncated = ((const uint8_t *)reply)[2] & 0x02;
    out->authoritative = ((const uint8_t *)reply)[2] & 0x04;
    out->rcode = ((const uint8_t *)reply)[3] & 0x0f;
    if (out->truncated)
        return true; /* cut anywhere: nothing in it counts */
    if (ldns_wire2pkt(&pkt, reply, reply_len) != LDNS_STATUS_OK || !pkt)
        return err_set(err, ERR_PROTOCOL, "a broken DNS message");
    ok = take_section(out, ldns_pkt_answer(pkt), &out->records, &out->records_n) &&
         take_section(out, ldns_pkt_authority(pkt), &out->authority, &out->authority_n);
    out->served_stale = says_stale(ldns_pkt_edns_data(pkt));
    ldns_pkt_free(pkt);
    return ok || err_set(err, ERR_PROTOCOL, "a DNS message with a broken record");
}

void dns_answer_clear(struct dns_answer *answer)
{
    arena_clear(&answer->mem);
    memset(answer, 0, sizeof *answer);
}
