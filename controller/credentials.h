/* credentials.h: the keys requests are signed with, from the documented AWS chain.
 *
 * Providers are asked in order; the first that has something answers. One that is configured but broken
 * (a key without its secret, a file that cannot be read, a kind of credentials this program cannot
 * fetch) is an error, never a skip: signing as somebody else is worse than not signing. One provider a
 * file: credentials_env.c, credentials_files.c. Source: AWS SDKs and Tools Reference Guide, "Standardized
 * credential providers"; order as in botocore credentials.py. */
#ifndef SLUICE_CREDENTIALS_H
#define SLUICE_CREDENTIALS_H

#include <stdbool.h>
#include <stdint.h>

#include "aws_config.h"
#include "sluice/err.h"
#include "sluice/secret.h"

#define CREDENTIALS_BYTES_MAX 16384 /* of one field; session tokens have no documented bound */

struct credentials {
    char *key_id;       /* owned */
    char *secret_key;   /* owned */
    char *token;        /* owned; NULL without a session */
    int64_t expires_ms; /* Unix ms; 0: not known to expire */
    const char *source; /* static: "environment", "shared credentials file", ... */
};

enum credentials_found { CREDENTIALS_NONE, CREDENTIALS_FOUND, CREDENTIALS_BROKEN };

typedef enum credentials_found credentials_provider(const struct aws_config *config,
                                                    struct credentials *out, struct err *err);

/* Asks the chain. Nothing found is ERR_DENIED and says where it looked. Clear out also after failure. */
bool credentials_find(const struct aws_config *config, struct credentials *out, struct err *err)
    SL_MUST_CHECK;

/* aws_config_load() and credentials_find() in one: at the start, and again when the service calls the
 * keys expired, for somebody may have renewed the files meanwhile. */
bool credentials_load(const char *profile, struct credentials *out, struct err *err) SL_MUST_CHECK;

/* Keeps secret key and token out of every sink. */
bool credentials_conceal(const struct credentials *c, struct secret_set *secrets, struct err *err)
    SL_MUST_CHECK;

bool credentials_eq(const struct credentials *a, const struct credentials *b);
struct credentials credentials_copy(const struct credentials *from);
void credentials_clear(struct credentials *c); /* wipes; {0} and twice are fine */

/* For providers: copies the three fields after checking that none holds a blank, a control byte or too
 * much, which no real one does and which would break the request's header. NULL token is none. */
bool credentials_set(struct credentials *out, const char *source, const char *key_id,
                     const char *secret_key, const char *token, struct err *err) SL_MUST_CHECK;

/* AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN (AWS_SECURITY_TOKEN),
 * AWS_CREDENTIAL_EXPIRATION. Not asked when the caller named a profile. */
credentials_provider credentials_env;
/* aws_access_key_id and so on of the profile: shared credentials file, then config file. */
credentials_provider credentials_shared_file;
credentials_provider credentials_config_file;
/* Kinds that are recognised and refused by name: role_arn, web identity, SSO, credential_process,
 * container and instance metadata endpoints. */
credentials_provider credentials_assume_role;
credentials_provider credentials_web_identity;
credentials_provider credentials_sso;
credentials_provider credentials_process;
credentials_provider credentials_container;

#endif
