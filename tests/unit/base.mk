# Unit tests of base/, one program a module.
UNIT_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) $(JANSSON_CFLAGS)
BASE_UNITS =

if UNIT
BASE_UNITS += tests/unit/test_text
tests_unit_test_text_SOURCES = tests/unit/test_text.c
tests_unit_test_text_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_text_LDADD = libbase.a $(BASE_LIBS) $(CMOCKA_LIBS)

BASE_UNITS += tests/unit/test_doc
tests_unit_test_doc_SOURCES = tests/unit/test_doc.c tests/unit/cases.h
tests_unit_test_doc_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_doc_LDADD = libbase.a $(BASE_LIBS) $(CMOCKA_LIBS)

BASE_UNITS += tests/unit/test_schema
tests_unit_test_schema_SOURCES = tests/unit/test_schema.c
tests_unit_test_schema_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_schema_LDADD = libbase.a $(BASE_LIBS) $(CMOCKA_LIBS)

BASE_UNITS += tests/unit/test_json
tests_unit_test_json_SOURCES = tests/unit/test_json.c
tests_unit_test_json_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_json_LDADD = libbase.a $(BASE_LIBS) $(CMOCKA_LIBS)

BASE_UNITS += tests/unit/test_template
tests_unit_test_template_SOURCES = tests/unit/test_template.c
tests_unit_test_template_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_template_LDADD = libbase.a $(BASE_LIBS) $(CMOCKA_LIBS)

BASE_UNITS += tests/unit/test_regex
tests_unit_test_regex_SOURCES = tests/unit/test_regex.c
tests_unit_test_regex_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_regex_LDADD = libbase.a $(BASE_LIBS) $(CMOCKA_LIBS)

BASE_UNITS += tests/unit/test_log
tests_unit_test_log_SOURCES = tests/unit/test_log.c
tests_unit_test_log_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_log_LDADD = libbase.a $(BASE_LIBS) $(CMOCKA_LIBS)

BASE_UNITS += tests/unit/test_spawn
tests_unit_test_spawn_SOURCES = tests/unit/test_spawn.c
tests_unit_test_spawn_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_spawn_LDADD = libbase.a $(BASE_LIBS) $(CMOCKA_LIBS)

BASE_UNITS += tests/unit/test_secret
tests_unit_test_secret_SOURCES = tests/unit/test_secret.c
tests_unit_test_secret_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_secret_LDADD = libbase.a $(BASE_LIBS) $(CMOCKA_LIBS)

BASE_UNITS += tests/unit/test_ground
tests_unit_test_ground_SOURCES = tests/unit/test_ground.c
tests_unit_test_ground_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_ground_LDADD = libbase.a $(BASE_LIBS) $(CMOCKA_LIBS)

BASE_UNITS += tests/unit/test_crypto
tests_unit_test_crypto_SOURCES = tests/unit/test_crypto.c
tests_unit_test_crypto_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_crypto_LDADD = libbase.a $(BASE_LIBS) $(CMOCKA_LIBS)

BASE_UNITS += tests/unit/test_sigv4
tests_unit_test_sigv4_SOURCES = tests/unit/test_sigv4.c
tests_unit_test_sigv4_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_sigv4_LDADD = libbase.a $(BASE_LIBS) $(CMOCKA_LIBS)

BASE_UNITS += tests/unit/test_http
tests_unit_test_http_SOURCES = tests/unit/test_http.c
tests_unit_test_http_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_http_LDADD = libbase.a $(BASE_LIBS) $(CMOCKA_LIBS)
endif

check_PROGRAMS += $(BASE_UNITS)
TESTS += $(BASE_UNITS)
