#  What an installed zseq consists of, beside the programs. Included by
#  lib/CMakeLists.txt.

include (CMakePackageConfigHelpers)

#  A static library carries its dependencies to whoever links it, by name: a
#  user of zseqConfig.cmake needs no pkg-config, and one of zseq.pc not what
#  libzmq's own static dependencies are, which Debian 12 lacks in part.
set (private_libraries
  ${ZMQ_LIBRARIES} ${SODIUM_LIBRARIES} ${MSGPACK_LIBRARIES})
list (TRANSFORM private_libraries PREPEND "-l" OUTPUT_VARIABLE private_flags)
list (JOIN private_flags " " private_flags)
target_link_libraries (zseq_static INTERFACE
  "$<INSTALL_INTERFACE:${private_libraries}>"
  "$<BUILD_INTERFACE:PkgConfig::SODIUM;PkgConfig::MSGPACK>"
  Threads::Threads)
if (ZSEQ_ZMQ)
  target_link_libraries (zseq_static INTERFACE
    "$<BUILD_INTERFACE:PkgConfig::ZMQ>")
endif ()

install (TARGETS zseq zseq_static EXPORT zseqTargets)
install (FILES include/zseq.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install (FILES man/zseq.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install (FILES man/zseqd.8 DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)
install (FILES ${PROJECT_SOURCE_DIR}/LICENSE
  DESTINATION ${CMAKE_INSTALL_DOCDIR})

#  Found relative to itself, so that "cmake --install --prefix" may choose.
set (pkgconfig_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
file (RELATIVE_PATH pkgconfig_to_prefix
  ${CMAKE_INSTALL_PREFIX}/${pkgconfig_dir} ${CMAKE_INSTALL_PREFIX})
string (REGEX REPLACE "/$" "" pkgconfig_to_prefix ${pkgconfig_to_prefix})
configure_file (cmake/zseq.pc.in zseq.pc @ONLY)
install (FILES ${CMAKE_CURRENT_BINARY_DIR}/zseq.pc
  DESTINATION ${pkgconfig_dir})

set (package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/zseq)
configure_package_config_file (cmake/zseqConfig.cmake.in zseqConfig.cmake
  INSTALL_DESTINATION ${package_dir})
#  Before 1.0 every minor version may change the interface.
write_basic_package_version_file (
  ${CMAKE_CURRENT_BINARY_DIR}/zseqConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install (FILES
  ${CMAKE_CURRENT_BINARY_DIR}/zseqConfig.cmake
  ${CMAKE_CURRENT_BINARY_DIR}/zseqConfigVersion.cmake
  DESTINATION ${package_dir})
install (EXPORT zseqTargets NAMESPACE zseq:: DESTINATION ${package_dir})
