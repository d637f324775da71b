/* control.h: the strings behind the stage: a small JSON API for tests, on a port of its own. */
#ifndef SANDBOX_CONTROL_H
#define SANDBOX_CONTROL_H

#include "api.h"
#include "dns_server.h"
#include "fleet.h"

struct control;

/* All borrowed. */
struct control *control_new(struct sandbox *sb, struct api *api, struct dns_server *dns,
                            struct fleets *fleets);
void control_free(struct control *c);
bool control_listen(struct control *c, const char *address, uint16_t *port,
                    struct err *err) SL_MUST_CHECK;

#endif
