# SPDX-License-Identifier: Apache-2.0
# weft_precompile(TARGET HEADERS... LIBRARIES...): large headers of others, parsed once instead of once a file, which is
# most of a build's time. Every list of headers is compiled in a target of its own, with the libraries that have them and
# the options that TARGET has so far. The sources name what they use all the same: they must compile without this.
function(weft_precompile target)
  if(weft_FUZZ) # some targets are instrumented and some are not, and clang takes only what was compiled alike
    return()
  endif()
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "HEADERS;LIBRARIES")
  get_target_property(options ${target} COMPILE_OPTIONS) # GCC takes only what was optimised alike
  if(NOT options)
    set(options "")
  endif()
  get_target_property(type ${target} TYPE)
  string(REGEX REPLACE ".*_LIBRARY" "LIBRARY" type ${type})
  string(SHA1 key "${type};${options};${ARGN}")
  string(SUBSTRING ${key} 0 8 key)
  set(owner weft_precompiled_${key})
  if(NOT TARGET ${owner})
    set(source ${CMAKE_BINARY_DIR}/generated/precompiled.cpp)
    if(NOT EXISTS ${source})
      file(WRITE ${source} "")
    endif()
    add_library(${owner} OBJECT ${source})
    set_target_properties(${owner} PROPERTIES UNITY_BUILD OFF COMPILE_OPTIONS "${options}")
    target_link_libraries(${owner} PRIVATE weft_warnings ${arg_LIBRARIES})
    target_compile_options(${owner} PRIVATE $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fpch-preprocess>)
    if(type STREQUAL "EXECUTABLE") # GCC takes only what was compiled for the same kind of code
      set_target_properties(${owner} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
      target_compile_options(${owner} PRIVATE ${CMAKE_CXX_COMPILE_OPTIONS_PIE})
    endif()
    target_precompile_headers(${owner} PRIVATE ${weft_STANDARD_HEADERS} ${arg_HEADERS})
  endif()
  target_precompile_headers(${target} REUSE_FROM ${owner})
  target_compile_options(${target} PRIVATE $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fpch-preprocess>)
endfunction()
set(weft_STANDARD_HEADERS <algorithm> <array> <cstdint> <filesystem> <fstream> <functional> <map> <memory> <optional>
  <span> <string> <variant> <vector>)
