/* credentials_inner.h: what the providers share with the chain (credentials.c) and with the one who
 * fetches (credentials_fetch.c).
 *
 *   look ── providers, in order ──► recipe ── fetch: base source ──► role ──► role ──► keys
 *
 * A provider looks at files and variables only. A source is the other half of a provider that has
 * to ask somebody: ask() sends the request of the present stage, took() or ended() judges what
 * came. */
#ifndef SLUICE_CREDENTIALS_INNER_H
#define SLUICE_CREDENTIALS_INNER_H

#include <jansson.h>

#include "aws_config.h"
#include "credentials.h"
#include "sluice/buf.h"
#include "sluice/spawn.h"

#define CREDENTIALS_ROLES_MAX   8 /* of one chain of source profiles */
#define CREDENTIALS_ANSWER_MAX  ((size_t)64 * 1024)
#define CREDENTIALS_SHOWN_MAX   300 /* of foreign text in a message */
#define CREDENTIALS_ARGS_MAX    64
#define CREDENTIALS_PROCESS_MS  60000
#define CREDENTIALS_SESSION_MAX 64 /* RoleSessionName */

enum credentials_found { CREDENTIALS_NONE, CREDENTIALS_FOUND, CREDENTIALS_BROKEN };

/* The profile that is looked at. */
struct credentials_look {
    struct aws_config *config; /* lends memory, too */
    const char *profile;
    const struct aws_ini_section *in_config, *in_shared;
    bool environment; /* its keys and web identity count */
};

struct credentials_source;
struct credentials_fetch;

struct credentials_role {
    const char *arn, *external_id, *session_name, *mfa_serial; /* NULL: none */
    uint32_t duration_s;                                       /* 0: the service's default, 1 h */
};

struct credentials_recipe {
    const struct credentials_source *base; /* NULL: keys are it */
    struct credentials keys;               /* owned */
    const char *profile;                   /* that the base belongs to */
    struct pos pos;                        /* of the key that asks for it; zeroed: a variable */

    const char *command;            /* credential_process */
    const char *url;                /* container, instance metadata: where */
    const char *token, *token_file; /* container: authorization; web identity, SSO: the file */
    uint32_t timeout_ms, tries;     /* instance metadata */
    bool last_resort;               /* instance metadata that nothing asked for by name */
    const char *sso_region, *sso_account, *sso_role;
    struct credentials_role web; /* web identity: whom it makes us */

    struct credentials_role roles[CREDENTIALS_ROLES_MAX]; /* taken from the last to the first */
    size_t n_roles;
};

typedef enum credentials_found credentials_provider(const struct credentials_look *look,
                                                    struct credentials_recipe *out,
                                                    struct err *err);

credentials_provider credentials_env;          /* AWS_ACCESS_KEY_ID and so on */
credentials_provider credentials_assume_role;  /* role_arn of the profile */
credentials_provider credentials_web_identity; /* AWS_WEB_IDENTITY_TOKEN_FILE, or the profile's */
credentials_provider credentials_sso;          /* sso_account_id, sso_role_name */
credentials_provider credentials_shared_file;  /* keys in the shared credentials file */
credentials_provider credentials_login;        /* login_session: refused by name */
credentials_provider credentials_process;      /* credential_process */
credentials_provider credentials_config_file;  /* keys in the config file */
credentials_provider credentials_container;    /* AWS_CONTAINER_CREDENTIALS_* */
credentials_provider credentials_metadata;     /* the EC2 instance's role, IMDSv2 */

/* A key of the profile in either file, the shared credentials file's first; NULL when absent or
 * empty. */
const struct aws_ini_key *credentials_key(const struct credentials_look *look, const char *name);
/* Opens another profile for a look; false when neither file has it. */
bool credentials_open_profile(const struct credentials_look *from, const char *profile,
                              struct credentials_look *out);
/* What a source profile without role_arn offers: no environment, container or instance. */
enum credentials_found credentials_profile_chain(const struct credentials_look *look,
                                                 struct credentials_recipe *out, struct err *err);
