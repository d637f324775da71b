/* iam_policy.h: the least IAM policy under which the commands for a plan can do what they do. Pure.
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
#include "sluice/err.h"

#define IAM_POLICY_CHARACTERS_MAX 6144 /* of a managed policy, blanks not counted */

enum { /* bits: for whom it is */
       IAM_RAMP = 1 << 0,
       IAM_ROLLBACK = 1 << 1,
       IAM_PREPARE = 1 << 2, /* its undo, too */
       IAM_FINISH = 1 << 3,  /* its undo, too */
       IAM_RELEASE = 1 << 4,
       IAM_WALKS = IAM_RAMP | IAM_ROLLBACK,
       IAM_CONVERTS = IAM_PREPARE | IAM_FINISH,
};

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
    const struct iam_policy_record *helpers; /* that prepare makes beside the records */
    size_t n_helpers;
    const char *trial; /* "_sluice-try.example.com."; NULL: the zone's name is not known */
};

struct iam_policy {
    const char *partition; /* "aws", "aws-cn", … */
    const struct iam_policy_zone *zones;
    size_t n_zones;
    bool by_name;      /* some zone is looked up by its name */
    unsigned commands; /* at least one */
};

/* "prepare,finish" or "all" as bits. ERR_USAGE names the word that is no such command. */
bool iam_policy_commands(const char *list, unsigned *out, struct err *err) SL_MUST_CHECK;

/* A new reference: the policy document. */
json_t *iam_policy_json(const struct iam_policy *p);

/* A name as the condition key has it: small letters, no final dot, and every byte that is no
 * letter, digit, hyphen, underscore or dot between labels as \ooo. Appends. */
void iam_policy_name(const char *name, struct buf *out);

#endif
