# controller/: libcore.a is the pure core (libc and libm only); libcontroller.a is its shell.
noinst_LIBRARIES += libcontroller.a
libcontroller_a_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/controller $(JANSSON_CFLAGS) $(EXPAT_CFLAGS) $(LDNS_CFLAGS)
libcontroller_a_SOURCES = \
	controller/router.h \
	controller/rrset.c controller/rrset.h