/* The whole chain into a recipe; role_arn comes on top. Clear the recipe's keys also after a
 * failure. */
bool credentials_find(struct aws_config *config, const char *role_arn,
                      struct credentials_recipe *out, struct err *err) SL_MUST_CHECK;

/* As the shell reads words, without its expansions: blanks part, '...' is literal, "..." knows \"
 * and
 * \\, a backslash outside quotes takes the next character as it is. NULL-terminated, in mem. NULL
 * with err (ERR_FILE): a quote without its end, nothing, more than CREDENTIALS_ARGS_MAX. */
const char *const *credentials_split(struct arena *mem, const char *command, struct err *err);
/* {AccessKeyId, SecretAccessKey, token_key, Expiration}. A missing field is ERR_PROTOCOL. */
bool credentials_from_json(struct credentials *out, const char *source, const json_t *root,
                           const char *token_key, struct err *err) SL_MUST_CHECK;
/* Whether a plain-http url may be asked for a container's credentials: loopback and the agents'. */
bool credentials_is_container_host(const char *host);
/* A code from a person at the terminal; ERR_REFUSED when there is none. */
bool credentials_ask_mfa(const char *serial, char code[8], struct err *err) SL_MUST_CHECK;

/* ---- Fetching ---- */

enum credentials_turn {
    CREDENTIALS_HAVE,   /* f->keys are it */
    CREDENTIALS_NEXT,   /* the next stage */
    CREDENTIALS_AGAIN,  /* the same stage once more, if a try is left; why says what was wrong */
    CREDENTIALS_FAILED, /* why says it */
};

struct credentials_source {
    const char *name; /* begins every message: "credential_process" */
    /* Sends by credentials_fetch_http() or _spawn(); sets tries and pause_ms at the first. */
    bool (*ask)(struct credentials_fetch *f, struct err *err);
    enum credentials_turn (*took)(struct credentials_fetch *f, const struct http_response *r,
                                  struct err *why);
    enum credentials_turn (*ended)(struct credentials_fetch *f, const struct spawn_result *r,
                                   struct err *why);
};

extern const struct credentials_source credentials_source_process;
extern const struct credentials_source credentials_source_container;
extern const struct credentials_source credentials_source_metadata;
extern const struct credentials_source credentials_source_sso;
extern const struct credentials_source credentials_source_web_identity;
extern const struct credentials_source credentials_source_role;

struct credentials_fetch {
    struct aws_config config;
    struct credentials_recipe recipe;
    struct http *http;
    struct secret_set *secrets;
    bool may_prompt;

    const struct credentials_source *source;
    const struct credentials_role *role; /* being taken */
    size_t roles_left;
    int stage;
    uint32_t tried, tries; /* in this stage */
    int64_t pause_ms, due_ms, now_ms;
    uint64_t http_id;
    struct spawn *spawn;
    struct buf word;   /* instance metadata: session token; role: MFA code */
    struct buf detail; /* instance metadata: name of the role */
    int64_t skew_ms;   /* of the service's clock, once a refusal showed it */
    bool skewed;

    struct credentials keys; /* in hand so far */
    bool over;
    struct err err;
};

void credentials_fetch_http(struct credentials_fetch *f, const struct http_request *request);
bool credentials_fetch_spawn(struct credentials_fetch *f, const struct spawn_request *request,
                             struct err *err) SL_MUST_CHECK;
/* Also hide this, which is no key of ours. */
void credentials_fetch_hide(struct credentials_fetch *f, const char *name, const char *value);
/* Puts keys in hand after checking that they still live. */
bool credentials_fetch_keep(struct credentials_fetch *f, struct credentials *keys,
                            struct err *err) SL_MUST_CHECK;
/* Sets why to what an answer of that status that is not the awaited one says, and tells whether it
 * is worth another try. */
enum credentials_turn credentials_fetch_refused(const struct http_response *r, struct err *why);

#endif
