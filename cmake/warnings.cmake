# SPDX-License-Identifier: Apache-2.0
# Warnings and sanitizers as one interface target that only our own targets link.
add_library(weft_warnings INTERFACE)
target_compile_options(weft_warnings INTERFACE -Wall -Wextra $<$<CXX_COMPILER_ID:GNU>:-Wshadow=local> -Wno-missing-field-initializers)
if(weft_WERROR)
  target_compile_options(weft_warnings INTERFACE -Werror)
endif()
if(weft_SANITIZE)
  target_compile_options(weft_warnings INTERFACE -fsanitize=${weft_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
  target_link_options(weft_warnings INTERFACE -fsanitize=${weft_SANITIZE})
endif()
