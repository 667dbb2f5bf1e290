# What `cmake --install` and cpack put where. Components:
#   daemon    the binary, its man page, its completion for bash and its systemd unit
#   symbols   what only a debugger reads, where gdb looks for it by build id; not by default
#   package   what belongs to a Debian package only: the configuration file, the user, the list of libraries, the terms
# `cpack -G DEB` makes slotless of the first and the last, and slotless-dbgsym of the symbols. scripts/package runs it.
include(GNUInstallDirs)
set(SLOTLESS_PACKAGE_MAINTAINER "Slotless <slotless@localhost>" CACHE STRING "Who answers for the Debian package: NAME <ADDRESS>")
set(SLOTLESS_PACKAGING "${CMAKE_CURRENT_LIST_DIR}/../deploy/package")
set(SLOTLESS_UNIT "${CMAKE_CURRENT_LIST_DIR}/../deploy/systemd")

# `cmake --install DIR --strip` leaves out what only a debugger reads.
install(TARGETS slotless RUNTIME DESTINATION bin COMPONENT daemon)
install(FILES "${SLOTLESS_PACKAGING}/slotless.bash" DESTINATION share/bash-completion/completions RENAME slotless COMPONENT daemon)
install(FILES "${CMAKE_CURRENT_LIST_DIR}/../SECURITY.md" DESTINATION share/doc/slotless COMPONENT daemon)

