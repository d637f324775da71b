# base/: what knows nothing of fleets or DNS. Headers that others use are in include/sluice/.
noinst_LIBRARIES += libbase.a
libbase_a_CPPFLAGS = $(AM_CPPFLAGS) $(CURL_CFLAGS) $(OPENSSL_CFLAGS) $(JANSSON_CFLAGS) $(YAML_CFLAGS) $(PCRE2_CFLAGS)
libbase_a_SOURCES = \
	include/sluice/common.h \
	base/err.c include/sluice/err.h \
	base/buf.c include/sluice/buf.h \
	base/arena.c include/sluice/arena.h \
	base/text.c base/text_write.c include/sluice/text.h \
	base/clock.c base/clock_source.c include/sluice/clock.h \
	base/file.c include/sluice/file.h \
	base/crypto.c include/sluice/crypto.h \
	base/http.c base/http_internal.h base/http_outcome.c base/http_receive.c base/http_request.c \
	base/http_url.c include/sluice/http.h \
	base/log.c base/log_sink.c include/sluice/log.h \
	base/regex.c include/sluice/regex.h \
	base/secret.c base/secret_internal.h base/secret_redact.c include/sluice/secret.h \
	base/spawn.c include/sluice/spawn.h \
	base/template.c include/sluice/template.h

libbase_a_SOURCES += base/doc.c include/sluice/doc.h
libbase_a_SOURCES += base/json.c include/sluice/json.h
libbase_a_SOURCES += base/schema.c base/schema_json.c include/sluice/schema.h

libbase_a_SOURCES += base/sigv4.c include/sluice/sigv4.h
