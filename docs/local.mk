# docs/: see docs/ARCHITECTURE.md

# JSON Schemas for editors, printed from the tables that decode the files; a unit test holds them to that.
EXTRA_DIST += docs/schema

# Man pages, made where scdoc is there. EXTRA_DIST has docs/ whole, sources included.
MAN_PAGES =
MAN_PAGES += docs/man/smoke.1 docs/man/smoke.yaml.5
MAN_PAGES += docs/man/sluice.1 docs/man/sluice.yaml.5 docs/man/sluice-fence.7

if MAN
man_MANS = $(MAN_PAGES)
CLEANFILES += $(MAN_PAGES)
docs/man/%: $(srcdir)/docs/man/%.scd
	$(AM_V_GEN)$(MKDIR_P) docs/man && $(SCDOC) < $< > $@.tmp && mv $@.tmp $@
endif
