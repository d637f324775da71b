/* Apart from the chain, so that whoever only reads keys needs no redactor. */
#include <string.h>

#include "credentials.h"

bool credentials_conceal(const struct credentials *c, struct secret_set *secrets, struct err *err)
{
    if (!secret_add(secrets, "aws_secret_access_key", c->secret_key, strlen(c->secret_key), err))
        return false;
    return !c->token || secret_add(secrets, "aws_session_token", c->token, strlen(c->token), err);
}
