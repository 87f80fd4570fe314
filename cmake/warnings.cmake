# SPDX-License-Identifier: Apache-2.0
# Warnings, sanitizers and what else all of our own targets are compiled with, as one interface target.
add_library(weft_warnings INTERFACE)
target_compile_options(weft_warnings INTERFACE
  -Wall -Wextra $<$<CXX_COMPILER_ID:GNU>:-Wshadow=local> -Wno-missing-field-initializers)
# GCC 12 sees overruns within std::string that are none.
foreach(warning array-bounds stringop-overflow stringop-overread restrict)
  target_compile_options(weft_warnings INTERFACE $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-${warning}>)
endforeach()
# __FILE__ begins at the tree, wherever that lies.
target_compile_options(weft_warnings INTERFACE -fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=)
if(weft_WERROR)
  target_compile_options(weft_warnings INTERFACE -Werror)
endif()
if(weft_SANITIZE)
  target_compile_options(weft_warnings INTERFACE
    -fsanitize=${weft_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
  target_link_options(weft_warnings INTERFACE -fsanitize=${weft_SANITIZE})
endif()
