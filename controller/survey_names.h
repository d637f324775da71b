/* survey_names.h: which sets of the zones, and which records of a survey, have a name. A full zone has
 * ten thousand sets, and every record asks for the others of its name: found by hash, in listing order
 * (the plan's order for records). Names compare as rrset_name_eq(). */
#ifndef SLUICE_SURVEY_NAMES_H
#define SLUICE_SURVEY_NAMES_H

#include "survey.h"

/* Both live in s->mem and borrow from the listings. */
void survey_index_sets(struct survey *s);    /* once the zones are there */
void survey_index_records(struct survey *s); /* once the records are */

/* The sets of a zone with this name: the first, and the one after `set`; NULL past the last. */
const struct rrset *survey_first(const struct survey *s, uint32_t zone, const char *name);
const struct rrset *survey_next(const struct survey *s, uint32_t zone, const struct rrset *set);

/* The first record of this name and type, in whatever zone; NULL when there is none. */
const struct survey_record *survey_record_of(const struct survey *s, const char *name,
                                             const char *type);

#endif
