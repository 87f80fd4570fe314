# SPDX-License-Identifier: Apache-2.0
# weft_precompile(TARGET HEADER...): large headers of others, parsed once a target kind instead of once a file: most of a build's time. The first target that names a list of headers compiles
# it, the others with the same list reuse it. A header is named by the sources that use it all the same: they must compile without this.
function(weft_precompile target)
  string(MAKE_C_IDENTIFIER "weft_precompiled${ARGN}" key)
  get_property(owner GLOBAL PROPERTY ${key})
  if(owner)
    target_precompile_headers(${target} REUSE_FROM ${owner})
  else()
    target_precompile_headers(${target} PRIVATE ${ARGN})
    set_property(GLOBAL PROPERTY ${key} ${target})
  endif()
  target_compile_options(${target} PRIVATE $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fpch-preprocess>)
endfunction()
set(weft_STANDARD_HEADERS <algorithm> <array> <cstdint> <filesystem> <fstream> <functional> <map> <memory> <optional> <span> <string> <variant> <vector>)
