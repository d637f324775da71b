# Unit tests of examples/sandbox/: the rules of a zone, without a socket.
if UNIT
if SANDBOX
check_PROGRAMS += tests/unit/test_sandbox_zone
TESTS += tests/unit/test_sandbox_zone
tests_unit_test_sandbox_zone_SOURCES = tests/unit/test_sandbox_zone.c
tests_unit_test_sandbox_zone_CPPFLAGS = $(UNIT_CPPFLAGS) $(EXPAT_CFLAGS) -I$(srcdir)/examples/sandbox
tests_unit_test_sandbox_zone_LDADD = libsandbox.a libbase.a $(BASE_LIBS) $(EXPAT_LIBS) $(LDNS_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/test_sandbox_attached
TESTS += tests/unit/test_sandbox_attached
tests_unit_test_sandbox_attached_SOURCES = tests/unit/test_sandbox_attached.c
tests_unit_test_sandbox_attached_CPPFLAGS = $(UNIT_CPPFLAGS) $(EXPAT_CFLAGS) -I$(srcdir)/examples/sandbox
tests_unit_test_sandbox_attached_LDADD = libsandbox.a libbase.a $(BASE_LIBS) $(EXPAT_LIBS) $(LDNS_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/test_sandbox_xml
TESTS += tests/unit/test_sandbox_xml
tests_unit_test_sandbox_xml_SOURCES = tests/unit/test_sandbox_xml.c
tests_unit_test_sandbox_xml_CPPFLAGS = $(UNIT_CPPFLAGS) $(EXPAT_CFLAGS) -I$(srcdir)/examples/sandbox
tests_unit_test_sandbox_xml_LDADD = libsandbox.a libbase.a $(BASE_LIBS) $(EXPAT_LIBS) $(LDNS_LIBS) $(CMOCKA_LIBS)
endif
endif
