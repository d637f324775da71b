/* The other reader of the tables: JSON Schema, draft-07, for editors. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sluice/schema.h"

static json_t *type_of(json_t *defs, const struct schema_field *f);

/* "retry policy" becomes "retry-policy": a name usable inside a $ref. */
static char *def_name(const struct schema *schema)
{
    char *name = x_strdup(schema->name);

    for (char *c = name; *c; c++)
        if (*c == ' ')
            *c = '-';
    return name;
}

static json_t *preset_of(const struct schema_field *f)
{
    bool literal = f->type == SCHEMA_BOOL || f->type == SCHEMA_U32 || f->type == SCHEMA_I64 ||
                   f->type == SCHEMA_DOUBLE;
    json_t *out = literal ? json_loads(f->preset, JSON_DECODE_ANY, NULL) : json_string(f->preset);

    assert(out);
    return out;
}

static json_t *object_of(json_t *defs, const struct schema *schema)
{
    json_t *required = json_array(), *properties = json_object();
    json_t *out = json_pack("{s:s, s:b}", "type", "object", "additionalProperties", 0);

    for (size_t i = 0; i < schema->n_fields; i++) {
        const struct schema_field *f = &schema->fields[i];
        json_t *row = type_of(defs, f);

        /* Keywords beside a $ref are ignored in draft-07: the row gets its words through allOf. */
        if (json_object_get(row, "$ref") && f->help)
            row = json_pack("{s:[o]}", "allOf", row);
        if (f->help)
            json_object_set_new(row, "description", json_string(f->help));
        if (f->preset)
            json_object_set_new(row, "default", preset_of(f));
        json_object_set_new(properties, f->key, row);
        if (f->flags & SCHEMA_REQUIRED)
            json_array_append_new(required, json_string(f->key));
    }
    json_object_set_new(out, "properties", properties);
    if (json_array_size(required))
        json_object_set(out, "required", required);
    json_decref(required);
    return out;
}

static const struct schema_field *field_of(const struct schema *schema, const char *key)
{
    for (size_t i = 0; i < schema->n_fields; i++)
        if (strcmp(schema->fields[i].key, key) == 0)
            return &schema->fields[i];
    abort(); /* a short form names a row of its table */
}

static json_t *whole_of(json_t *defs, const struct schema *schema)
{
    json_t *out = object_of(defs, schema);

    if (schema->scalar_key || schema->list_key) {
        json_t *forms = json_pack("[o]", out);

        if (schema->scalar_key)
            json_array_append_new(forms, type_of(defs, field_of(schema, schema->scalar_key)));
        if (schema->list_key)
            json_array_append_new(forms, type_of(defs, field_of(schema, schema->list_key)));
        out = json_pack("{s:o}", "anyOf", forms);
    }
    if (schema->help)
        json_object_set_new(out, "description", json_string(schema->help));
    return out;
}

static json_t *ref_to(json_t *defs, const struct schema *schema)
{
    char *name = def_name(schema);
    json_t *out = json_pack("{s:s+}", "$ref", "#/definitions/", name);

    if (!json_object_get(defs, name)) {
        json_object_set_new(defs, name, json_null()); /* ends recursion */
        json_object_set_new(defs, name, whole_of(defs, schema));
    }
    free(name);
    return out;
}

static json_t *number(const char *type, const struct schema_field *f)
{
    json_t *out = json_pack("{s:s}", "type", type);

    if (f->min || f->max) {
        json_object_set_new(out, "minimum", json_integer(f->min));
        json_object_set_new(out, "maximum", json_integer(f->max));
    } else if (f->type == SCHEMA_U32) {
        json_object_set_new(out, "minimum", json_integer(0));
    }
    return out;
}

static json_t *pattern(const char *regex)
{
    return json_pack("{s:s, s:s}", "type", "string", "pattern", regex);
}

static json_t *words(const char *const *names)
{
    json_t *list = json_array();

    for (; *names; names++)
        if (**names)
            json_array_append_new(list, json_string(*names));
    return json_pack("{s:o}", "enum", list);
}

/* A text may look like a number or a boolean in YAML and still be a text here. */
static json_t *text(void)
{
    return json_pack("{s:[s,s,s]}", "type", "string", "number", "boolean");
}

static json_t *list(const struct schema_field *f, json_t *items)
{
    json_t *out = json_pack("{s:s, s:o}", "type", "array", "items", items);

    if (f->min)
        json_object_set_new(out, "minItems", json_integer(f->min));
    json_object_set_new(out, "maxItems", json_integer(f->max ? f->max : SCHEMA_LIST_MAX));
    if (f->flags & SCHEMA_OR_ONE)
        out = json_pack("{s:[o,O]}", "anyOf", out, items);
    return out;
}

/* The text a row brings along; it may point at the definition of the row's sub. */
static json_t *given(json_t *defs, const struct schema_field *f)
{
    json_t *out = f->json ? json_loads(f->json, 0, NULL) : json_object();

    assert(out);
    if (f->sub)
        json_decref(ref_to(defs, f->sub));
    return out;
}

static json_t *type_of(json_t *defs, const struct schema_field *f)
{
    switch (f->type) {
    case SCHEMA_STRING:
        return text();
    case SCHEMA_BOOL:
        return json_pack("{s:s}", "type", "boolean");
    case SCHEMA_U32:
    case SCHEMA_I64:
        return number("integer", f);
    case SCHEMA_DOUBLE:
        return number("number", f);
    case SCHEMA_DURATION:
        return pattern("^([0-9]+(ms|s|m|h|d))+$");
    case SCHEMA_PERCENT:
        return pattern("^[0-9]+(\\.[0-9]{1,4})?%$");
    case SCHEMA_RATE:
        return pattern("^[0-9]+(\\.[0-9]{1,3})?/[sm]$");
    case SCHEMA_TIME:
        return json_pack("{s:s, s:s}", "type", "string", "format", "date-time");
    case SCHEMA_ENUM:
        return words(f->names);
    case SCHEMA_STRINGS:
        return list(f, text());
    case SCHEMA_LIST:
        return list(f, ref_to(defs, f->sub));
    case SCHEMA_MAP:
    case SCHEMA_MAP_PTR:
        return ref_to(defs, f->sub);
    case SCHEMA_FREE_MAP:
        return json_pack("{s:s, s:o}", "type", "object", "additionalProperties",
                         f->sub ? ref_to(defs, f->sub) : json_true());
    case SCHEMA_NODE:
    case SCHEMA_CUSTOM:
        return given(defs, f);
    case SCHEMA_TYPE_COUNT:
        break;
    }
    abort();
}

json_t *schema_to_json(const struct schema *schema, const char *title)
{
    json_t *defs = json_object();
    json_t *body = whole_of(defs, schema);
    json_t *out = json_pack("{s:s, s:s}", "$schema", "http://json-schema.org/draft-07/schema#",
                            "title", title);

    json_object_update(out, body);
    json_decref(body);
    json_object_set_new(out, "definitions", defs);
    return out;
}
