# Finds SOCI, for which Debian ships neither a CMake config nor a .pc file.
# Targets: Soci::core, Soci::postgresql (with libpq), Soci::sqlite3 (with SQLite). Sets Soci_FOUND, Soci_VERSION.
find_path(Soci_INCLUDE_DIR soci/soci.h)
foreach(part core postgresql sqlite3)
  find_library(Soci_${part}_LIBRARY soci_${part})
endforeach()
if(Soci_INCLUDE_DIR)
  file(STRINGS ${Soci_INCLUDE_DIR}/soci/version.h Soci_version_line REGEX "define SOCI_LIB_VERSION ")
  string(REGEX REPLACE ".*\"([0-9_]+)\".*" "\\1" Soci_VERSION "${Soci_version_line}")
  string(REPLACE "_" "." Soci_VERSION "${Soci_VERSION}")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Soci VERSION_VAR Soci_VERSION
  REQUIRED_VARS Soci_core_LIBRARY Soci_postgresql_LIBRARY Soci_sqlite3_LIBRARY Soci_INCLUDE_DIR)

if(Soci_FOUND AND NOT TARGET Soci::core)
  find_package(PkgConfig REQUIRED)
  pkg_check_modules(libpq REQUIRED IMPORTED_TARGET libpq)
  find_package(SQLite3 REQUIRED)
  foreach(part core postgresql sqlite3)
    add_library(Soci::${part} UNKNOWN IMPORTED)
    set_target_properties(Soci::${part} PROPERTIES IMPORTED_LOCATION ${Soci_${part}_LIBRARY}
                                                   INTERFACE_INCLUDE_DIRECTORIES ${Soci_INCLUDE_DIR})
  endforeach()
  target_link_libraries(Soci::postgresql INTERFACE Soci::core PkgConfig::libpq)
  target_link_libraries(Soci::sqlite3 INTERFACE Soci::core SQLite::SQLite3)
endif()
mark_as_advanced(Soci_INCLUDE_DIR Soci_core_LIBRARY Soci_postgresql_LIBRARY Soci_sqlite3_LIBRARY)
