/* net.h: listening on an address of this machine. */
#ifndef SANDBOX_NET_H
#define SANDBOX_NET_H

#include <stdint.h>

#include "sluice/err.h"

/* A non-blocking TCP socket that listens on address (IPv4 or IPv6 text), or -1. *port 0 asks the
 * kernel and is set. ERR_BUSY when the port is taken, ERR_FILE for what is no address, ERR_IO else.
 */
int net_listen(const char *address, uint16_t *port, struct err *err) SL_MUST_CHECK;

#endif
