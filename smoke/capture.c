/* capture.c: by JSON pointer, pattern or header. */
#include "capture.h"

#include <stdio.h>
#include <string.h>

#include "cookie.h"
#include "sluice/json.h"
#include "sluice/text.h"

static bool missing(const struct suite_capture *capture, struct finding *out, const char *why)
{
    out->verdict = RUN_FAIL;
    out->at = capture->at;
    buf_addf(&out->sentence, "'%s' could not be captured: %s", capture->name, why);
    return false;
}

static bool keep(const struct suite_capture *capture, struct scope_value *out, const char *s,
                 size_t len, struct finding *finding)
{
    if (len > CAPTURE_BYTES_MAX)
        return missing(capture, finding, "the value is longer than 16 KiB");
    buf_wipe(&out->data);
    buf_add(&out->data, s, len);
    out->set = true;
    return true;
}

static bool take_json(const struct suite_capture *capture, struct answer *answer,
                      struct scope_value *out, struct finding *finding)
{
    const json_t *root = answer_json(answer);
    const json_t *value = root ? json_pointer_get(root, capture->from) : NULL;
    struct buf text SL_CLEANUP(buf_wipe) = {0};

    if (!root)
        return missing(capture, finding, "the body is not JSON");
    if (!value || json_is_null(value))
        return missing(capture, finding, value ? "the value is null" : "nothing is there");
    if (json_is_string(value))
        buf_add(&text, json_string_value(value), json_string_length(value));
    else
        json_add_compact(&text, value);
    return keep(capture, out, buf_str(&text), text.len, finding);
}

static bool take_regex(const struct suite_capture *capture, const struct http_response *response,
                       struct scope_value *out, struct finding *finding)
{
    struct regex_span spans[2];
    const char *text = buf_str(&response->body);
    const struct regex_span *span;

    switch (regex_find(capture->regex, text, response->body.len, spans, 2)) {
    case REGEX_MATCH:
        span = regex_groups(capture->regex) > 0 ? &spans[1] : &spans[0];
        if (span->start == SIZE_MAX)
            return missing(capture, finding, "the pattern's group took no part in the match");
        return keep(capture, out, text + span->start, span->end - span->start, finding);
    case REGEX_LIMIT:
        missing(capture, finding, "the pattern needs too many steps");
        finding->verdict = RUN_ERROR;
        return false;
    case REGEX_NO_MATCH:
    default:
        return missing(capture, finding, "the pattern is not found in the body");
    }
}

static bool take_cookie(const struct suite_capture *capture, const struct http_response *response,
                        struct scope_value *out, struct finding *finding)
{
    const char *value;
    size_t len;

    if (!cookie_find_set(response, capture->from, &value, &len))
        return missing(capture, finding, "the answer sets no such cookie");
    return keep(capture, out, value, len, finding);
}

static bool take_certificate(const struct suite_capture *capture, const struct answer *answer,
                             struct scope_value *out, struct finding *finding)
{
    const struct crypto_cert *cert = &answer->response->certificate;
    struct buf text SL_CLEANUP(buf_clear) = {0};

    if (!cert->sha256[0])
        return missing(capture, finding, "the connection is not TLS");
    switch (capture->field) {
    case SUITE_CERT_SUBJECT:
        buf_add_str(&text, cert->subject_cn ? cert->subject_cn : "");
        break;
    case SUITE_CERT_ISSUER:
        buf_add_str(&text, cert->issuer ? cert->issuer : "");
        break;
    case SUITE_CERT_SHA256:
        buf_add_str(&text, cert->sha256);
        break;
    case SUITE_CERT_NOT_AFTER:
        text_format_time(&text, cert->not_after_ms, false);
        break;
    case SUITE_CERT_DAYS_LEFT:
    default:
        buf_addf(&text, "%lld", (long long)((cert->not_after_ms - answer->wall_ms) / 86400000));
        break;
    }
    return keep(capture, out, buf_str(&text), text.len, finding);
}

bool capture_take(const struct suite_capture *capture, struct answer *answer,
                  struct scope_value *out, struct finding *finding)
{
    const char *value;

    switch (capture->kind) {
    case SUITE_CAPTURE_JSON:
        return take_json(capture, answer, out, finding);
    case SUITE_CAPTURE_REGEX:
        return take_regex(capture, answer->response, out, finding);
    case SUITE_CAPTURE_COOKIE:
        return take_cookie(capture, answer->response, out, finding);
    case SUITE_CAPTURE_STATUS: {
        char status[8];

        snprintf(status, sizeof status, "%u", answer->response->status);
        return keep(capture, out, status, strlen(status), finding);
    }
    case SUITE_CAPTURE_CERTIFICATE:
        return take_certificate(capture, answer, out, finding);
    case SUITE_CAPTURE_HEADER:
    default:
        value = http_response_find(answer->response, capture->from);
        if (!value)
            return missing(capture, finding, "the answer has no such header");
        return keep(capture, out, value, strlen(value), finding);
    }
}
