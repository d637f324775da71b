/* outlet.h: where bytes for people and machines leave the program smoke. */
#ifndef SLUICE_SMOKE_OUTLET_H
#define SLUICE_SMOKE_OUTLET_H

#include "session.h"

#define OUTLET_BYTES_MAX ((size_t)256 * 1024 * 1024) /* of one report */

/* To standard output. ERR_LIMIT when the text outgrew its buffer, ERR_IO when it cannot be written.
 */
bool outlet_write(struct buf *text, struct err *err) SL_MUST_CHECK;

/* The finished report, everywhere it was asked for. */
bool outlet_reports(struct session *s, struct err *err) SL_MUST_CHECK;

#endif
