/* A role taken with an identity token that somebody keeps fresh in a file: EKS service accounts
 * (IRSA), CI systems. The call is not signed; the token is the proof. Source: AWS SDKs and Tools
 * Reference Guide, "Assume role with web identity". */
#include <string.h>

#include "credentials_sts.h"
#include "sluice/file.h"

#define TOKEN_MAX ((size_t)64 * 1024)

/* A variable, else the profile's. */
static const char *either(const struct credentials_look *look, const char *variable,
                          const char *name)
{
    const char *s = look->environment ? aws_config_env(variable) : NULL;
    const struct aws_ini_key *k = s ? NULL : credentials_key(look, name);

    return s ? arena_strdup(&look->config->mem, s) : k ? k->value : NULL;
}

enum credentials_found credentials_web_identity(const struct credentials_look *look,
                                                struct credentials_recipe *out, struct err *err)
{
    const char *file = either(look, "AWS_WEB_IDENTITY_TOKEN_FILE", "web_identity_token_file");
    struct credentials_role role = {.arn = either(look, "AWS_ROLE_ARN", "role_arn"),
                                    .session_name =
                                        either(look, "AWS_ROLE_SESSION_NAME", "role_session_name")};

    if (!file)
        return CREDENTIALS_NONE;
    if (!role.arn) {
        err_set(err, ERR_FILE,
                "web identity: there is a token file, %s, but no role: set AWS_ROLE_ARN, or "
                "role_arn in "
                "profile '%s'",
                file, look->profile);
        return CREDENTIALS_BROKEN;
    }
    if (role.session_name && !credentials_sts_check_session(role.session_name)) {
        err_set(err, ERR_FILE,
                "web identity: AWS_ROLE_SESSION_NAME (role_session_name) takes 2 to 64 "
                "letters, digits and _+=,.@-");
        return CREDENTIALS_BROKEN;
    }
    out->base = &credentials_source_web_identity;
    out->token_file = file;
    out->web = role;
    return CREDENTIALS_FOUND;
}

static bool send(struct credentials_fetch *f, struct err *err)
{
    struct buf form SL_CLEANUP(buf_wipe) = {0}, token SL_CLEANUP(buf_wipe) = {0};

    if (!file_read(&token, f->recipe.token_file, TOKEN_MAX, err))
        return err_prefix(err, "the token file: ");
    while (token.len && (token.data[token.len - 1] == '\n' || token.data[token.len - 1] == '\r'))
        buf_cut(&token, token.len - 1);
    if (!token.len || strlen(buf_str(&token)) != token.len)
        return err_set(err, ERR_FILE, "the token file %s %s", f->recipe.token_file,
                       token.len ? "holds a NUL byte" : "is empty");
    credentials_fetch_hide(f, "aws_web_identity_token", buf_str(&token));
    credentials_sts_form(&form, "AssumeRoleWithWebIdentity", &f->recipe.web);
    credentials_sts_add(&form, "WebIdentityToken", buf_str(&token));
    return credentials_sts_send(f, &f->recipe.web, &form, false, err);
}

static enum credentials_turn took(struct credentials_fetch *f, const struct http_response *r,
                                  struct err *why)
{
    return credentials_sts_took(f, &f->recipe.web, "web identity", r, why);
}

const struct credentials_source credentials_source_web_identity = {
    .name = "web identity", .ask = send, .took = took};