# Compressed without name and time, so that the same text is the same file.
function(slotless_install_compressed file destination name)
  install(CODE "
    set(target \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${destination}/${name}.gz\")
    message(STATUS \"Installing: \${target}\")
    file(MAKE_DIRECTORY \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${destination}\")
    execute_process(COMMAND gzip -9nc \"${file}\" OUTPUT_FILE \"\${target}\" COMMAND_ERROR_IS_FATAL ANY)
    file(CHMOD \"\${target}\" PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
    list(APPEND CMAKE_INSTALL_MANIFEST_FILES \"\${CMAKE_INSTALL_PREFIX}/${destination}/${name}.gz\")
  " COMPONENT daemon)
endfunction()
slotless_install_compressed("${SLOTLESS_PACKAGING}/slotless.1" share/man/man1 slotless.1)
slotless_install_compressed("${CMAKE_CURRENT_LIST_DIR}/../CHANGELOG.md" share/doc/slotless changelog)

# The unit names the binary by its whole path, which is known only now.
install(CODE "
  file(READ \"${SLOTLESS_UNIT}/slotless.service\" unit)
  string(REPLACE \"/usr/local/bin/\" \"\${CMAKE_INSTALL_PREFIX}/bin/\" unit \"\${unit}\")
  set(target \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/lib/systemd/system/slotless.service\")
  message(STATUS \"Installing: \${target}\")
  file(WRITE \"\${target}\" \"\${unit}\")
  file(CHMOD \"\${target}\" PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
  list(APPEND CMAKE_INSTALL_MANIFEST_FILES \"\${CMAKE_INSTALL_PREFIX}/lib/systemd/system/slotless.service\")
" COMPONENT daemon)

# gdb finds them below its debug-file-directory (/usr/lib/debug) by the build id that the binary keeps when it is stripped.
install(CODE "
  execute_process(COMMAND \"${CMAKE_READELF}\" --notes \"\$<TARGET_FILE:slotless>\" OUTPUT_VARIABLE notes COMMAND_ERROR_IS_FATAL ANY)
  if(NOT notes MATCHES \"Build ID: ([0-9a-f][0-9a-f])([0-9a-f]+)\")
    message(FATAL_ERROR \"\$<TARGET_FILE:slotless> has no build id\")
  endif()
  set(folder \"\${CMAKE_INSTALL_PREFIX}/lib/debug/.build-id/\${CMAKE_MATCH_1}\")
  set(target \"\${folder}/\${CMAKE_MATCH_2}.debug\")
  message(STATUS \"Installing: \$ENV{DESTDIR}\${target}\")
  file(MAKE_DIRECTORY \"\$ENV{DESTDIR}\${folder}\")
  execute_process(COMMAND \"${CMAKE_OBJCOPY}\" --only-keep-debug --compress-debug-sections \"\$<TARGET_FILE:slotless>\"
                  \"\$ENV{DESTDIR}\${target}\" COMMAND_ERROR_IS_FATAL ANY)
  file(CHMOD \"\$ENV{DESTDIR}\${target}\" PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
  list(APPEND CMAKE_INSTALL_MANIFEST_FILES \"\${target}\")
" COMPONENT symbols EXCLUDE_FROM_ALL)

install(FILES "${SLOTLESS_UNIT}/slotless.env" DESTINATION /etc/slotless PERMISSIONS OWNER_READ OWNER_WRITE
        COMPONENT package EXCLUDE_FROM_ALL)
install(FILES "${SLOTLESS_UNIT}/password.conf" DESTINATION share/doc/slotless/examples COMPONENT package EXCLUDE_FROM_ALL)
install(FILES "${SLOTLESS_PACKAGING}/slotless.sysusers" DESTINATION lib/sysusers.d RENAME slotless.conf
        COMPONENT package EXCLUDE_FROM_ALL)
# Libraries of which only headers are compiled in leave no trace in the binary, so they are named here.
install(CODE "
  execute_process(COMMAND python3 \"${CMAKE_CURRENT_LIST_DIR}/../scripts/copyright\"
                  --compiled-in nlohmann-json3-dev --compiled-in libspdlog-dev
                  --output \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/share/doc/slotless/copyright\"
                  COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND python3 \"${CMAKE_CURRENT_LIST_DIR}/../scripts/sbom\" --version ${PROJECT_VERSION}
                  --compiled-in nlohmann-json3-dev --compiled-in libspdlog-dev
                  --output \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/share/doc/slotless/slotless.spdx.json\" \"\$<TARGET_FILE:slotless>\"
                  COMMAND_ERROR_IS_FATAL ANY)
" COMPONENT package EXCLUDE_FROM_ALL)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME slotless)
set(CPACK_PACKAGE_CONTACT "${SLOTLESS_PACKAGE_MAINTAINER}")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "makes a Redis Cluster look like one plain Redis")
set(CPACK_SET_DESTDIR ON)  # /etc is not below /usr
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_COMPONENTS_ALL daemon package symbols)
set(CPACK_COMPONENTS_GROUPING ONE_PER_GROUP)
set(CPACK_DEB_COMPONENT_INSTALL ON)

set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
# What is not said of one of the two packages.
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_SERVICE_PACKAGE_NAME slotless)
set(CPACK_DEBIAN_SERVICE_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_SERVICE_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_SERVICE_PACKAGE_CONTROL_EXTRA
  "${SLOTLESS_PACKAGING}/conffiles;${SLOTLESS_PACKAGING}/postinst;${SLOTLESS_PACKAGING}/prerm;${SLOTLESS_PACKAGING}/postrm")
set(CPACK_COMPONENT_SERVICE_DESCRIPTION
"Applications that know nothing of slots, redirects, replicas or failover connect to Slotless as to one Redis server; it
speaks the protocol of the cluster for them.")
set(CPACK_DEBIAN_SYMBOLS_PACKAGE_NAME slotless-dbgsym)
set(CPACK_DEBIAN_SYMBOLS_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_SYMBOLS_PACKAGE_SECTION debug)
set(CPACK_DEBIAN_SYMBOLS_PACKAGE_DEPENDS "slotless (= ${PROJECT_VERSION})")
set(CPACK_COMPONENT_SYMBOLS_DESCRIPTION "debugging symbols of slotless")

include(CPack)
cpack_add_component_group(service)
cpack_add_component_group(symbols)
cpack_add_component(daemon GROUP service)
cpack_add_component(package GROUP service)
cpack_add_component(symbols GROUP symbols)
