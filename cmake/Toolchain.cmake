# Flags for our own code only; the libraries' headers are system headers.
add_library(slotless_flags INTERFACE)
target_compile_options(slotless_flags INTERFACE
  -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Werror)

if(SLOTLESS_SANITIZE)
  add_compile_options(-fsanitize=${SLOTLESS_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${SLOTLESS_SANITIZE})
endif()
if(SLOTLESS_LTO)
  include(CheckIPOSupported)
  check_ipo_supported()
  set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
endif()

find_program(SLOTLESS_CCACHE ccache)
if(SLOTLESS_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${SLOTLESS_CCACHE}")
endif()
