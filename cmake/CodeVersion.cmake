# cmake -DSOURCE=... -DVERSION=... -DHEADER=... -P: writes the version and commit of the sources as a header, touching it only if
# they changed.
execute_process(COMMAND git -C "${SOURCE}" describe --always --dirty --abbrev=12 --exclude=*
    OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
set(text "${VERSION}")
if(NOT failed AND commit)
    string(APPEND text " (${commit})")
endif()
set(content "#define SKYLIFT_CODE_VERSION \"${text}\"\n")
set(before "")
if(EXISTS "${HEADER}")
    file(READ "${HEADER}" before)
endif()
if(NOT content STREQUAL before)
    file(WRITE "${HEADER}" "${content}")
endif()
