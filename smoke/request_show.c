/* request_show.c: a request as a person sees it: a curl line to paste, a head without credentials.
 */
#include <string.h>
#include <strings.h>

#include "request.h"
#include "sluice/text.h"

/* A shell word: what stands between marks becomes "$NAME". */
static void add_word(struct buf *out, const char *s, size_t len)
{
    const char *end = s + len;

    if (!memchr(s, SCOPE_MARK_BEGIN, len)) {
        text_add_shell(out, s);
        return;
    }
    while (s < end) {
        const char *mark = memchr(s, SCOPE_MARK_BEGIN, (size_t)(end - s));
        const char *close = mark ? memchr(mark, SCOPE_MARK_END, (size_t)(end - mark)) : NULL;
        char *plain;

        if (!close)
            mark = end;
        if (mark > s) {
            plain = x_strndup(s, (size_t)(mark - s));
            text_add_shell(out, plain);
            free(plain);
        }
        if (!close)
            break;
        buf_addf(out, "\"$%.*s\"", (int)(close - mark - 1), mark + 1);
        s = close + 1;
    }
}

static void add_header_word(struct buf *out, const char *name, const char *value)
{
    struct buf word SL_CLEANUP(buf_clear) = {0};

    buf_addf(&word, "%s: %s", name, value);
    buf_add_str(out, " -H ");
    add_word(out, word.data, word.len);
}

/* curl(1) signs by itself: --aws-sigv4 with the keys as its user. */
static void add_curl_aws(struct buf *out, struct scope *scope, const struct suite_sigv4 *aws)
{
    struct buf what SL_CLEANUP(buf_clear) = {0}, keys SL_CLEANUP(buf_clear) = {0};
    struct err err = {0};

    buf_add_str(&what, "aws:amz:");
    if (!scope_expand(scope, &aws->region.tpl, &what, NULL, &err))
        return;
    buf_add_char(&what, ':');
    if (!scope_expand(scope, &aws->service.tpl, &what, NULL, &err) ||
        !scope_expand(scope, &aws->access_key.tpl, &keys, NULL, &err))
        return;
    buf_add_char(&keys, ':');
    if (!scope_expand(scope, &aws->secret_key.tpl, &keys, NULL, &err))
        return;
    buf_add_str(out, " --aws-sigv4 ");
    add_word(out, buf_str(&what), what.len);
    buf_add_str(out, " -u ");
    add_word(out, buf_str(&keys), keys.len);
}

static void add_curl_auth(struct buf *out, struct scope *scope, const struct suite_request *from)
{
    struct buf word SL_CLEANUP(buf_clear) = {0};
    struct err err = {0};

    if (from->auth == SUITE_AUTH_BEARER) {
        if (scope_expand(scope, &from->token.tpl, &word, NULL, &err)) {
            struct buf value SL_CLEANUP(buf_clear) = {0};

            buf_addf(&value, "Bearer %s", buf_str(&word));
            add_header_word(out, "Authorization", buf_str(&value));
        }
    } else if (from->auth == SUITE_AUTH_BASIC) {
        if (!scope_expand(scope, &from->user.tpl, &word, NULL, &err))
            return;
        buf_add_char(&word, ':');
        if (!scope_expand(scope, &from->password.tpl, &word, NULL, &err))
            return;
        buf_add_str(out, " -u ");
        add_word(out, word.data, word.len);
    } else if (from->auth == SUITE_AUTH_OAUTH2) {
        static const char value[] = "Bearer \x01TOKEN\x02";

        add_header_word(out, "Authorization", value);
    } else if (from->auth == SUITE_AUTH_SIGV4) {
        add_curl_aws(out, scope, from->sigv4);
    }
}

static void add_curl_target(struct buf *out, const char *connect_to)
{
    if (!connect_to)
        return;
    buf_add_str(out, " --connect-to ");
    {
        struct buf word SL_CLEANUP(buf_clear) = {0};

        buf_addf(&word, "::%s", connect_to);
        text_add_shell(out, buf_str(&word));
    }
}

static void add_curl_parts(struct buf *out, struct scope *scope, const struct suite_request *from)
{
    for (size_t i = 0; i < from->multipart_n; i++) {
        const struct suite_part *part = &from->multipart[i];
        struct buf word SL_CLEANUP(buf_clear) = {0};
        struct err err = {0};

        buf_addf(&word, "%s=", part->name);
        if (part->data)
            buf_addf(&word, "@%s%s%s", part->filename, part->type ? ";type=" : "",
                     part->type ? part->type : "");
        else if (!scope_expand(scope, &part->value.tpl, &word, NULL, &err))
            return;
        buf_add_str(out, part->data ? " -F " : " --form-string ");
        add_word(out, buf_str(&word), word.len);
    }
}

