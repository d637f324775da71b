#include "aws_config.h"

#include <assert.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sluice/common.h"
#include "sluice/text.h"

/* Route 53's endpoints, one a partition, and the ends of the regional services' names. Sources: the
 * services' endpoint rule sets, botocore partitions.json. The first prefix that the region starts
 * with decides; aws is last and takes the rest. */
struct partition {
    const char *name, *prefix, *signing_region;
    const char *plain, *fips, *dual; /* host names; NULL: there is none */
    const char *suffix, *dual_suffix;
};

static const struct partition partitions[] = {
    {"aws-cn", "cn-", "cn-northwest-1", "route53.amazonaws.com.cn", NULL,
     "route53.global.api.amazonwebservices.com.cn", "amazonaws.com.cn",
     "api.amazonwebservices.com.cn"},
    {"aws-us-gov", "us-gov-", "us-gov-west-1", "route53.us-gov.amazonaws.com",
     "route53.us-gov.amazonaws.com", "route53.us-gov.api.aws", "amazonaws.com", "api.aws"},
    {"aws-eusc", "eusc-", "eusc-de-east-1", "route53.amazonaws.eu", NULL,
     "route53.global.api.amazonwebservices.eu", "amazonaws.eu", "api.amazonwebservices.eu"},
    {"aws-iso", "us-iso-", "us-iso-east-1", "route53.c2s.ic.gov", NULL, NULL, "c2s.ic.gov",
     "api.aws.ic.gov"},
    {"aws-iso-b", "us-isob-", "us-isob-east-1", "route53.sc2s.sgov.gov", NULL, NULL,
     "sc2s.sgov.gov", "api.aws.scloud"},
    {"aws-iso-e", "eu-isoe-", "eu-isoe-west-1", "route53.cloud.adc-e.uk", NULL, NULL,
     "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"},
    {"aws-iso-f", "us-isof-", "us-isof-south-1", "route53.csp.hci.ic.gov", NULL, NULL,
     "csp.hci.ic.gov", "api.aws.hci.ic.gov"},
    {"aws", "", "us-east-1", "route53.amazonaws.com", "route53-fips.amazonaws.com",
     "route53.global.api.aws", "amazonaws.com", "api.aws"},
};

const char *aws_config_env(const char *name)
{
    const char *s = getenv(name);

    return s && *s ? s : NULL;
}

const char *aws_config_home(void)
{
    const char *home = aws_config_env("HOME");
    struct passwd *user;

    if (home)
        return home;
    user = getpwuid(getuid());
    return user && user->pw_dir ? user->pw_dir : "/";
}

/* The file a variable names ("~/" is the home directory), else its place below ~/.aws. */
static const char *file_path(struct arena *mem, const char *variable, const char *name)
{
    const char *given = aws_config_env(variable);

    if (!given)
        return arena_printf(mem, "%s/.aws/%s", aws_config_home(), name);
    if (text_starts_with(given, "~/"))
        return arena_printf(mem, "%s%s", aws_config_home(), given + 1);
    return arena_strdup(mem, given);
}

void aws_config_profile(const struct aws_config *c, const char *name,
                        const struct aws_ini_section **in_config,
                        const struct aws_ini_section **in_shared)
{
    *in_config = aws_ini_find(&c->config, "profile", name);
    if (!*in_config && strcmp(name, "default") == 0)
        *in_config = aws_ini_find(&c->config, NULL, "default");
    *in_shared = aws_ini_find(&c->shared, NULL, name);
}

bool aws_config_load(struct aws_config *c, const char *profile, struct err *err)
{
    const char *config_path, *shared_path, *named = profile;

    *c = (struct aws_config){.explicit_profile = profile != NULL};
    if (!named)
        named = aws_config_env("AWS_DEFAULT_PROFILE");
    if (!named)
        named = aws_config_env("AWS_PROFILE");
    c->profile = arena_strdup(&c->mem, named ? named : "default");
    config_path = file_path(&c->mem, "AWS_CONFIG_FILE", "config");
    shared_path = file_path(&c->mem, "AWS_SHARED_CREDENTIALS_FILE", "credentials");
    if (!aws_ini_load(&c->config, &c->mem, config_path, err) ||
        !aws_ini_load(&c->shared, &c->mem, shared_path, err))
        return false;
    aws_config_profile(c, c->profile, &c->in_config, &c->in_shared);
    if (named && !c->in_config && !c->in_shared)
        return err_set(err, ERR_FILE, "the AWS profile '%s' is neither in %s nor in %s", c->profile,
                       config_path, shared_path);
    return true;
}

