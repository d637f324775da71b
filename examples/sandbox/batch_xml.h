/* batch_xml.h: a ChangeResourceRecordSetsRequest becomes a batch.
 *
 * "The XML elements in your request must appear in the order listed" (API reference): the order,
 * the names and the number of elements are enforced from one table. */
#ifndef SANDBOX_BATCH_XML_H
#define SANDBOX_BATCH_XML_H

#include "batch.h"
#include "xml_tree.h"

#define ROUTE53_NS "https://route53.amazonaws.com/doc/2013-04-01/"

/* False with code and message in the verdict; the batch is then to be cleared. */
bool batch_from_xml(struct batch *b, const struct xml_node *root,
                    struct batch_verdict *v) SL_MUST_CHECK;

#endif
