/* preview.h: what `sluice plan` has to say: records, endpoints, findings, and every step with its
 * weights, times, API calls and what its gate can see. As one JSON document, and that document for
 * people. Writes nothing, asks nobody. */
#ifndef SLUICE_PREVIEW_H
#define SLUICE_PREVIEW_H

#include <jansson.h>

#include "sluice/buf.h"
#include "walk.h"

/* Route 53 Developer Guide: changes generally reach all its servers within 60 seconds. */
#define PREVIEW_INSYNC_MS 60000

/* The document; w->fence NULL (something is in the way) leaves the steps without weights and calls.
 * Times are milliseconds from the first write. probes is borrowed. The caller owns the result. */
json_t *preview_json(const struct walk *w, json_t *probes);

/* Appends it for people; steps false leaves them out. Foreign bytes are made safe. */
void preview_text(const json_t *doc, bool steps, struct buf *out);

#endif
