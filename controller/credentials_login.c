/* `aws login` keeps its credentials behind a protocol of its own. A profile that asks for them is
 * refused by name at its place in the chain, so that it is never signed with the keys behind it. */
#include "credentials_inner.h"

enum credentials_found credentials_login(const struct credentials_look *look,
                                         struct credentials_recipe *out, struct err *err)
{
    const struct aws_ini_key *k = credentials_key(look, "login_session");

    (void)out;
    if (!k)
        return CREDENTIALS_NONE;
    err_at(err, ERR_FILE, k->pos,
           "profile '%s' gets its credentials by login_session, which this version cannot do; hand "
           "it keys with `aws configure export-credentials --format env`",
           look->profile);
    return CREDENTIALS_BROKEN;
}
