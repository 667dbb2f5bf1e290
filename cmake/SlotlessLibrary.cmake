# slotless_library(NAME DEPENDS <targets...>)
#
# Makes the target slotless_NAME of all sources in the current folder. The folder's headers are
# reachable as "<path from the root>/x.h", and only for targets that link slotless_NAME: each target
# has an include root of its own (a folder under build/ with one symbolic link), so an #include that
# goes against the direction of the dependencies does not compile.
function(slotless_library name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;PRIVATE_DEPENDS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cpp")
  file(RELATIVE_PATH path "${CMAKE_SOURCE_DIR}" "${CMAKE_CURRENT_SOURCE_DIR}")
  set(root "${CMAKE_BINARY_DIR}/include/${name}")
  get_filename_component(parent "${root}/${path}" DIRECTORY)
  file(MAKE_DIRECTORY "${parent}")
  file(CREATE_LINK "${CMAKE_CURRENT_SOURCE_DIR}" "${root}/${path}" SYMBOLIC)
  if(sources)
    add_library(slotless_${name} STATIC ${sources})
    target_include_directories(slotless_${name} PUBLIC "${root}")
    target_link_libraries(slotless_${name} PUBLIC ${ARG_DEPENDS} PRIVATE slotless_flags ${ARG_PRIVATE_DEPENDS})
  else()
    add_library(slotless_${name} INTERFACE)
    target_include_directories(slotless_${name} INTERFACE "${root}")
    target_link_libraries(slotless_${name} INTERFACE ${ARG_DEPENDS} ${ARG_PRIVATE_DEPENDS})
  endif()
endfunction()
