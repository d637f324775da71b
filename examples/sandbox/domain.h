/* domain.h: names as Route 53 stores and sorts them.
 *
 * Stored form: lower case, a dot at the end, every byte other than a-z 0-9 - _ as \ooo (so '*' is
 * \052). Sources: Route 53 developer guide, "DNS domain name format"; API reference,
 * ListResourceRecordSets. */
#ifndef SANDBOX_DOMAIN_H
#define SANDBOX_DOMAIN_H

#include <stdbool.h>
#include <stddef.h>

#include "sluice/buf.h"

#define DOMAIN_LABEL_MAX 63
#define DOMAIN_WIRE_MAX  255

/* Appends the stored form of text (a trailing dot is optional, \ooo is octal). On failure *why is
 * Route 53's own name for the fault, e.g. "DomainLabelTooLong (Domain label is too long)". */
bool domain_canonical(const char *text, struct buf *out, const char **why) SL_MUST_CHECK;

/* Appends the sort key of a stored name: labels reversed, unescaped, joined and closed by dots. */
void domain_sort_key(const char *stored, struct buf *out);

/* True when the stored name is the stored zone name or lies below it. */
bool domain_in_zone(const char *name, const char *zone);

/* The stored name without its first label; NULL at the root. Borrowed from name. */
const char *domain_parent(const char *name);

/* True when two names are equal once case and a trailing dot are taken away: how Route 53 compares
 * the targets of CNAME records. */
bool domain_same(const char *a, const char *b);

/* Appends the name in the zone-file form that DNS libraries read: \DDD is decimal there. */
void domain_to_zonefile(const char *stored, struct buf *out);

#endif
