# SPDX-License-Identifier: Apache-2.0
# Warnings and sanitizers as one interface target that only our own targets link.
add_library(weft_warnings INTERFACE)
target_compile_options(weft_warnings INTERFACE
  -Wall -Wextra $<$<CXX_COMPILER_ID:GNU>:-Wshadow=local> -Wno-missing-field-initializers)
# GCC 12 sees overruns within std::string that are none.
foreach(warning array-bounds stringop-overflow stringop-overread restrict)
  target_compile_options(weft_warnings INTERFACE $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-${warning}>)
endforeach()
if(weft_WERROR)
  target_compile_options(weft_warnings INTERFACE -Werror)
endif()
if(weft_SANITIZE)
  target_compile_options(weft_warnings INTERFACE
    -fsanitize=${weft_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
  target_link_options(weft_warnings INTERFACE -fsanitize=${weft_SANITIZE})
endif()
