# SPDX-License-Identifier: Apache-2.0
# Toolchain: Windows on x86-64, from Debian's MinGW; what is built is run by Wine.
set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(CMAKE_C_COMPILER x86_64-w64-mingw32-gcc-posix)
set(CMAKE_CXX_COMPILER x86_64-w64-mingw32-g++-posix)
set(CMAKE_RC_COMPILER x86_64-w64-mingw32-windres)
find_program(weft_WINE NAMES wine64 wine PATHS /usr/lib/wine)
set(CMAKE_CROSSCOMPILING_EMULATOR ${weft_WINE})
# Libraries and headers from the environment's CMAKE_PREFIX_PATH alone, programs such as glslc from this machine.
set(CMAKE_FIND_ROOT_PATH /usr/x86_64-w64-mingw32 $ENV{CMAKE_PREFIX_PATH})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(PKG_CONFIG_ARGN --static) # what a library needs itself, too
# MinGW has localtime_r only for who says so.
set(CMAKE_C_FLAGS_INIT -D_POSIX_THREAD_SAFE_FUNCTIONS=200112L)
set(CMAKE_CXX_FLAGS_INIT -D_POSIX_THREAD_SAFE_FUNCTIONS=200112L)
# The programs stand alone, without MinGW's libraries beside them.
set(CMAKE_EXE_LINKER_FLAGS_INIT -static)
set(CMAKE_SHARED_LINKER_FLAGS_INIT -static)
