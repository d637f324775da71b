/* role_arn: another role's keys, taken from STS with those of a source profile or of a named
 * provider. Source profiles may be roles themselves; a circle is an error, but a profile may name
 * itself when it holds keys. Sources: AWS SDKs and Tools Reference Guide, "Assume role credential
 * provider"; botocore credentials.py (AssumeRoleProvider). */
#include <string.h>

#include "credentials_sts.h"
#include "sluice/text.h"

#define DURATION_MIN 900
#define DURATION_MAX 43200

static const char *value(const struct credentials_look *look, const char *name)
{
    const struct aws_ini_key *k = credentials_key(look, name);

    return k ? k->value : NULL;
}

/* web_identity_token_file needs a role_arn, too, and means something else by it. */
static bool is_role(const struct credentials_look *look)
{
    return value(look, "role_arn") && !value(look, "web_identity_token_file");
}

static bool has_keys(const struct credentials_look *look)
{
    return value(look, "aws_access_key_id") || value(look, "aws_secret_access_key");
}

static bool add_role(const struct credentials_look *look, struct credentials_recipe *out,
                     struct err *err)
{
    const struct aws_ini_key *arn = credentials_key(look, "role_arn");
    const struct aws_ini_key *session = credentials_key(look, "role_session_name");
    const struct aws_ini_key *duration = credentials_key(look, "duration_seconds");
    struct credentials_role *role = &out->roles[out->n_roles];
    struct err why = {0};

    if (out->n_roles == CREDENTIALS_ROLES_MAX)
        return err_at(err, ERR_LIMIT, arn->pos, "more than %d roles, one taken with the other",
                      CREDENTIALS_ROLES_MAX);
    *role = (struct credentials_role){.arn = arn->value,
                                      .external_id = value(look, "external_id"),
                                      .session_name = session ? session->value : NULL,
                                      .mfa_serial = value(look, "mfa_serial")};
    if (session && !credentials_sts_check_session(session->value))
        return err_at(err, ERR_FILE, session->pos,
                      "role_session_name takes 2 to 64 letters, digits and _+=,.@-");
    if (duration &&
        !text_parse_u32(duration->value, DURATION_MIN, DURATION_MAX, &role->duration_s, &why))
        return err_at(err, ERR_FILE, duration->pos, "duration_seconds: %s", why.text);
    out->n_roles++;
    return true;
}

/* credential_source: a provider by name, whatever else is configured. */
static enum credentials_found from_provider(const struct credentials_look *look,
                                            const struct aws_ini_key *source,
                                            struct credentials_recipe *out, struct err *err)
{
    static const struct {
        const char *name, *needs;
        credentials_provider *ask;
    } sources[] = {
        {"Environment", "AWS_ACCESS_KEY_ID is not set", credentials_env},
        {"EcsContainer", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is not set",
         credentials_container},
        {"Ec2InstanceMetadata", "AWS_EC2_METADATA_DISABLED is true", credentials_metadata},
    };
    struct credentials_look at = *look;

    at.environment = true;
    for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
        enum credentials_found found;

        if (strcmp(source->value, sources[i].name) != 0)
            continue;
        found = sources[i].ask(&at, out, err);
        out->last_resort = false;
        out->profile = look->profile;
        if (found == CREDENTIALS_NONE)
            err_at(err, ERR_FILE, source->pos, "credential_source = %s of profile '%s': %s",
                   sources[i].name, look->profile, sources[i].needs);
        return found == CREDENTIALS_NONE ? CREDENTIALS_BROKEN : found;
    }
    err_at(err, ERR_FILE, source->pos,
           "credential_source is '%s'; it may be Environment, EcsContainer or Ec2InstanceMetadata",
           source->value);
    return CREDENTIALS_BROKEN;
}

static enum credentials_found from_keys(const struct credentials_look *look,
                                        const struct aws_ini_key *named,
                                        struct credentials_recipe *out, struct err *err)
{
    enum credentials_found found = credentials_profile_chain(look, out, err);

