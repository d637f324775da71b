/* handshake.h: the certificates of the new side, looked at before any check is sent there.
 *
 * One TLS handshake for each name and endpoint that required checks ask over https, pinned like the
 * checks, one after another, no request in it. A fleet that orders certificates when it is first
 * asked for a name burns an order with each handshake that fails, and authorities forgive few an
 * hour (Let's Encrypt: five failed validations a name, letsencrypt.org/docs/rate-limits). So the
 * first that fails ends it, and is remembered in the state directory: for an hour nobody who uses
 * that directory shakes hands for that name again, unless told to (--retry-certificates). */
#ifndef SLUICE_HANDSHAKE_H
#define SLUICE_HANDSHAKE_H

#include "walk.h"

#define HANDSHAKE_PAUSE_S  3600
#define HANDSHAKE_MS       20000 /* a certificate that is being ordered takes its time */
#define HANDSHAKE_KEPT_MAX 256   /* names remembered; the oldest goes first */

/* Fills w->facts and adds what the lints find in them to w->survey. Nothing listens, no address, no
 * route: no finding, that is for the checks to say. w->state_fd may be -1: the directory is opened
 * when something is to be remembered. False only when nothing can be waited for. */
bool handshake_all(struct walk *w, struct err *err) SL_MUST_CHECK;

#endif
