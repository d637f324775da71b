#include "sts_xml.h"

#include <string.h>

#include "sluice/common.h"
#include "xml_reader.h"

struct parse {
    struct xml_reader xml;
    struct sts_keys *out;
    size_t inside;     /* depth of the Credentials element; 0: not in one */
    struct buf *field; /* that text goes to */
};

static struct buf *field_of(struct sts_keys *k, const char *name)
{
    const struct {
        const char *name;
        struct buf *to;
    } fields[] = {{"AccessKeyId", &k->key_id},
                  {"SecretAccessKey", &k->secret_key},
                  {"SessionToken", &k->token},
                  {"Expiration", &k->expiration}};

    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        if (strcmp(name, fields[i].name) == 0)
            return fields[i].to;
    return NULL;
}

static void on_start(void *user, const char *name)
{
    struct parse *p = user;
    size_t depth = p->xml.depth;

    if (depth == 1 && strcmp(name, "AssumeRoleResponse") != 0 &&
        strcmp(name, "AssumeRoleWithWebIdentityResponse") != 0)
        xml_stop(&p->xml, ERR_PROTOCOL, "this is not the reply that was asked for");
    p->field = p->inside && depth == p->inside + 1 ? field_of(p->out, name) : NULL;
    if (p->field && p->field->len)
        xml_stop(&p->xml, ERR_PROTOCOL, "a field that is there twice");
    if (!p->inside && strcmp(name, "Credentials") == 0)
        p->inside = depth;
}

static void on_end(void *user)
{
    struct parse *p = user;

    if (p->inside == p->xml.depth)
        p->inside = 0;
    p->field = NULL;
}

static void on_text(void *user, const char *text, size_t len)
{
    struct parse *p = user;

    if (!p->field)
        return;
    buf_add(p->field, text, len);
    if (!buf_ok(p->field))
        xml_stop(&p->xml, ERR_LIMIT, "a field that is too long");
}

bool sts_xml_parse(const char *text, size_t len, struct sts_keys *out, struct err *err)
{
    static const struct xml_handlers on = {.sender = "STS",
                                           .bytes_max = STS_XML_BYTES_MAX,
                                           .depth_max = STS_XML_DEPTH_MAX,
                                           .start = on_start,
                                           .end = on_end,
                                           .text = on_text};
    struct parse p = {.out = out};

    *out = (struct sts_keys){{.max = STS_XML_TEXT_MAX},
                             {.max = STS_XML_TEXT_MAX},
                             {.max = STS_XML_TEXT_MAX},
                             {.max = STS_XML_TEXT_MAX}};
    p.xml = (struct xml_reader){.on = &on, .user = &p};
    if (!xml_read(&p.xml, text, len, err))
        return false;
    return (out->key_id.len && out->secret_key.len && out->token.len && out->expiration.len) ||
           err_set(err, ERR_PROTOCOL, "a reply without all four of a session's credentials");
}

void sts_xml_clear(struct sts_keys *keys)
{
    buf_wipe(&keys->key_id);
    buf_wipe(&keys->secret_key);
    buf_wipe(&keys->token);
    buf_wipe(&keys->expiration);
}
