# Libraries from Debian, or from where CMAKE_PREFIX_PATH says.
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(simdjson REQUIRED)
find_package(pugixml REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(OpenCV REQUIRED COMPONENTS core imgproc imgcodecs videoio)
find_path(CLI11_INCLUDE_DIR CLI/CLI.hpp REQUIRED)
find_path(TOMLPLUSPLUS_INCLUDE_DIR toml++/toml.h REQUIRED)
find_path(TURBOJPEG_INCLUDE_DIR turbojpeg.h REQUIRED)
find_library(TURBOJPEG_LIBRARY turbojpeg REQUIRED)

if(SKYLIFT_FUZZ)
    return() # without torch
endif()
include(cmake/Torch.cmake)

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