static void add_curl_body(struct buf *out, struct scope *scope, const struct suite_request *from,
                          const struct request *request)
{
    if (from->body == SUITE_BODY_MULTIPART) {
        add_curl_parts(out, scope, from);
    } else if (from->body == SUITE_BODY_FILE) {
        struct buf word SL_CLEANUP(buf_clear) = {0};

        buf_addf(&word, "@%s", from->file);
        buf_add_str(out, " --data-binary ");
        text_add_shell(out, buf_str(&word));
    } else if (request->has_body) {
        buf_add_str(out, " --data-raw ");
        add_word(out, buf_str(&request->body), request->body.len);
    }
}

static void add_option(struct buf *out, const char *option, const char *value)
{
    if (!value)
        return;
    buf_add_str(out, option);
    text_add_shell(out, value);
}

static void add_curl_transport(struct buf *out, struct scope *scope,
                               const struct suite_request *from)
{
    struct buf proxy SL_CLEANUP(buf_clear) = {0};
    struct err err = {0};

    if (from->http)
        buf_add_str(out, from->http == SUITE_HTTP_2 ? " --http2" : " --http1.1");
    if (from->compressed)
        buf_add_str(out, " --compressed");
    if (from->follow)
        buf_addf(out, " -L --max-redirs %u", from->follow);
    add_option(out, " --cert ", from->cert_file);
    add_option(out, " --key ", from->key_file);
    add_option(out, " --cacert ", from->ca_file);
    if (from->proxy.text && scope_expand(scope, &from->proxy.tpl, &proxy, NULL, &err)) {
        buf_add_str(out, " -x ");
        add_word(out, buf_str(&proxy), proxy.len);
    }
}

void request_add_curl(struct buf *out, struct scope *scope, const struct suite_request *from,
                      const char *previous, const char *connect_to, bool cookies)
{
    static const char cookie_mark[] = {SCOPE_MARK_BEGIN, 'C', 'O', 'O', 'K', 'I', 'E',
                                       SCOPE_MARK_END,   0};
    static const char sign_mark[] = {SCOPE_MARK_BEGIN, 'S', 'I', 'G', 'N', 'A', 'T', 'U', 'R', 'E',
                                     SCOPE_MARK_END,   0};
    struct request request = {0};
    struct err err = {0};
    bool ok;

    scope->marks = true;
    ok = request_build_url(&request, scope, from, previous, &err) &&
         request_build_plain(&request, scope, from, &err);
    if (ok && request.url.len + request.body.len < REQUEST_CURL_MAX) {
        buf_add_str(out, "curl -sS -i");
        if (from->method == SUITE_HEAD)
            buf_add_str(out, " -I");
        else if (from->method != SUITE_GET && !(from->method == SUITE_POST && request.has_body))
            buf_addf(out, " -X %s", request.method);
        add_curl_target(out, connect_to);
        add_curl_transport(out, scope, from);
        for (size_t i = 0; i < request.headers_n; i++)
            add_header_word(out, request.headers[i].name, request.headers[i].value);
        add_curl_auth(out, scope, from);
        for (size_t i = 0; sign_header_name(&from->sign, i); i++)
            add_header_word(out, sign_header_name(&from->sign, i), sign_mark);
        if (cookies)
            add_header_word(out, "Cookie", cookie_mark);
        add_curl_body(out, scope, from, &request);
        buf_add_char(out, ' ');
        add_word(out, buf_str(&request.url), request.url.len);
    }
    scope->marks = false;
    request_clear(&request);
}

/* A header of the suite's own whose value is nobody's business even though it is no secret there.
 */
static bool is_private(const char *name)
{
    return strcasecmp(name, "Authorization") == 0 || strcasecmp(name, "Cookie") == 0;
}

void request_add_head(struct buf *out, const struct request *request)
{
    buf_addf(out, "%s %s", request->method, request->parts.path);
    if (request->parts.query)
        buf_addf(out, "?%s", request->parts.query);
    buf_addf(out, "\nHost: %s\n", request->parts.host);
    for (size_t i = 0; i < request->headers_n; i++)
        buf_addf(out, "%s: %s\n", request->headers[i].name,
                 request->hidden[i] || is_private(request->headers[i].name)
                     ? "[not shown]"
                     : request->headers[i].value);
}
