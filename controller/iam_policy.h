/* iam_policy.h: the least IAM policy under which a plan can be walked and taken back. Pure.
 *
 * One statement a zone: IAM holds the whole request against one statement, and every batch carries
 * the lease beside the records, so names, types and actions of a zone stand together. Source: Route
 * 53 Developer Guide, "Using IAM policy conditions for fine-grained access control"; IAM User
 * Guide, "Multivalued context keys" (why ForAllValues needs a Null beside it). */
#ifndef SLUICE_IAM_POLICY_H
#define SLUICE_IAM_POLICY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "sluice/buf.h"

#define IAM_POLICY_CHARACTERS_MAX 6144 /* of a managed policy, blanks not counted */

struct iam_policy_record {
    const char *name; /* as listed or as typed */
    const char *type;
};

struct iam_policy_zone {
    const char *id;
    const struct iam_policy_record *records;
    size_t n_records;
    const char *lease; /* its full name; NULL: none (`lease: off`), or not known */
    bool lease_like;   /* the zone's name is not known: any name that begins with _sluice. */
};

struct iam_policy {
    const char *partition; /* "aws", "aws-cn", … */
    const struct iam_policy_zone *zones;
    size_t n_zones;
    bool by_name; /* some zone is looked up by its name */
};

/* A new reference: the policy document. */
json_t *iam_policy_json(const struct iam_policy *p);

/* A name as the condition key has it: small letters, no final dot, and every byte that is no
 * letter, digit, hyphen, underscore or dot between labels as \ooo. Appends. */
void iam_policy_name(const char *name, struct buf *out);

#endif
