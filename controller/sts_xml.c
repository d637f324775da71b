#include "sts_xml.h"

#include <expat.h>
#include <stdlib.h>
#include <string.h>

struct parse {
    XML_Parser xml;
    struct err *err;
    struct sts_keys *out;
    size_t depth, inside; /* depth of the Credentials element; 0: not in one */
    struct buf *field;    /* that text goes to */
    bool done;
};

static void stop(struct parse *p, enum err_kind kind, const char *what)
{
    if (p->err->kind)
        return;
    err_set(p->err, kind, "line %lu of the reply: %s",
            (unsigned long)XML_GetCurrentLineNumber(p->xml), what);
    XML_StopParser(p->xml, XML_FALSE);
}

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

static void XMLCALL on_start(void *user, const XML_Char *name, const XML_Char **attributes)
{
    struct parse *p = user;
    const char *colon = strrchr(name, ':');

    (void)attributes;
    if (colon)
        name = colon + 1;
    if (p->depth == STS_XML_DEPTH_MAX) {
        stop(p, ERR_LIMIT, "elements nested too deep");
        return;
    }
    if (!p->depth && strcmp(name, "AssumeRoleResponse") != 0 &&
        strcmp(name, "AssumeRoleWithWebIdentityResponse") != 0)
        stop(p, ERR_PROTOCOL, "this is not the reply that was asked for");
    p->depth++;
    p->field = p->inside && p->depth == p->inside + 1 ? field_of(p->out, name) : NULL;
    if (p->field && p->field->len)
        stop(p, ERR_PROTOCOL, "a field that is there twice");
    if (!p->inside && strcmp(name, "Credentials") == 0)
        p->inside = p->depth;
}

static void XMLCALL on_end(void *user, const XML_Char *name)
{
    struct parse *p = user;

    (void)name;
    if (p->inside == p->depth)
        p->inside = 0;
    p->depth--;
    p->field = NULL;
    p->done = p->depth == 0;
}

static void XMLCALL on_text(void *user, const XML_Char *text, int len)
{
    struct parse *p = user;

    if (!p->field)
        return;
    buf_add(p->field, text, (size_t)len);
    if (!buf_ok(p->field))
        stop(p, ERR_LIMIT, "a field that is too long");
}

static void XMLCALL on_doctype(void *user, const XML_Char *name, const XML_Char *system_id,
                               const XML_Char *public_id, int has_internal_subset)
{
    (void)name;
    (void)system_id;
    (void)public_id;
    (void)has_internal_subset;
    stop(user, ERR_PROTOCOL, "a document type declaration, which STS never sends");
}

static bool run(struct parse *p, const char *text, size_t len)
{
    bool fed;

    p->xml = XML_ParserCreate(NULL);
    if (!p->xml)
        abort(); /* out of memory, as everywhere */
    XML_SetUserData(p->xml, p);
    XML_SetElementHandler(p->xml, on_start, on_end);
    XML_SetCharacterDataHandler(p->xml, on_text);
    XML_SetStartDoctypeDeclHandler(p->xml, on_doctype);
    fed = XML_Parse(p->xml, text, (int)len, XML_TRUE) != XML_STATUS_ERROR;
    if (!fed && !p->err->kind)
        err_set(p->err, ERR_PROTOCOL, "line %lu of the reply: %s",
                (unsigned long)XML_GetCurrentLineNumber(p->xml),
                XML_ErrorString(XML_GetErrorCode(p->xml)));
    XML_ParserFree(p->xml);
    return !p->err->kind && p->done;
}

bool sts_xml_parse(const char *text, size_t len, struct sts_keys *out, struct err *err)
{
    struct err own = {0};
    struct parse p = {.out = out, .err = &own};

    *out = (struct sts_keys){{.max = STS_XML_TEXT_MAX},
                             {.max = STS_XML_TEXT_MAX},
                             {.max = STS_XML_TEXT_MAX},
                             {.max = STS_XML_TEXT_MAX}};
    if (len > STS_XML_BYTES_MAX)
        return err_set(err, ERR_LIMIT, "a reply of %zu bytes, at most %zu are read", len,
                       STS_XML_BYTES_MAX);
    if (!run(&p, text ? text : "", text ? len : 0))
        return err_set(err, own.kind ? own.kind : ERR_PROTOCOL, "%s", own.text);
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
