# tests/model/: the protocol of the lease, searched exhaustively by spin.
check_SCRIPTS += tests/model/run.sh
TESTS += tests/model/run.sh
EXTRA_DIST += tests/model/run.sh tests/model/fence.pml
