# hostler_add_plugin(NAME source… [DIRECTORY dir]): the plugin NAME.so, in <build>/plugins/ or DIRECTORY.
#
# NAME is also the target: link what the plugin needs with target_link_libraries(NAME PRIVATE …). C++ sources
# are compiled as C++20. The library exports hostler_plugin_entry_v1 and nothing else, has no undefined
# symbols, and stays mapped once loaded.
include_guard(GLOBAL)
set(HOSTLER_PLUGIN_MAP ${CMAKE_CURRENT_LIST_DIR}/hostler-plugin.map CACHE INTERNAL "version script")

function(hostler_add_plugin name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "DIRECTORY" "")
  if(NOT arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "hostler_add_plugin(${name}): no sources; it is hostler_add_plugin(NAME source… [DIRECTORY dir])")
  endif()
  if(NOT arg_DIRECTORY)
    set(arg_DIRECTORY ${CMAKE_BINARY_DIR}/plugins)
  endif()
  add_library(${name} MODULE ${arg_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE hostler::plugin_api)
  set_target_properties(${name} PROPERTIES
    PREFIX "" SUFFIX ".so"
    LIBRARY_OUTPUT_DIRECTORY ${arg_DIRECTORY}
    POSITION_INDEPENDENT_CODE ON
    C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
    CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON
    LINK_DEPENDS ${HOSTLER_PLUGIN_MAP})
  target_link_options(${name} PRIVATE LINKER:--version-script=${HOSTLER_PLUGIN_MAP} LINKER:-z,nodelete)
  # clang keeps the sanitizers' runtime in the program: their symbols are undefined here, and rightly so
  get_directory_property(options COMPILE_OPTIONS)
  set(options "${options} ${CMAKE_CXX_FLAGS} ${CMAKE_C_FLAGS}")
  if(NOT (CMAKE_CXX_COMPILER_ID MATCHES "Clang" AND options MATCHES "-fsanitize"))
    target_link_options(${name} PRIVATE LINKER:-z,defs)
  endif()
endfunction()
