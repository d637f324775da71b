/* listing.h: the program smoke only looking: nothing is sent, no secret is fetched. */
#ifndef SLUICE_SMOKE_LISTING_H
#define SLUICE_SMOKE_LISTING_H

#include "session.h"

/* --list: the selected checks, one line a row, with tags and place. */
bool listing_checks(struct session *s, struct err *err) SL_MUST_CHECK;

/* --schema: the JSON Schema of suite files. */
bool listing_schema(struct err *err) SL_MUST_CHECK;

#endif
