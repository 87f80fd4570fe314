# SPDX-License-Identifier: Apache-2.0
# The layer order of runtime/, enforced: a file may include its own folder and lower layers,
# never a higher one and never a sibling model.
# Included by CMakeLists.txt it adds the check to the build; run with -P it is the check.
set(weft_LAYERS "base:0;unicode:0;jinja:0;io:0;vulkan:1;kernels:2;layers:3;schedule:4;models:5;text:5;pipelines:6")

if(NOT CMAKE_SCRIPT_MODE_FILE)
  file(GLOB_RECURSE weft_layer_sources CONFIGURE_DEPENDS
    ${CMAKE_CURRENT_SOURCE_DIR}/runtime/*.hpp ${CMAKE_CURRENT_SOURCE_DIR}/runtime/*.cpp)
  add_custom_command(OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/layers.checked
    COMMAND ${CMAKE_COMMAND} -DROOT=${CMAKE_CURRENT_SOURCE_DIR} -P ${CMAKE_CURRENT_LIST_FILE}
    COMMAND ${CMAKE_COMMAND} -E touch ${CMAKE_CURRENT_BINARY_DIR}/layers.checked
    DEPENDS ${weft_layer_sources} ${CMAKE_CURRENT_LIST_FILE} COMMENT "Checking the layer order" VERBATIM)
  add_custom_target(weft_layer_order ALL DEPENDS ${CMAKE_CURRENT_BINARY_DIR}/layers.checked)
  return()
endif()

function(level folder result)
  set(${result} -1 PARENT_SCOPE)
  foreach(entry IN LISTS weft_LAYERS)
    if(entry MATCHES "^${folder}:(.)$")
      set(${result} ${CMAKE_MATCH_1} PARENT_SCOPE)
    endif()
  endforeach()
endfunction()

set(failed FALSE)
file(GLOB_RECURSE files RELATIVE ${ROOT}/runtime ${ROOT}/runtime/*.hpp ${ROOT}/runtime/*.cpp)
foreach(file IN LISTS files)
  string(REGEX MATCH "^[a-z]+" folder ${file})
  if(folder STREQUAL "include")
    continue()
  endif()
  level(${folder} own)
  if(own EQUAL -1)
    message(SEND_ERROR "runtime/${file}: folder '${folder}' is not a layer; add it to cmake/layers.cmake")
    continue()
  endif()
  file(STRINGS ${ROOT}/runtime/${file} includes REGEX "^#include \"[a-z]+/")
  foreach(line IN LISTS includes)
    string(REGEX REPLACE "^#include \"([a-z]+)/.*" "\\1" target "${line}")
    level(${target} theirs)
    if(theirs GREATER own)
      message(SEND_ERROR "runtime/${file} (${folder}, L${own}) includes a higher layer: ${line} (L${theirs})")
    elseif(theirs EQUAL own AND NOT target STREQUAL folder AND own GREATER 0)
      message(SEND_ERROR "runtime/${file} (${folder}) includes a sibling of the same layer: ${line}")
    endif()
  endforeach()
  if(folder STREQUAL "models" AND file MATCHES "\\.cpp$")
    foreach(line IN LISTS includes)
      if(line MATCHES "\"models/([a-z0-9_]+)\\.cpp")
        message(SEND_ERROR "runtime/${file} includes a sibling model: ${line}")
      endif()
    endforeach()
  endif()
endforeach()
