/* aws_config.h: which profile, endpoint, region and CA bundle the AWS environment asks for.
 *
 * Reads AWS_CONFIG_FILE (~/.aws/config) and AWS_SHARED_CREDENTIALS_FILE (~/.aws/credentials) once, and
 * the environment when asked. An empty variable is an unset one. Sources: AWS SDKs and Tools Reference
 * Guide ("Configuration"), botocore configprovider.py for the order of endpoint overrides. */
#ifndef SLUICE_AWS_CONFIG_H
#define SLUICE_AWS_CONFIG_H

#include <stdbool.h>

#include "aws_ini.h"
#include "sluice/arena.h"
#include "sluice/err.h"

struct aws_config {
    struct arena mem;
    const char *profile; /* its name */
    bool explicit_profile; /* by the caller: then keys of the environment do not count */
    struct aws_ini config, shared;
    const struct aws_ini_section *in_config, *in_shared; /* the profile's sections, or NULL */
};

/* How to reach Route 53. Borrowed from the aws_config. */
struct aws_route53 {
    const char *endpoint;       /* "https://route53.amazonaws.com", no slash at the end */
    const char *signing_region; /* "us-east-1" */
    const char *partition;      /* "aws" */
    const char *ca_file;        /* NULL: the system's */
};

/* profile NULL: AWS_PROFILE (AWS_DEFAULT_PROFILE before it, as botocore), else "default". A profile that
 * was named and is in neither file is ERR_FILE; so is a broken file, with its place. Clear it also after
 * a failure. */
bool aws_config_load(struct aws_config *c, const char *profile, struct err *err) SL_MUST_CHECK;
void aws_config_clear(struct aws_config *c);

/* A key of the profile in the config file; NULL when it is absent or empty. */
const struct aws_ini_key *aws_config_get(const struct aws_config *c, const char *name);

/* A profile's sections in both files; NULL where it has none. */
void aws_config_profile(const struct aws_config *c, const char *name,
                        const struct aws_ini_section **in_config,
                        const struct aws_ini_section **in_shared);
/* A variable, else a key of the profile in the config file; NULL when neither is set. */
const char *aws_config_setting(const struct aws_config *c, const char *variable, const char *key);
/* $HOME, else the user's; borrowed. */
const char *aws_config_home(void);

/* getenv() that takes an empty variable for an unset one. */
const char *aws_config_env(const char *name);

/* Endpoint and signing region. endpoint_url, when not NULL, comes before everything; then
 * AWS_ENDPOINT_URL_ROUTE_53, AWS_ENDPOINT_URL, the profile's services section (route_53), its
 * endpoint_url (AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true turns all but the first off); else the
 * partition's own, with AWS_USE_FIPS_ENDPOINT and AWS_USE_DUALSTACK_ENDPOINT. The region (AWS_REGION,
 * AWS_DEFAULT_REGION, the profile's) only chooses the partition: Route 53 is global in each. */
bool aws_config_route53(struct aws_config *c, const char *endpoint_url, struct aws_route53 *out,
                        struct err *err) SL_MUST_CHECK;

/* A service with an endpoint a region. Borrowed from the aws_config. */
struct aws_service {
    const char *endpoint, *region, *ca_file;
};

/* STS, for taking that role: AWS_ENDPOINT_URL_STS, AWS_ENDPOINT_URL, services section (sts) and
 * endpoint_url as above; else the region's own, or without a region that of the role's partition.
 * AWS_STS_REGIONAL_ENDPOINTS=legacy is obeyed. ERR_FILE. */
bool aws_config_sts(struct aws_config *c, const char *role_arn, struct aws_service *out,
                    struct err *err) SL_MUST_CHECK;
/* The portal of IAM Identity Center in that region (AWS_ENDPOINT_URL_SSO, services section: sso). */
bool aws_config_sso(struct aws_config *c, const char *region, struct aws_service *out,
                    struct err *err) SL_MUST_CHECK;

/* The Host header of an endpoint as libcurl writes it: without the scheme's own port. The caller
 * owns it. */
char *aws_config_host(const char *endpoint);

#endif