void aws_config_clear(struct aws_config *c)
{
    arena_clear(&c->mem); /* wipes what it frees */
    *c = (struct aws_config){0};
}

const struct aws_ini_key *aws_config_get(const struct aws_config *c, const char *name)
{
    const struct aws_ini_key *k = aws_ini_get(c->in_config, name);

    return k && *k->value ? k : NULL;
}

const char *aws_config_setting(const struct aws_config *c, const char *variable, const char *key)
{
    const char *s = aws_config_env(variable);
    const struct aws_ini_key *k = s ? NULL : aws_config_get(c, key);

    return s ? s : k ? k->value : NULL;
}

static bool is_true(const char *s)
{
    return s && text_eq_nocase(s, "true");
}

/* variable and key name the service: "AWS_ENDPOINT_URL_STS", "sts.endpoint_url". */
static bool configured_endpoint(const struct aws_config *c, const char *variable, const char *key,
                                const char **out, struct err *err)
{
    const struct aws_ini_key *services, *k = NULL;

    *out = NULL;
    if (is_true(aws_config_setting(c, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
                                   "ignore_configured_endpoint_urls")))
        return true;
    *out = aws_config_env(variable);
    if (!*out)
        *out = aws_config_env("AWS_ENDPOINT_URL");
    if (*out)
        return true;
    services = aws_config_get(c, "services");
    if (services) {
        const struct aws_ini_section *s = aws_ini_find(&c->config, "services", services->value);

        if (!s)
            return err_at(err, ERR_FILE, services->pos, "there is no section [services %s]",
                          services->value);
        k = aws_ini_get(s, key);
    }
    if (!k || !*k->value)
        k = aws_config_get(c, "endpoint_url");
    if (k)
        *out = k->value;
    return true;
}

/* An endpoint is an origin: scheme and host, no path (signing would differ), no query. */
static bool check_endpoint(const char *url, struct err *err)
{
    const char *host = text_starts_with(url, "https://")  ? url + 8
                       : text_starts_with(url, "http://") ? url + 7
                                                          : NULL;

    if (!host || !*host || strpbrk(host, "/?#@ \t"))
        return err_set(err, ERR_FILE,
                       "the endpoint url '%s' must be http:// or https:// and a host, nothing more",
                       url);
    return true;
}

static const struct partition *find_partition(const char *region)
{
    const struct partition *p = partitions;

    while (!text_starts_with(region, p->prefix))
        p++;
    return p;
}

static const char *region_of(const struct aws_config *c)
{
    if (aws_config_env("AWS_DEFAULT_REGION") && !aws_config_env("AWS_REGION"))
        return aws_config_env("AWS_DEFAULT_REGION");
    return aws_config_setting(c, "AWS_REGION", "region");
}

static bool take_endpoint(struct aws_config *c, const char *url, const char **out, struct err *err)
{
    size_t len = strlen(url);

    if (len && url[len - 1] == '/')
        len--;
    *out = arena_strndup(&c->mem, url, len);
    return check_endpoint(*out, err);
}

static const char *own_host(const struct aws_config *c, const struct partition *p, struct err *err)
{
    bool fips = is_true(aws_config_setting(c, "AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint"));
    bool dual =
        is_true(aws_config_setting(c, "AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint"));
    const char *host = fips ? p->fips : dual ? p->dual : p->plain;

    if (!host || (fips && dual)) {
        err_set(err, ERR_FILE, "Route 53 has no %s%s%s endpoint in partition %s",
                fips ? "FIPS" : "", fips && dual ? " dual-stack" : "",
                dual && !fips ? "dual-stack" : "", p->name);
        return NULL;
    }
    return host;
}

bool aws_config_route53(struct aws_config *c, const char *endpoint_url, struct aws_route53 *out,
                        struct err *err)
{
    const char *region = region_of(c), *url = endpoint_url;
    const struct partition *p = find_partition(region ? region : "");
    const char *host;

    *out = (struct aws_route53){.signing_region = p->signing_region, .partition = p->name};
    out->ca_file = arena_strdup(&c->mem, aws_config_setting(c, "AWS_CA_BUNDLE", "ca_bundle"));
    if (!url &&
        !configured_endpoint(c, "AWS_ENDPOINT_URL_ROUTE_53", "route_53.endpoint_url", &url, err))
        return false;
    if (url)
        return take_endpoint(c, url, &out->endpoint, err);
    host = own_host(c, p, err);
    if (!host)
        return false;
    out->endpoint = arena_printf(&c->mem, "https://%s", host);
    return true;
}

