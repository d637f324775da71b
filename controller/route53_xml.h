/* route53_xml.h: what Route 53 answers, read through xml_reader.h.
 *
 * Replies are parsed as they stream by, straight into arenas; nothing of the document is kept but the
 * fields named here. Unknown elements are skipped, so that a new field does not break an old sluice. A
 * document type declaration, and with it every entity, is refused; depth, counts and text lengths have
 * ceilings. Source: Route 53 API reference 2013-04-01 (the shapes and their element order). */
#ifndef SLUICE_ROUTE53_XML_H
#define SLUICE_ROUTE53_XML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "router.h"
#include "rrset.h"
#include "sluice/err.h"

struct arena;

#define ROUTE53_XML_BYTES_MAX   ((size_t)16 * 1024 * 1024) /* one reply; a page holds 300 sets */
#define ROUTE53_XML_DEPTH_MAX   32
#define ROUTE53_XML_TEXT_MAX    8192 /* one field; a value has at most 4,000 characters */
#define ROUTE53_XML_ZONES_MAX   300  /* one page of zones; the service sends 100 */
#define ROUTE53_XML_SERVERS_MAX 16   /* name servers of a zone; there are four */

struct route53_zone {
    const char *id;   /* "Z123", without the "/hostedzone/" in front */
    const char *name; /* "example.com.", as listed */
    bool private_zone;
    const char *owner; /* LinkedService/ServicePrincipal: another AWS service owns the zone; or NULL */
    uint32_t n_sets;   /* ResourceRecordSetCount */
    const char *servers[ROUTE53_XML_SERVERS_MAX]; /* DelegationSet; only GetHostedZone tells them */
    size_t n_servers;
    const char *passed_over; /* looked up by name: private zones of it; or NULL */
};

struct route53_zones {
    struct route53_zone *zones;
    size_t n;
    bool truncated;
    const char *next_name, *next_id; /* when truncated */
};

/* A growing listing: pages are appended one after another. */
struct route53_sets {
    struct rrset *sets; /* heap; strings in the arena that was given */
    size_t n, cap;
    bool truncated;                              /* of the last page */
    const char *next_name, *next_type, *next_id; /* where the next page starts; next_id may be NULL */
};

struct route53_change {
    char id[ROUTER_CHANGE_ID_MAX]; /* "C123", without the "/change/" in front */
    bool insync;
};

/* What of a health check matters to a record that hangs on it. */
struct route53_check {
    const char *id;
    const char *type;    /* "HTTPS", "TCP", "CALCULATED", … */
    const char *address; /* IPAddress; NULL: the checkers look the name up, or it has none */
    const char *fqdn;    /* FullyQualifiedDomainName or NULL */
    bool disabled;       /* counts as healthy for ever (as unhealthy where inverted) */
    bool inverted;
    uint32_t interval_s, threshold; /* 0: not told */
};

struct route53_policy {
    const char *id;
    const char *policy; /* TrafficPolicyId */
    uint32_t version;
    const char *state; /* "Applied", "Creating", "Failed" */
};

struct route53_error {
    char code[ROUTER_CODE_MAX];
    char message[ROUTER_MESSAGE_MAX]; /* several Message elements are joined with "; " */
    char request_id[64];
    bool known; /* read from XML, so the service itself (or one who speaks like it) said it */
};

/* ListHostedZonesByName. Strings live in mem. A reply that is cut off, of another kind or malformed is
 * ERR_PROTOCOL; past a ceiling ERR_LIMIT. So for the three below. */
bool route53_xml_parse_zones(struct arena *mem, const char *text, size_t len,
                             struct route53_zones *out, struct err *err) SL_MUST_CHECK;

/* GetHostedZone. */
bool route53_xml_parse_zone(struct arena *mem, const char *text, size_t len, struct route53_zone *out,
                            struct err *err) SL_MUST_CHECK;

/* ListResourceRecordSets: appends to out->sets (at most ROUTER_ZONE_SETS_MAX in all) and replaces the
 * paging fields. After a failure only route53_sets_clear() is allowed. */
bool route53_xml_parse_sets(struct arena *mem, const char *text, size_t len, struct route53_sets *out,
                            struct err *err) SL_MUST_CHECK;
void route53_sets_clear(struct route53_sets *s);

/* ChangeInfo, of ChangeResourceRecordSets and GetChange. */
bool route53_xml_parse_change(const char *text, size_t len, struct route53_change *out,
                              struct err *err) SL_MUST_CHECK;

/* GetHealthCheck and GetTrafficPolicyInstance. Strings live in mem. */
bool route53_xml_parse_check(struct arena *mem, const char *text, size_t len,
                             struct route53_check *out, struct err *err) SL_MUST_CHECK;
bool route53_xml_parse_policy(struct arena *mem, const char *text, size_t len,
                              struct route53_policy *out, struct err *err) SL_MUST_CHECK;

/* Any error body: the current ErrorResponse, the older one named after its code with Messages inside, a
 * bare one with a Message, or no XML at all. Never fails: where no code can be read it is "HTTP 503" for
 * the status given, and the message is the start of the body. */
void route53_xml_parse_error(const char *text, size_t len, int http_status, struct route53_error *out);

/* The last segment of a prefixed id: "/hostedzone/Z1" gives "Z1". */
const char *route53_xml_bare_id(const char *id);

#endif
