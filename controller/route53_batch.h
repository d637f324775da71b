/* route53_batch.h: the body of a ChangeResourceRecordSets request.
 *
 * Written, not edited: the same batch always gives the same bytes, which is what lets an open batch be
 * sent again byte for byte. Source: Route 53 API reference 2013-04-01, ChangeResourceRecordSets ("The
 * XML elements in your request must appear in the order listed") and the service model's order. */
#ifndef SLUICE_ROUTE53_BATCH_H
#define SLUICE_ROUTE53_BATCH_H

#include <stdbool.h>

#include "router.h"
#include "sluice/buf.h"
#include "sluice/err.h"

#define ROUTE53_BATCH_BYTES_MAX ((size_t)8 * 1024 * 1024) /* the caller's ceiling for out */

/* Appends the body. Each set is written with every field as listed, but for change->weight in place of
 * a weighted set's own; a weight of 0 is written, too. Text that XML 1.0 cannot carry (control
 * characters, invalid UTF-8) and sets of another routing policy are ERR_BUG: nothing like it may reach
 * a batch. Past the ceiling of out: ERR_LIMIT. */
bool route53_batch_format(const struct router_batch *batch, struct buf *out, struct err *err)
    SL_MUST_CHECK;

#endif
