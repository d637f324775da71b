/* capture.h: values taken out of an answer for the templates of later steps. */
#ifndef SLUICE_SMOKE_CAPTURE_H
#define SLUICE_SMOKE_CAPTURE_H

#include "answer.h"
#include "finding.h"
#include "scope.h"

#define CAPTURE_BYTES_MAX ((size_t)16 * 1024)

/* Fills the capture's slot. A value that is not there is a fail: the answer lacks what the flow
 * needs. */
bool capture_take(const struct suite_capture *capture, struct answer *answer,
                  struct scope_value *out, struct finding *finding) SL_MUST_CHECK;

#endif
