# tests/e2e/local.mk

# The signer's stages beside botocore's (test_sigv4.py says how many requests, and skips without it).
check_PROGRAMS += tests/e2e/sigv4_stages
tests_e2e_sigv4_stages_SOURCES = tests/e2e/sigv4_stages.c
tests_e2e_sigv4_stages_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
tests_e2e_sigv4_stages_LDADD = libbase.a $(BASE_LIBS)

# The Route 53 router, driven by hand (test_route53.py).
check_PROGRAMS += tests/e2e/r53_probe
tests_e2e_r53_probe_SOURCES = tests/e2e/r53_probe.c
tests_e2e_r53_probe_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/controller $(JANSSON_CFLAGS)
tests_e2e_r53_probe_LDADD = libcontroller.a libbase.a $(EXPAT_LIBS) $(BASE_LIBS)
