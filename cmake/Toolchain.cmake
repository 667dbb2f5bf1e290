# Flags for our own code only; the libraries' headers are system headers.
add_library(slotless_flags INTERFACE)
target_compile_options(slotless_flags INTERFACE
  -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual)
# clang, which only the fuzz targets are built with, warns of other things.
if(NOT SLOTLESS_LIBFUZZER)
  target_compile_options(slotless_flags INTERFACE -Werror)
endif()

# What makes a mistake in memory a crash instead of somebody's way in. Only optimised builds, which are shipped: the
# sanitizers find more, and _FORTIFY_SOURCE needs the optimiser. scripts/check-hardening looks at the result.
include(CheckCXXCompilerFlag)
set(SLOTLESS_HARDENED "$<CONFIG:RelWithDebInfo,Release,MinSizeRel>")
if(SLOTLESS_SANITIZE)
  set(SLOTLESS_HARDENED 0)
endif()
check_cxx_compiler_flag(-fcf-protection=full SLOTLESS_HAS_CET)
check_cxx_compiler_flag("-O2 -Werror -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3" SLOTLESS_HAS_FORTIFY_3)
set(SLOTLESS_FORTIFY 2)
if(SLOTLESS_HAS_FORTIFY_3)
  set(SLOTLESS_FORTIFY 3)
endif()
set(SLOTLESS_HARDENING -fPIE -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=${SLOTLESS_FORTIFY} -D_GLIBCXX_ASSERTIONS)
if(SLOTLESS_HAS_CET)
  list(APPEND SLOTLESS_HARDENING -fcf-protection=full)
endif()
add_compile_options("$<${SLOTLESS_HARDENED}:${SLOTLESS_HARDENING}>")
add_link_options(-Wl,-z,relro,-z,now,-z,noexecstack "$<${SLOTLESS_HARDENED}:-pie>")

# The same sources make the same binary, wherever they lie. Only where it is shipped: a debugger finds the sources of the
# other builds by their paths. (The linker compiles too, with link-time optimisation.)
set(SLOTLESS_REPRODUCIBLE "-ffile-prefix-map=${CMAKE_SOURCE_DIR}=/usr/src/slotless" "-ffile-prefix-map=${CMAKE_BINARY_DIR}=/usr/src/slotless/build")
add_compile_options("$<${SLOTLESS_HARDENED}:${SLOTLESS_REPRODUCIBLE}>")
add_link_options("$<${SLOTLESS_HARDENED}:${SLOTLESS_REPRODUCIBLE}>")

if(SLOTLESS_SANITIZE)
  add_compile_options(-fsanitize=${SLOTLESS_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  # Two million addresses would be written at each start, and each test is a start.
  add_link_options(-fsanitize=${SLOTLESS_SANITIZE} -no-pie)
endif()
if(SLOTLESS_LTO)
  include(CheckIPOSupported)
  check_ipo_supported()
  set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
endif()

# Most of the time goes into headers that all files of a folder read. Names in unnamed namespaces have to differ within a
# folder then; for the compiler such files are headers, whose types must not have members of such a namespace.
if(SLOTLESS_UNITY)
  set(CMAKE_UNITY_BUILD ON)
  set(CMAKE_UNITY_BUILD_BATCH_SIZE 8)
  target_compile_options(slotless_flags INTERFACE -Wno-subobject-linkage)
endif()

# The tests are some fifty binaries. What is shipped is linked as the compiler does it.
find_program(SLOTLESS_MOLD mold)
if(SLOTLESS_MOLD AND NOT SLOTLESS_LTO)
  add_link_options(-fuse-ld=mold)
endif()

find_program(SLOTLESS_CCACHE ccache)
if(SLOTLESS_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${SLOTLESS_CCACHE}")
  # What is left for the linker to compile knows the folder that it was made in, whatever is mapped: it is not taken from
  # that of another one.
  if(SLOTLESS_LTO)
    set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND}" -E env "CCACHE_NAMESPACE=${CMAKE_BINARY_DIR}" "${SLOTLESS_CCACHE}")
  endif()
endif()
