# find_package(hostler-plugin): the target hostler::plugin_api and the function hostler_add_plugin().
include(${CMAKE_CURRENT_LIST_DIR}/hostler-plugin-targets.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/HostlerPlugin.cmake)
