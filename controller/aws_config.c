#include "aws_config.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sluice/common.h"
#include "sluice/text.h"

/* Route 53's endpoints, one a partition. Source: the service's endpoint rule set. The first prefix
 * that the region starts with decides; aws is last and takes the rest. */
struct partition {
    const char *name, *prefix, *signing_region;
    const char *plain, *fips, *dual; /* host names; NULL: there is none */
};

static const struct partition partitions[] = {
    {"aws-cn", "cn-", "cn-northwest-1", "route53.amazonaws.com.cn", NULL,
     "route53.global.api.amazonwebservices.com.cn"},
    {"aws-us-gov", "us-gov-", "us-gov-west-1", "route53.us-gov.amazonaws.com",
     "route53.us-gov.amazonaws.com", "route53.us-gov.api.aws"},
    {"aws-eusc", "eusc-", "eusc-de-east-1", "route53.amazonaws.eu", NULL,
     "route53.global.api.amazonwebservices.eu"},
    {"aws-iso", "us-iso-", "us-iso-east-1", "route53.c2s.ic.gov", NULL, NULL},
    {"aws-iso-b", "us-isob-", "us-isob-east-1", "route53.sc2s.sgov.gov", NULL, NULL},
    {"aws-iso-e", "eu-isoe-", "eu-isoe-west-1", "route53.cloud.adc-e.uk", NULL, NULL},
    {"aws-iso-f", "us-isof-", "us-isof-south-1", "route53.csp.hci.ic.gov", NULL, NULL},
    {"aws", "", "us-east-1", "route53.amazonaws.com", "route53-fips.amazonaws.com",
     "route53.global.api.aws"},
};

const char *aws_config_env(const char *name)
{
    const char *s = getenv(name);

    return s && *s ? s : NULL;
}

static const char *home_directory(void)
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
        return arena_printf(mem, "%s/.aws/%s", home_directory(), name);
    if (text_starts_with(given, "~/"))
        return arena_printf(mem, "%s%s", home_directory(), given + 1);
    return arena_strdup(mem, given);
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
    c->in_config = aws_ini_find(&c->config, "profile", c->profile);
    if (!c->in_config && strcmp(c->profile, "default") == 0)
        c->in_config = aws_ini_find(&c->config, NULL, "default");
    c->in_shared = aws_ini_find(&c->shared, NULL, c->profile);
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

/* A variable, else a key of the profile; NULL when neither is set. */
static const char *setting(const struct aws_config *c, const char *variable, const char *key)
{
    const char *s = aws_config_env(variable);
    const struct aws_ini_key *k = s ? NULL : aws_config_get(c, key);

    return s ? s : k ? k->value : NULL;
}

static bool is_true(const char *s)
{
    return s && text_eq_nocase(s, "true");
}

static bool configured_endpoint(const struct aws_config *c, const char **out, struct err *err)
{
    const struct aws_ini_key *services, *k = NULL;

    *out = NULL;
    if (is_true(
            setting(c, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "ignore_configured_endpoint_urls")))
        return true;
    *out = aws_config_env("AWS_ENDPOINT_URL_ROUTE_53");
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
        k = aws_ini_get(s, "route_53.endpoint_url");
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

static const char *own_host(const struct aws_config *c, const struct partition *p, struct err *err)
{
    bool fips = is_true(setting(c, "AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint"));
    bool dual = is_true(setting(c, "AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint"));
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
    const char *region = setting(c, "AWS_REGION", "region"), *url = endpoint_url;
    const struct partition *p;
    size_t len;

    if (aws_config_env("AWS_DEFAULT_REGION") && !aws_config_env("AWS_REGION"))
        region = aws_config_env("AWS_DEFAULT_REGION");
    p = find_partition(region ? region : "");
    *out = (struct aws_route53){.signing_region = p->signing_region, .partition = p->name};
    out->ca_file = arena_strdup(&c->mem, setting(c, "AWS_CA_BUNDLE", "ca_bundle"));
    if (!url && !configured_endpoint(c, &url, err))
        return false;
    if (!url) {
        const char *host = own_host(c, p, err);

        if (!host)
            return false;
        out->endpoint = arena_printf(&c->mem, "https://%s", host);
        return true;
    }
    len = strlen(url);
    if (len && url[len - 1] == '/')
        len--;
    out->endpoint = arena_strndup(&c->mem, url, len);
    return check_endpoint(out->endpoint, err);
}
