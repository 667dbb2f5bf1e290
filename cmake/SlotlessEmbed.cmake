# slotless_embed(TARGET FILE NAME)
#
# For the sources of TARGET: "<file>_<extension>.h" with the constant NAME, the text of FILE without the lines that are
# comments of Lua and without its last line feed.
function(slotless_embed target file name)
  file(READ "${file}" text)
  string(REGEX REPLACE "(^|\n)--[^\n]*" "\\1" text "${text}")
  string(REGEX REPLACE "\n\n+" "\n" text "${text}")
  string(REGEX REPLACE "^\n+" "" text "${text}")
  string(REGEX REPLACE "\n$" "" text "${text}")
  string(REPLACE "." "_" header "${file}")
  set(SLOTLESS_EMBEDDED_NAME "${name}")
  set(SLOTLESS_EMBEDDED_TEXT "${text}")
  configure_file("${CMAKE_SOURCE_DIR}/cmake/embedded.h.in" "${CMAKE_CURRENT_BINARY_DIR}/embedded/${header}.h" @ONLY)
  target_include_directories(${target} PRIVATE "${CMAKE_CURRENT_BINARY_DIR}/embedded")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${file}")
endfunction()