/* ---- Services with an endpoint a region ---- */

/* A region becomes part of a host name, so it must not be able to be more than that. */
static bool check_region(const char *region, struct err *err)
{
    if (*region && region[strspn(region, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0')
        return true;
    return err_set(err, ERR_FILE, "'%s' is no AWS region", region);
}

static const char *regional(struct aws_config *c, const char *name, const char *region)
{
    const struct partition *p = find_partition(region);
    bool fips = is_true(aws_config_setting(c, "AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint"));
    bool dual =
        is_true(aws_config_setting(c, "AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint"));

    /* In GovCloud the plain name is the FIPS one. */
    if (fips && !dual && strcmp(p->name, "aws-us-gov") == 0)
        fips = false;
    return arena_printf(&c->mem, "https://%s%s.%s.%s", name, fips ? "-fips" : "", region,
                        dual ? p->dual_suffix : p->suffix);
}

/* What AWS_STS_REGIONAL_ENDPOINTS=legacy sends to the global endpoint. Source: AWS SDKs and Tools
 * Reference Guide, "AWS STS Regional endpoints". */
static bool is_legacy_region(const struct aws_config *c, const char *region)
{
    static const char *const old[] = {
        "ap-northeast-1", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "ca-central-1",
        "eu-central-1",   "eu-north-1", "eu-west-1",      "eu-west-2",      "eu-west-3",
        "sa-east-1",      "us-east-1",  "us-east-2",      "us-west-1",      "us-west-2"};
    const char *mode =
        aws_config_setting(c, "AWS_STS_REGIONAL_ENDPOINTS", "sts_regional_endpoints");

    for (size_t i = 0; mode && text_eq_nocase(mode, "legacy") && i < ARRAY_LEN(old); i++)
        if (strcmp(region, old[i]) == 0)
            return true;
    return false;
}

/* The partition in "arn:aws-cn:iam::123456789012:role/x" is where the role can be taken at all. */
static const struct partition *partition_of(const char *arn)
{
    for (size_t i = 0; i < ARRAY_LEN(partitions); i++) {
        const char *name = partitions[i].name;
        size_t len = strlen(name);

        if (text_starts_with(arn, "arn:") && strncmp(arn + 4, name, len) == 0 &&
            arn[4 + len] == ':')
            return &partitions[i];
    }
    return &partitions[ARRAY_LEN(partitions) - 1];
}

bool aws_config_sts(struct aws_config *c, const char *role_arn, struct aws_service *out,
                    struct err *err)
{
    const char *region = region_of(c), *url = NULL;
    bool known = region && strcmp(region, "aws-global") != 0;

    if (!known)
        region = partition_of(role_arn)->signing_region;
    out->region = arena_strdup(&c->mem, region);
    out->ca_file = arena_strdup(&c->mem, aws_config_setting(c, "AWS_CA_BUNDLE", "ca_bundle"));
    if (!check_region(region, err) ||
        !configured_endpoint(c, "AWS_ENDPOINT_URL_STS", "sts.endpoint_url", &url, err))
        return false;
    if (url)
        return take_endpoint(c, url, &out->endpoint, err);
    if (known && is_legacy_region(c, region)) {
        out->endpoint = "https://sts.amazonaws.com";
        out->region = "us-east-1";
        return true;
    }
    out->endpoint = regional(c, "sts", region);
    return true;
}

bool aws_config_sso(struct aws_config *c, const char *region, struct aws_service *out,
                    struct err *err)
{
    const char *url = NULL;

    out->region = region;
    out->ca_file = arena_strdup(&c->mem, aws_config_setting(c, "AWS_CA_BUNDLE", "ca_bundle"));
    if (!check_region(region, err) ||
        !configured_endpoint(c, "AWS_ENDPOINT_URL_SSO", "sso.endpoint_url", &url, err))
        return false;
    if (url)
        return take_endpoint(c, url, &out->endpoint, err);
    out->endpoint = regional(c, "portal.sso", region);
    return true;
}

char *aws_config_host(const char *endpoint)
{
    bool tls = text_starts_with(endpoint, "https://");
    const char *host = strstr(endpoint, "://"), *own = tls ? ":443" : ":80";
    size_t len;

    assert(host);
    host += 3;
    len = strlen(host);
    if (text_ends_with(host, own))
        len -= strlen(own);
    return x_strndup(host, len);
}
