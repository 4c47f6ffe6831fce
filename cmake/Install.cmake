# What `cmake --install` brings: the program, and the stable interface (skylift/infer/predictor.h) as one shared library
# whose users need no headers of libtorch, OpenVINO or OpenCV: find_package(Skylift), Skylift::skylift.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

file(WRITE "${PROJECT_BINARY_DIR}/lib/shared/empty.cpp" "") # a library needs a source; all there is comes from skylift_infer
add_library(skylift_shared SHARED "${PROJECT_BINARY_DIR}/lib/shared/empty.cpp")
# All of skylift_infer, and of what it needs what it uses ($<LINK_LIBRARY:WHOLE_ARCHIVE> asks for CMake 3.24).
target_link_libraries(skylift_shared PRIVATE "-Wl,--whole-archive,$<TARGET_FILE:skylift_infer>,--no-whole-archive" skylift_infer
    "-Wl,--version-script=${PROJECT_SOURCE_DIR}/cmake/exported_symbols.txt")
target_include_directories(skylift_shared INTERFACE "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
target_compile_features(skylift_shared INTERFACE cxx_std_20)
set_target_properties(skylift_shared PROPERTIES OUTPUT_NAME skylift EXPORT_NAME skylift VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR} LIBRARY_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/lib/shared"
    LINK_DEPENDS "${PROJECT_SOURCE_DIR}/cmake/exported_symbols.txt")

# libtorch and OpenVINO are found where they were when this was built. (CMake's own way to say so leaves out what lies
# inside the project, as .venv does.)
set(engine_folders "$<TARGET_FILE_DIR:torch_cpu>")
if(OpenVINO_FOUND)
    list(APPEND engine_folders "$<TARGET_FILE_DIR:openvino::runtime>")
endif()
set_target_properties(skylift skylift_shared PROPERTIES INSTALL_RPATH "${engine_folders}")
install(TARGETS skylift RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
install(TARGETS skylift_shared EXPORT SkyliftTargets LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
foreach(header infer/predictor.h infer/options.h annotations/detections.h annotations/annotations.h
        formats/image_header.h)
    get_filename_component(folder ${header} DIRECTORY)
    install(FILES "skylift/${header}" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/skylift/${folder}")
endforeach()

set(package_folder "${CMAKE_INSTALL_LIBDIR}/cmake/Skylift")
install(EXPORT SkyliftTargets NAMESPACE Skylift:: FILE SkyliftConfig.cmake DESTINATION "${package_folder}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/SkyliftConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/SkyliftConfigVersion.cmake" DESTINATION "${package_folder}")
