/* api_attached.c: health checks and traffic policy instances, to be read. */
#include "api_call.h"

static void add_optional(struct api_call *c, const char *name, const char *text)
{
    if (text)
        api_element(c, name, text);
}

void api_get_health_check(struct api_call *c)
{
    const struct attached_check *h = attached_check_find(&c->sb->attached, c->id);

    if (!h) {
        api_fail(c, 404, "NoSuchHealthCheck", "A health check with id %s does not exist.", c->id);
        return;
    }
    api_open(c, "GetHealthCheckResponse");
    buf_add_str(&c->body, "<HealthCheck>");
    api_element(c, "Id", h->id);
    api_element(c, "CallerReference", h->id);
    buf_add_str(&c->body, "<HealthCheckConfig>");
    add_optional(c, "IPAddress", h->address);
    if (h->port)
        api_elementf(c, "Port", "%d", h->port);
    api_element(c, "Type", h->type);
    add_optional(c, "ResourcePath", h->path);
    add_optional(c, "FullyQualifiedDomainName", h->fqdn);
    api_elementf(c, "RequestInterval", "%d", h->interval_s);
    api_elementf(c, "FailureThreshold", "%d", h->threshold);
    api_element(c, "MeasureLatency", "false");
    api_element(c, "Inverted", h->inverted ? "true" : "false");
    api_element(c, "Disabled", h->disabled ? "true" : "false");
    buf_add_str(&c->body, "</HealthCheckConfig>");
    api_element(c, "HealthCheckVersion", "1");
    buf_add_str(&c->body, "</HealthCheck></GetHealthCheckResponse>");
}

void api_get_policy_instance(struct api_call *c)
{
    const struct attached_policy *p = attached_policy_find(&c->sb->attached, c->id);

    if (!p) {
        api_fail(c, 404, "NoSuchTrafficPolicyInstance",
                 "No traffic policy instance exists with the specified ID.");
        return;
    }
    api_open(c, "GetTrafficPolicyInstanceResponse");
    buf_add_str(&c->body, "<TrafficPolicyInstance>");
    api_element(c, "Id", p->id);
    api_element(c, "HostedZoneId", p->zone);
    api_element(c, "Name", p->name);
    api_elementf(c, "TTL", "%lld", (long long)p->ttl);
    api_element(c, "State", p->state);
    api_element(c, "Message", p->message);
    api_element(c, "TrafficPolicyId", p->policy);
    api_elementf(c, "TrafficPolicyVersion", "%d", p->version);
    api_element(c, "TrafficPolicyType", p->type);
    buf_add_str(&c->body, "</TrafficPolicyInstance></GetTrafficPolicyInstanceResponse>");
}
