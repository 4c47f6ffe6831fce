# Libraries from Debian (or CMAKE_PREFIX_PATH), and libtorch from the torch wheel in .venv unless another one is named.
if(NOT DEFINED ENV{CMAKE_PREFIX_PATH} AND NOT CMAKE_PREFIX_PATH)
    file(GLOB torch_in_venv "${PROJECT_SOURCE_DIR}/.venv/lib/python3*/site-packages/torch/share/cmake")
    list(APPEND CMAKE_PREFIX_PATH ${torch_in_venv})
endif()

find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(simdjson REQUIRED)
find_package(pugixml REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(OpenCV REQUIRED COMPONENTS core imgproc imgcodecs videoio)
find_path(CLI11_INCLUDE_DIR CLI/CLI.hpp REQUIRED)
find_path(TOMLPLUSPLUS_INCLUDE_DIR toml++/toml.h REQUIRED)
find_path(TURBOJPEG_INCLUDE_DIR turbojpeg.h REQUIRED)
find_library(TURBOJPEG_LIBRARY turbojpeg REQUIRED)
find_path(HTTPLIB_INCLUDE_DIR httplib.h REQUIRED)
find_library(HTTPLIB_LIBRARY cpp-httplib REQUIRED)

# The CPU wheel's CMake files look for optional parts that are not needed here; their warnings say nothing to our users.
set(CMAKE_MESSAGE_LOG_LEVEL_BEFORE "${CMAKE_MESSAGE_LOG_LEVEL}")
set(CMAKE_MESSAGE_LOG_LEVEL ERROR)
find_package(Torch REQUIRED)
set(CMAKE_MESSAGE_LOG_LEVEL "${CMAKE_MESSAGE_LOG_LEVEL_BEFORE}")
separate_arguments(SKYLIFT_TORCH_FLAGS UNIX_COMMAND "${TORCH_CXX_FLAGS}")

# Optional: the second inference engine, from the openvino wheel in .venv or wherever CMake finds it.
file(GLOB openvino_in_venv "${PROJECT_SOURCE_DIR}/.venv/lib/python3*/site-packages/openvino/cmake")
get_directory_property(definitions_before COMPILE_DEFINITIONS)
find_package(OpenVINO QUIET COMPONENTS Runtime HINTS ${openvino_in_venv})
set_directory_properties(PROPERTIES COMPILE_DEFINITIONS "${definitions_before}") # it adds to every target's
if(OpenVINO_FOUND)
    message(STATUS "OpenVINO ${OpenVINO_VERSION}: the second inference engine")
else()
    message(STATUS "OpenVINO not found: inference on libtorch alone")
endif()
