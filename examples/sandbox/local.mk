# examples/sandbox/: sluice-sandbox, the local stand-in for Route 53, its DNS and two fleets.
if SANDBOX
# What unit tests link, too.
noinst_LIBRARIES += libsandbox.a
libsandbox_a_CPPFLAGS = $(AM_CPPFLAGS) $(OPENSSL_CFLAGS) $(JANSSON_CFLAGS) $(EXPAT_CFLAGS) $(LDNS_CFLAGS)
libsandbox_a_SOURCES = \
	examples/sandbox/rng.h \
	examples/sandbox/domain.c examples/sandbox/domain.h \
	examples/sandbox/rset.c examples/sandbox/rset.h \
	examples/sandbox/rset_value.c \
	examples/sandbox/rset_json.c examples/sandbox/rset_json.h \
	examples/sandbox/batch.c examples/sandbox/batch.h \
	examples/sandbox/batch_xml.c examples/sandbox/batch_xml.h \
	examples/sandbox/xml_tree.c examples/sandbox/xml_tree.h \
	examples/sandbox/zone.c examples/sandbox/zone.h \
	examples/sandbox/store.c examples/sandbox/store.h \
	examples/sandbox/attached.c examples/sandbox/attached.h \
	examples/sandbox/faults.c examples/sandbox/faults.h \
	examples/sandbox/logbook.c examples/sandbox/logbook.h \
	examples/sandbox/loop.c examples/sandbox/loop.h \
	examples/sandbox/tls.c examples/sandbox/tls.h \
	examples/sandbox/net.c examples/sandbox/net.h \
	examples/sandbox/web.c examples/sandbox/web.h \
	examples/sandbox/web_parse.c examples/sandbox/web_parse.h \
	examples/sandbox/sigv4_check.c examples/sandbox/sigv4_check.h \
	examples/sandbox/api.c examples/sandbox/api.h \
	examples/sandbox/api_config.c \
	examples/sandbox/api_call.c examples/sandbox/api_call.h \
	examples/sandbox/api_zones.c examples/sandbox/api_records.c examples/sandbox/api_attached.c \
	examples/sandbox/dns_answer.c examples/sandbox/dns_answer.h \
	examples/sandbox/dns_server.c examples/sandbox/dns_server.h \
	examples/sandbox/fleet.c examples/sandbox/fleet.h \
	examples/sandbox/fleet_routes.c examples/sandbox/fleet_routes.h \
	examples/sandbox/control.c examples/sandbox/control.h

noinst_PROGRAMS += sluice-sandbox
sluice_sandbox_CPPFLAGS = $(libsandbox_a_CPPFLAGS)
sluice_sandbox_SOURCES = examples/sandbox/main.c
sluice_sandbox_LDADD = libsandbox.a libbase.a $(BASE_LIBS) $(EXPAT_LIBS) $(LDNS_LIBS)
endif
