# SPDX-License-Identifier: Apache-2.0
# 64-bit ARM from another Debian machine: cmake/setup.sh --arm64 installs the compiler and the emulator, and WEFT_ARM64
# names the folder with that architecture's libraries (cmake/setup.sh --unpack sid:arm64; tests/gpus.sh does both).
# The preset arm64 uses it.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
# shadergen is compiled for the same machine as the rest, and run while building.
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64-static -L /usr/aarch64-linux-gnu)
# Headers are this system's, behind the compiler's own: those of the libraries that are needed are the same everywhere.
set(CMAKE_CXX_FLAGS_INIT "-idirafter /usr/include")
set(CMAKE_C_FLAGS_INIT "-idirafter /usr/include")
# The libraries are a newer release's than the compiler's C library, and find what they need where they are run.
set(CMAKE_EXE_LINKER_FLAGS_INIT "-Wl,--allow-shlib-undefined")
set(CMAKE_SHARED_LINKER_FLAGS_INIT "-Wl,--allow-shlib-undefined")
set(weft_ARM64 "$ENV{WEFT_ARM64}" CACHE PATH "Where packages for 64-bit ARM are unpacked")
set(ENV{PKG_CONFIG_LIBDIR} "${weft_ARM64}/usr/lib/aarch64-linux-gnu/pkgconfig")
set(ENV{PKG_CONFIG_SYSROOT_DIR} "${weft_ARM64}")
