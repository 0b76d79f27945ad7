#!/bin/bash
#  run.sh MODULE ARGUMENT...: runs a Python module of tests. Exits with 77 if
#  the module cannot run. CMakeLists.txt sets the variables ZSEQ_*.
set -euo pipefail

if [[ -n $ZSEQ_SANITIZE && $1 == pytest ]]; then
    #  Python itself would have to be built that way.
    echo "skipped: libzseq is built with sanitizers"
    exit 77
fi
if ! "$ZSEQ_PYTHON" -c "import $1" 2>/dev/null; then
    echo "skipped: $ZSEQ_PYTHON has no $1"
    exit 77
fi
exec "$ZSEQ_PYTHON" -m "$@"