    if (found != CREDENTIALS_NONE)
        return found;
    err_at(err, ERR_FILE, named->pos, "the source_profile '%s' has no credentials", look->profile);
    return CREDENTIALS_BROKEN;
}

/* The profile that source_profile names, which must not lead back to one that was seen. */
static bool open_source(const struct credentials_look *from, const struct aws_ini_key *named,
                        const char *const *seen, size_t n_seen, struct credentials_look *out,
                        struct err *err)
{
    if (!credentials_open_profile(from, named->value, out))
        return err_at(err, ERR_FILE, named->pos, "there is no profile '%s' for source_profile",
                      named->value);
    for (size_t i = 0; i < n_seen; i++)
        if (strcmp(seen[i], named->value) == 0 &&
            (strcmp(from->profile, named->value) != 0 || !has_keys(out)))
            return err_at(
                err, ERR_FILE, named->pos,
                "source_profile leads back to profile '%s', which has no keys of its own to "
                "start from",
                named->value);
    return true;
}

enum credentials_found credentials_assume_role(const struct credentials_look *look,
                                               struct credentials_recipe *out, struct err *err)
{
    const char *seen[CREDENTIALS_ROLES_MAX + 1];
    struct credentials_look at = *look, next;
    size_t n_seen = 0;

    if (!is_role(look))
        return CREDENTIALS_NONE;
    for (;;) {
        const struct aws_ini_key *named = credentials_key(&at, "source_profile");
        const struct aws_ini_key *source = credentials_key(&at, "credential_source");

        if (!add_role(&at, out, err))
            return CREDENTIALS_BROKEN;
        if (!named == !source) {
            err_at(
                err, ERR_FILE, credentials_key(&at, "role_arn")->pos,
                "profile '%s' has a role_arn and %s; one of them says with whose keys the role is "
                "taken",
                at.profile,
                named ? "both source_profile and credential_source"
                      : "neither source_profile nor credential_source");
            return CREDENTIALS_BROKEN;
        }
        if (source)
            return from_provider(&at, source, out, err);
        seen[n_seen++] = at.profile;
        if (!open_source(&at, named, seen, n_seen, &next, err))
            return CREDENTIALS_BROKEN;
        if (has_keys(&next) || !is_role(&next))
            return from_keys(&next, named, out, err);
        at = next;
    }
}

/* ---- Taking it ---- */

static bool ask_code(struct credentials_fetch *f, struct err *err)
{
    char code[8];

    if (f->word.len)
        return true;
    if (!f->may_prompt)
        return err_set(
            err, ERR_REFUSED,
            "%s needs a code of the MFA device %s, and there is nobody to ask: start at a "
            "terminal (a run goes on with `sluice resume`), or hand over keys in the "
            "environment",
            f->role->arn, f->role->mfa_serial);
    if (!credentials_ask_mfa(f->role->mfa_serial, code, err))
        return err_prefix(err, "%s: ", f->role->arn);
    buf_add_str(&f->word, code);
    return true;
}

static bool send(struct credentials_fetch *f, struct err *err)
{
    struct buf form SL_CLEANUP(buf_wipe) = {0};

    if (f->tried == 1)
        buf_wipe(&f->word); /* another role's code, or an instance's token */
    if (f->role->mfa_serial && !ask_code(f, err))
        return false;
    credentials_sts_form(&form, "AssumeRole", f->role);
    credentials_sts_add(&form, "ExternalId", f->role->external_id);
    credentials_sts_add(&form, "SerialNumber", f->role->mfa_serial);
    credentials_sts_add(&form, "TokenCode", f->role->mfa_serial ? buf_str(&f->word) : NULL);
    return credentials_sts_send(f, f->role, &form, true, err);
}

static enum credentials_turn took(struct credentials_fetch *f, const struct http_response *r,
                                  struct err *why)
{
    return credentials_sts_took(f, f->role, "assumed role", r, why);
}

const struct credentials_source credentials_source_role = {
    .name = "assume role", .ask = send, .took = took};
