/* Credentials of a container: ECS's agent, EKS Pod Identity. Plain http only to this machine or to
 * the agents' fixed addresses, for what comes back is keys. Sources: AWS SDKs and Tools Reference
 * Guide, "Container credential provider"; botocore utils.py (hosts, 2 s, 3 tries a second apart).
 */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "credentials_inner.h"
#include "sluice/file.h"
#include "sluice/json.h"
#include "sluice/text.h"

#define AGENT     "http://169.254.170.2"
#define TOKEN_MAX ((size_t)16 * 1024)
#define TRIES     3
#define PAUSE_MS  1000
#define TOTAL_MS  2000

bool credentials_is_container_host(const char *host)
{
    static const char *const hosts[] = {"169.254.170.2", "169.254.170.23", "[fd00:ec2::23]",
                                        "[::1]", "localhost"};
    unsigned part[4];
    char end;

    for (size_t i = 0; i < ARRAY_LEN(hosts); i++)
        if (strcmp(host, hosts[i]) == 0)
            return true;
    /* 127.0.0.0/8 in its plain form: "127.0.0.1.example.com" is a name. */
    return strspn(host, "0123456789.") == strlen(host) &&
           sscanf(host, "%3u.%3u.%3u.%3u%c", &part[0], &part[1], &part[2], &part[3], &end) == 4 &&
           part[0] == 127;
}

static bool check_url(const char *url, const char *variable, struct err *err)
{
    struct http_url u = {0};
    bool ok = http_url_parse(&u, url, err);

    if (ok && strcmp(u.scheme, "https") != 0 && !credentials_is_container_host(u.host))
        ok = err_set(err, ERR_FILE,
                     "'%s' is neither https nor this machine nor one of 169.254.170.2, "
                     "169.254.170.23, [fd00:ec2::23]",
                     u.host);
    http_url_clear(&u);
    return ok || err_prefix(err, "%s: ", variable);
}

enum credentials_found credentials_container(const struct credentials_look *look,
                                             struct credentials_recipe *out, struct err *err)
{
    const char *relative = aws_config_env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *full = aws_config_env("AWS_CONTAINER_CREDENTIALS_FULL_URI");

    if (!relative && !full)
        return CREDENTIALS_NONE;
    if (relative && relative[0] != '/') {
        err_set(err, ERR_FILE, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI must begin with a /");
        return CREDENTIALS_BROKEN;
    }
    out->base = &credentials_source_container;
    out->url = relative ? arena_printf(&look->config->mem, AGENT "%s", relative)
                        : arena_strdup(&look->config->mem, full);
    out->token =
        arena_strdup(&look->config->mem, aws_config_env("AWS_CONTAINER_AUTHORIZATION_TOKEN"));
    out->token_file =
        arena_strdup(&look->config->mem, aws_config_env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"));
    if (check_url(out->url,
                  relative ? "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
                           : "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                  err))
        return CREDENTIALS_FOUND;
    return CREDENTIALS_BROKEN;
}

/* The file wins, and is read anew every time: its token is replaced while we run. */
static bool read_token(struct credentials_fetch *f, struct buf *out, struct err *err)
{
    if (f->recipe.token_file) {
        if (!file_read(out, f->recipe.token_file, TOKEN_MAX, err))
            return err_prefix(err, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: ");
    } else if (f->recipe.token) {
        buf_add_str(out, f->recipe.token);
    }
    if (out->len && (memchr(out->data, '\r', out->len) || memchr(out->data, '\n', out->len) ||
                     memchr(out->data, '\0', out->len)))
        return err_set(err, ERR_FILE, "the authorization token in %s holds a line break",
                       f->recipe.token_file ? f->recipe.token_file
                                            : "AWS_CONTAINER_AUTHORIZATION_TOKEN");
    return true;
}

static bool send(struct credentials_fetch *f, struct err *err)
{
    struct buf token SL_CLEANUP(buf_wipe) = {0};
    struct http_header headers[2] = {{"Accept", "application/json"}};
    struct http_request q = {.url = f->recipe.url,
                             .headers = headers,
                             .headers_n = 1,
                             .connect_ms = TOTAL_MS,
                             .total_ms = TOTAL_MS,
                             .body_keep = CREDENTIALS_ANSWER_MAX,
                             .body_max = CREDENTIALS_ANSWER_MAX,
                             .version = HTTP_VERSION_1_1,
                             .link_local = true};

    f->tries = TRIES;
    f->pause_ms = PAUSE_MS;
    q.ca_file = aws_config_setting(&f->config, "AWS_CA_BUNDLE", "ca_bundle");
    if (!read_token(f, &token, err))
        return false;
    if (token.len) {
        credentials_fetch_hide(f, "aws_container_token", buf_str(&token));
        headers[q.headers_n++] = (struct http_header){"Authorization", buf_str(&token)};
    }
    credentials_fetch_http(f, &q);
    return true;
}

static enum credentials_turn took(struct credentials_fetch *f, const struct http_response *r,
                                  struct err *why)
{
    struct credentials keys SL_CLEANUP(credentials_clear) = {0};
    json_t *root;
    bool ok;

    if (r->status != 200)
        return credentials_fetch_refused(r, why);
    root = json_parse(buf_str(&r->body), r->body.len, NULL);
    ok = credentials_from_json(&keys, "container", root, "Token", why) &&
         credentials_fetch_keep(f, &keys, why);
    json_decref(root);
    return ok ? CREDENTIALS_HAVE : CREDENTIALS_FAILED;
}

const struct credentials_source credentials_source_container = {
    .name = "container credentials", .ask = send, .took = took};
