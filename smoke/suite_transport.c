/* suite_transport.c: compiles how a request travels: deadlines, version, certificates, proxy. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "sluice/text.h"
#include "suite_file.h"

static int64_t first_said(int64_t own, int64_t preset, int64_t otherwise)
{
    return own ? own : preset ? preset : otherwise;
}

static bool readable(struct suite_builder *b, const char *name, const struct doc_node *at,
                     const char **out)
{
    if (!name)
        return true;
    *out = suite_beside(b, name);
    return access(*out, R_OK) == 0 ||
           doc_fail(at, b->err, ERR_FILE, "%.200s cannot be read: %s", name, strerror(errno));
}

static bool build_tls(struct suite_builder *b, const struct file_tls *tls,
                      struct suite_request *out)
{
    if (!tls)
        return true;
    if (tls->key && !tls->cert)
        return doc_fail(tls->key_at, b->err, ERR_FILE, "'key' needs 'cert' beside it");
    return readable(b, tls->cert, tls->cert_at, &out->cert_file) &&
           readable(b, tls->key, tls->key_at, &out->key_file) &&
           readable(b, tls->ca, tls->ca_at, &out->ca_file);
}

static bool build_proxy(struct suite_builder *b, const struct suite_text *text,
                        struct suite_request *out)
{
    if (!text->text)
        return true;
    out->proxy = *text;
    return text_starts_with(text->text, "http://") || text_starts_with(text->text, "{{")
               ? suite_build_text(b, &out->proxy)
               : doc_fail(text->at, b->err, ERR_FILE, "a proxy is http://HOST:PORT");
}

bool suite_build_transport(struct suite_builder *b, const struct file_transport *own,
                           const struct file_transport *preset, struct suite_request *out)
{
    out->timeout_ms = first_said(own->timeout_ms, preset->timeout_ms, SUITE_TIMEOUT_MS_DEFAULT);
    out->connect_ms = first_said(own->connect_ms, preset->connect_ms, SUITE_CONNECT_MS_DEFAULT);
    out->first_byte_ms = first_said(own->first_byte_ms, preset->first_byte_ms, 0);
    out->http = (enum suite_http)(own->http_at ? own->http : preset->http);
    out->compressed = own->compressed_at ? own->compressed : preset->compressed;
    out->follow = own->follow_at ? own->follow : preset->follow;
    return build_tls(b, own->tls ? own->tls : preset->tls, out) &&
           build_proxy(b, own->proxy.text ? &own->proxy : &preset->proxy, out);
}
