/* credentials_sts.h: one call of STS, for credentials_role.c and credentials_web_identity.c. */
#ifndef SLUICE_CREDENTIALS_STS_H
#define SLUICE_CREDENTIALS_STS_H

#include "credentials_inner.h"

/* Appends "&name=value" to a form, encoded. NULL value: nothing. */
void credentials_sts_add(struct buf *form, const char *name, const char *value);
/* Action, version, role, session and duration. */
void credentials_sts_form(struct buf *form, const char *action,
                          const struct credentials_role *role);
/* Sends it; sign: with the keys in hand, for service sts. */
bool credentials_sts_send(struct credentials_fetch *f, const struct credentials_role *role,
                          const struct buf *form, bool sign, struct err *err) SL_MUST_CHECK;
enum credentials_turn credentials_sts_took(struct credentials_fetch *f,
                                           const struct credentials_role *role, const char *source,
                                           const struct http_response *r, struct err *why);

/* "[\w+=,.@-]{2,64}"; STS would refuse others late and in its own words. */
bool credentials_sts_check_session(const char *name);

#endif
