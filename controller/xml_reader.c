#include "xml_reader.h"

#include <expat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AMPLIFICATION_MAX  4.0f  /* no reply of AWS has entities at all */
#define AMPLIFICATION_FROM 65536 /* bytes */
#define CHUNK_BYTES        ((size_t)64 * 1024)

static void fault(struct xml_reader *r, enum err_kind kind, const char *what)
{
    err_set(&r->err, kind, "line %lu of the reply: %s",
            (unsigned long)XML_GetCurrentLineNumber(r->parser), what);
}

void xml_stop(struct xml_reader *r, enum err_kind kind, const char *what)
{
    if (r->err.kind)
        return;
    fault(r, kind, what);
    XML_StopParser(r->parser, XML_FALSE);
}

/* A stopped parser may still call for the element it is at. */
static void XMLCALL on_start(void *user, const XML_Char *name, const XML_Char **attributes)
{
    struct xml_reader *r = user;
    const char *colon = strrchr(name, ':');

    (void)attributes;
    if (r->err.kind)
        return;
    if (r->depth == r->on->depth_max) {
        xml_stop(r, ERR_LIMIT, "elements nested too deep");
        return;
    }
    r->depth++;
    r->on->start(r->user, colon ? colon + 1 : name);
}

static void XMLCALL on_end(void *user, const XML_Char *name)
{
    struct xml_reader *r = user;

    (void)name;
    if (r->err.kind)
        return;
    r->on->end(r->user);
    r->depth--;
    r->done = r->depth == 0;
}

static void XMLCALL on_text(void *user, const XML_Char *text, int len)
{
    struct xml_reader *r = user;

    if (!r->err.kind)
        r->on->text(r->user, text, (size_t)len);
}

static void XMLCALL on_doctype(void *user, const XML_Char *name, const XML_Char *system_id,
                               const XML_Char *public_id, int has_internal_subset)
{
    struct xml_reader *r = user;
    char what[96];

    (void)name;
    (void)system_id;
    (void)public_id;
    (void)has_internal_subset;
    snprintf(what, sizeof what, "a document type declaration, which %s never sends", r->on->sender);
    xml_stop(r, ERR_PROTOCOL, what);
}

static void feed(struct xml_reader *r, const char *text, size_t len)
{
    bool fed = true;
    size_t at = 0;

    do {
        size_t n = len - at < CHUNK_BYTES ? len - at : CHUNK_BYTES;

        fed = XML_Parse(r->parser, text + at, (int)n, at + n == len) != XML_STATUS_ERROR;
        at += n;
    } while (fed && at < len);
    if (!fed && !r->err.kind)
        fault(r, ERR_PROTOCOL, XML_ErrorString(XML_GetErrorCode(r->parser)));
}

bool xml_read(struct xml_reader *r, const char *text, size_t len, struct err *err)
{
    if (!text)
        text = "", len = 0;
    if (len > r->on->bytes_max)
        return err_set(err, ERR_LIMIT, "a reply of %zu bytes, at most %zu are read", len,
                       r->on->bytes_max);
    r->parser = XML_ParserCreate(NULL);
    if (!r->parser)
        abort(); /* out of memory, as everywhere */
    XML_SetUserData(r->parser, r);
    XML_SetElementHandler(r->parser, on_start, on_end);
    XML_SetCharacterDataHandler(r->parser, on_text);
    XML_SetStartDoctypeDeclHandler(r->parser, on_doctype);
#ifdef XML_DTD
    XML_SetBillionLaughsAttackProtectionMaximumAmplification(r->parser, AMPLIFICATION_MAX);
    XML_SetBillionLaughsAttackProtectionActivationThreshold(r->parser, AMPLIFICATION_FROM);
#endif
    feed(r, text, len);
    XML_ParserFree(r->parser);
    r->parser = NULL;
    return (!r->err.kind && r->done) ||
           err_set(err, r->err.kind ? r->err.kind : ERR_PROTOCOL, "%s", r->err.text);
}
