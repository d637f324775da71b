/* sts_xml.h: what STS answers to AssumeRole and AssumeRoleWithWebIdentity. Errors are
 * read by route53_xml.h: they look the same. Source: STS API reference
 * 2011-06-15, "Credentials". */
#ifndef SLUICE_STS_XML_H
#define SLUICE_STS_XML_H

#include <stdbool.h>
#include <stddef.h>

#include "sluice/buf.h"
#include "sluice/err.h"

#define STS_XML_BYTES_MAX ((size_t)64 * 1024)
#define STS_XML_DEPTH_MAX 16
#define STS_XML_TEXT_MAX  16384 /* a session token has no documented bound */

/* The fields of the Credentials element; sts_xml_clear() wipes them. */
struct sts_keys {
    struct buf key_id, secret_key, token, expiration;
};

/* ERR_PROTOCOL: not such a reply, or one without all four fields. ERR_LIMIT. Clear out also then.
 */
bool sts_xml_parse(const char *text, size_t len, struct sts_keys *out,
                   struct err *err) SL_MUST_CHECK;
void sts_xml_clear(struct sts_keys *keys);

#endif
