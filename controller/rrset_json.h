/* rrset_json.h: record sets and change batches as the AWS CLI writes them
 * (`aws route53 change-resource-record-sets --change-batch file://...`): what a person can send
 * without sluice, and what sluice reads back to undo what it did. Source: Route 53 API reference,
 * ChangeResourceRecordSets. */
#ifndef SLUICE_RRSET_JSON_H
#define SLUICE_RRSET_JSON_H

#include <jansson.h>

#include "router.h"
#include "sluice/arena.h"
#include "sluice/buf.h"
#include "sluice/err.h"

#define RRSET_JSON_CHANGES_MAX 2000

/* One set; the caller owns it. */
json_t *rrset_to_json(const struct rrset *set);
/* The same with another SetIdentifier and Weight. */
json_t *rrset_to_json_as(const struct rrset *set, const char *set_id, uint32_t weight);
/* One change of a batch. */
json_t *rrset_change_json(enum router_change_action action, json_t *set);

/* A whole batch, indented, with a newline at its end. */
void rrset_batch_format(struct buf *out, const char *comment, const struct router_change *changes,
                        size_t n);
/* Reads one back; all of it is copied into mem. ERR_FILE says what is wrong with it. */
bool rrset_batch_parse(const char *text, size_t len, struct arena *mem,
                       struct router_change **changes, size_t *n, struct err *err) SL_MUST_CHECK;

#endif
