/* sigv4_stages: prints what each stage of sluice's signer makes of a request, for test_sigv4.py.
 *
 * One JSON object a line on standard input: method, path, query and headers (lists of pairs), body
 * (base64), time_ms, region, service, key_id, secret_key. One JSON object a line on standard
 * output. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sluice/sigv4.h"
#include "sluice/text.h"

static size_t read_pairs(const json_t *list, struct sigv4_pair pairs[SIGV4_PAIRS_MAX])
{
    size_t i;
    json_t *pair;

    if (json_array_size(list) > SIGV4_PAIRS_MAX)
        abort();
    json_array_foreach(list, i, pair)
    {
        pairs[i].name = json_string_value(json_array_get(pair, 0));
        pairs[i].value = json_string_value(json_array_get(pair, 1));
    }
    return i;
}

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));

    if (!s) {
        fprintf(stderr, "sigv4_stages: no %s in the request\n", key);
        exit(2);
    }
    return s;
}

static bool stages(const json_t *o, struct err *err)
{
    struct sigv4_pair query[SIGV4_PAIRS_MAX], headers[SIGV4_PAIRS_MAX];
    struct sigv4_scope scope = {.region = text_of(o, "region"), .service = text_of(o, "service")};
    struct buf body SL_CLEANUP(buf_clear) = {0}, wire SL_CLEANUP(buf_clear) = {0};
    struct buf canonical SL_CLEANUP(buf_clear) = {0}, names SL_CLEANUP(buf_clear) = {0};
    struct buf to_sign SL_CLEANUP(buf_clear) = {0}, header SL_CLEANUP(buf_clear) = {0};
    struct sigv4_request request = {.method = text_of(o, "method"),
                                    .path = text_of(o, "path"),
                                    .query = query,
                                    .headers = headers};
    char signature[SIGV4_HEX_SIZE];
    json_t *out;

    sigv4_date(json_integer_value(json_object_get(o, "time_ms")), scope.date);
    request.n_query = read_pairs(json_object_get(o, "query"), query);
    request.n_headers = read_pairs(json_object_get(o, "headers"), headers);
    if (!text_parse_base64(text_of(o, "body"), strlen(text_of(o, "body")), &body, err))
        return false;
    request.body = body.data;
    request.body_len = body.len;
    if (!sigv4_query(request.query, request.n_query, &wire, err) ||
        !sigv4_canonical_request(&request, &canonical, &names, err))
        return false;
    sigv4_string_to_sign(&scope, canonical.data, canonical.len, &to_sign);
    sigv4_signature(&scope, text_of(o, "secret_key"), to_sign.data, to_sign.len, signature);
    sigv4_authorization(&scope, text_of(o, "key_id"), buf_str(&names), signature, &header);
    out = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "date", scope.date, "query", buf_str(&wire),
                    "canonical_request", buf_str(&canonical), "string_to_sign", buf_str(&to_sign),
                    "signature", signature, "authorization", buf_str(&header));
    json_dumpf(out, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(out);
    return true;
}

int main(void)
{
    char *line = NULL;
    size_t cap = 0;
    ssize_t len;
    struct err err = {0};
    bool ok = true;

    while (ok && (len = getline(&line, &cap, stdin)) > 0) {
        json_error_t why;
        json_t *o = json_loadb(line, (size_t)len, 0, &why);

        if (o)
            ok = stages(o, &err);
        else
            ok = err_set(&err, ERR_FILE, "line is no JSON: %s", why.text);
        json_decref(o);
    }
    free(line);
    if (!ok)
        fprintf(stderr, "sigv4_stages: %s\n", err.text);
    return ok ? 0 : 1;
}
