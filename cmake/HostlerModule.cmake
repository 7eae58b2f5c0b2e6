# Helpers: one target per folder, with declared dependencies. Sources are found by pattern, so that adding a file
# needs no change here.
include_guard(GLOBAL)
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/empty.cc CONTENT "// stands in for a folder without sources yet\n")

# hostler_module(NAME [PUBLIC target…] [PRIVATE target…] [EXCLUDE file…])
# Makes the static library hostler_NAME of every .cc in the current folder. Headers are included from the host/ root:
# #include "core/route.h".
function(hostler_module name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "PUBLIC;PRIVATE;EXCLUDE")
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  foreach(file IN LISTS arg_EXCLUDE)
    list(REMOVE_ITEM sources ${CMAKE_CURRENT_SOURCE_DIR}/${file})
  endforeach()
  if(NOT sources)
    set(sources ${CMAKE_BINARY_DIR}/empty.cc)
  endif()
  add_library(hostler_${name} STATIC ${sources})
  target_include_directories(hostler_${name} PUBLIC ${PROJECT_SOURCE_DIR}/host)
  target_link_libraries(hostler_${name} PUBLIC ${arg_PUBLIC} PRIVATE ${arg_PRIVATE})
  set_property(GLOBAL APPEND PROPERTY HOSTLER_MODULES hostler_${name})
endfunction()

# hostler_add_plugin_folders(FOLDER): adds each FOLDER/*/ that has a CMakeLists.txt. The libraries end in
# <build>/FOLDER/ and belong to `product`.
function(hostler_add_plugin_folders folder)
  set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/${folder})
  file(GLOB lists CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${folder}/*/CMakeLists.txt)
  foreach(list IN LISTS lists)
    get_filename_component(dir ${list} DIRECTORY)
    add_subdirectory(${dir})
    get_property(targets DIRECTORY ${dir} PROPERTY BUILDSYSTEM_TARGETS)
    foreach(target IN LISTS targets)
      get_target_property(type ${target} TYPE)
      if(type MATCHES "MODULE_LIBRARY|SHARED_LIBRARY")
        set_target_properties(${target} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/${folder})
        add_dependencies(product ${target})
      endif()
    endforeach()
  endforeach()
endfunction()
