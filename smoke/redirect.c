/* redirect.c: see redirect.h. */
#include "redirect.h"

#include <string.h>
#include <strings.h>

#include "sluice/text.h"

static bool leads_on(uint16_t status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static bool fails(const struct suite_step *step, const struct scope *scope, const char *before,
                  const struct buf *url, const char *after, struct finding *out)
{
    buf_add_str(&out->sentence, before);
    finding_add_shown(&out->sentence, scope->secrets, buf_str(url), url->len);
    buf_add_str(&out->sentence, after);
    out->verdict = RUN_FAIL;
    out->at = step->request.url.at;
    return false;
}

/* Where clouds keep their credentials (RFC 3927, RFC 4291 section 2.5.6; EC2's IPv6 address), as
 * far as a literal address tells. Names that lead there are stopped at the socket. */
static bool is_link_local(const char *host)
{
    static const char *const begins[] = {"169.254.",         "[fe8",         "[fe9", "[fea", "[feb",
                                         "[::ffff:169.254.", "[::ffff:a9fe:"};

    for (size_t i = 0; i < ARRAY_LEN(begins); i++)
        if (strncasecmp(host, begins[i], strlen(begins[i])) == 0)
            return true;
    return strcasecmp(host, "[fd00:ec2::254]") == 0;
}

/* 303 always, and 301 and 302 for a POST, become a GET (RFC 9110 section 15.4.2 to 15.4.4). */
static void choose_method(struct redirect *r, const struct request *request, uint16_t status)
{
    bool post = strcmp(request->method, "POST") == 0, head = strcmp(request->method, "HEAD") == 0;

    if ((status == 303 && !head) || ((status == 301 || status == 302) && post)) {
        r->method = "GET";
        r->no_body = true;
    }
    if (r->bare && strcmp(request->method, "GET") != 0 && !head && !r->no_body) {
        r->method = "GET"; /* a body does not go to another origin */
        r->no_body = true;
    }
}

static bool allowed(const struct redirect *r, const struct suite_step *step,
                    const struct request *request, const struct http_url *to,
                    const struct scope *scope, struct finding *out)
{
    struct buf next SL_CLEANUP(buf_wipe) = {0};

    if (strcmp(request->parts.scheme, "https") == 0 && strcmp(to->scheme, "http") == 0)
        return fails(step, scope, "the redirect leads from https to ", &r->to, "; not followed",
                     out);
    if (is_link_local(to->host))
        return fails(step, scope, "the redirect leads to ", &r->to,
                     ", a link-local address; not followed", out);
    buf_addf(&next, "%s %s", r->method ? r->method : request->method, buf_str(&r->to));
    for (uint32_t i = 0; i < r->n; i++)
        if (strcmp(r->seen[i], buf_str(&next)) == 0)
            return fails(step, scope, "the redirect leads back to ", &r->to, ": a loop", out);
    if (r->n > step->request.follow) {
        buf_addf(&out->met, "%u redirects", r->n);
        buf_addf(&out->expected, "at most %u", step->request.follow);
        return fails(step, scope, "one redirect too many, to ", &r->to, "", out);
    }
    return true;
}

bool redirect_take(struct redirect *r, const struct suite_step *step, const struct request *request,
                   const struct answer *answer, const struct scope *scope, struct finding *out)
{
    const char *location = http_response_find(answer->response, "Location");
    struct http_url to = {0}, first = {0};
    struct buf asked = {0};
    struct err err = {0};
    bool ok;

    if (step->request.follow == 0 || answer->response->outcome != HTTP_OK ||
        !leads_on(answer->response->status) || !location)
        return false;
    if (r->n == 0)
        buf_add_str(&r->first, buf_str(&request->url));
    buf_addf(&asked, "%s %s", request->method, buf_str(&request->url));
    r->seen[r->n++] = buf_take(&asked);
    buf_reset(&r->to);
    if (!http_url_resolve(&r->to, buf_str(&request->url), location, &err) ||
        !http_url_parse(&to, buf_str(&r->to), &err)) {
        struct buf shown SL_CLEANUP(buf_clear) = {0};

        http_url_clear(&to);
        buf_add_str(&shown, location);
        return fails(step, scope, "Location is no url: ", &shown, "", out);
    }
    r->method = strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0
                    ? NULL
                    : r->method;
    r->bare =
        !http_url_parse(&first, buf_str(&r->first), &err) || !http_url_same_origin(&first, &to);
    choose_method(r, request, answer->response->status);
    ok = allowed(r, step, request, &to, scope, out);
    http_url_clear(&to);
    http_url_clear(&first);
    if (!ok)
        buf_reset(&r->to);
    return ok;
}

void redirect_clear(struct redirect *r)
{
    for (uint32_t i = 0; i < r->n; i++)
        free(r->seen[i]);
    buf_wipe(&r->first);
    buf_wipe(&r->to);
    *r = (struct redirect){0};
}
