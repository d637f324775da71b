/* What an answer of Route 53 means: pure. */
#include <string.h>

#include "route53.h"
#include "sluice/common.h"
#include "sluice/text.h"

/* Source: Route 53 API reference, errors of each call; AWS "Common errors"; the throttling codes of
 * the AWS SDKs' standard retry mode. A health check that is gone is a fault of the batch, not of
 * the zone. */
static const struct {
    const char *code;
    enum router_outcome outcome;
} codes[] = {
    {"InvalidChangeBatch", ROUTER_REFUSED},
    {"NoSuchHealthCheck", ROUTER_REFUSED},
    {"PriorRequestNotComplete", ROUTER_BUSY},
    {"Throttling", ROUTER_BUSY},
    {"ThrottlingException", ROUTER_BUSY},
    {"ThrottledException", ROUTER_BUSY},
    {"RequestThrottled", ROUTER_BUSY},
    {"RequestThrottledException", ROUTER_BUSY},
    {"TooManyRequestsException", ROUTER_BUSY},
    {"RequestLimitExceeded", ROUTER_BUSY},
    {"BandwidthLimitExceeded", ROUTER_BUSY},
    {"SlowDown", ROUTER_BUSY},
    {"NoSuchHostedZone", ROUTER_MISSING},
    {"NoSuchChange", ROUTER_MISSING},
    {"NoSuchTrafficPolicyInstance", ROUTER_MISSING},
    {"AccessDenied", ROUTER_DENIED},
    {"AccessDeniedException", ROUTER_DENIED},
    {"NotAuthorized", ROUTER_DENIED},
    {"AuthFailure", ROUTER_DENIED},
    {"OptInRequired", ROUTER_DENIED},
    {"InvalidClientTokenId", ROUTER_DENIED},
    {"InvalidAccessKeyId", ROUTER_DENIED},
    {"UnrecognizedClientException", ROUTER_DENIED},
    {"ExpiredToken", ROUTER_DENIED},
    {"ExpiredTokenException", ROUTER_DENIED},
    {"MissingAuthenticationToken", ROUTER_DENIED},
    {"SignatureDoesNotMatch", ROUTER_DENIED},
    {"InvalidSignatureException", ROUTER_DENIED},
    {"IncompleteSignature", ROUTER_DENIED},
    {"RequestExpired", ROUTER_DENIED},
    {"RequestTimeTooSkewed", ROUTER_DENIED},
    {"RequestInTheFuture", ROUTER_DENIED},
};

enum router_outcome route53_classify(const char *code, int http_status, bool known)
{
    /* An answer of a proxy, a load balancer, a captive portal says nothing about the request; nor
     * does any 5xx, which may come after the change was made. */
    if (!known || http_status < 400 || http_status >= 500)
        return ROUTER_UNKNOWN;
    for (size_t i = 0; i < ARRAY_LEN(codes); i++)
        if (strcmp(codes[i].code, code) == 0)
            return codes[i].outcome;
    switch (http_status) {
    case 403:
        return ROUTER_DENIED;
    case 404:
        return ROUTER_MISSING;
    case 408: /* gave up waiting for us */
        return ROUTER_UNKNOWN;
    case 429:
        return ROUTER_BUSY;
    default:
        return ROUTER_INVALID;
    }
}

bool route53_measure_skew(int64_t date_ms, bool has_age, int64_t sent_ms, int64_t received_ms,
                          int64_t *skew_ms)
{
    if (date_ms <= 0 || has_age || received_ms < sent_ms ||
        received_ms - sent_ms > ROUTE53_TRIP_MAX_MS)
        return false;
    *skew_ms = date_ms - (sent_ms + (received_ms - sent_ms) / 2);
    return true;
}
