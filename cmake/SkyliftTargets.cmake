# One folder = one static library = one namespace = one test executable.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
    # A precompiled header needs these relaxations to be cached at all.
    set(CMAKE_CXX_COMPILER_LAUNCHER
        ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${CCACHE_PROGRAM})
endif()

function(skylift_compile_options target)
    target_compile_options(${target} PRIVATE -Wall -Wextra)
    if(SKYLIFT_WARNINGS_AS_ERRORS)
        # Not errors: what unity builds mean by a file of its own, and where GCC 12's optimiser is known to be wrong.
        target_compile_options(${target} PRIVATE -Werror -Wno-error=subobject-linkage -Wno-error=maybe-uninitialized
            -Wno-error=restrict -Wno-error=stringop-overflow -Wno-error=array-bounds)
    endif()
    if(CCACHE_PROGRAM AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
        target_compile_options(${target} PRIVATE -fpch-preprocess)
    endif()
endfunction()

# Files that see torch share one precompiled header, and several are compiled as one: what <torch/torch.h> leaves to be instantiated at a
# file's end costs a quarter of a minute each time. So two files of a folder must not give one name to two things of their own.
function(skylift_use_torch target)
    target_link_libraries(${target} PUBLIC torch_cpu)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
    # One precompiled header serves libraries and programs only if both are compiled alike: all -fPIC, never CMake's -fPIE.
    set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
    # The torch wheel brings headers of a newer fmt than Debian's library: where they come first, fmt must not need that library.
    target_compile_definitions(${target} PRIVATE FMT_HEADER_ONLY)
    target_compile_options(${target} PRIVATE -fPIC)
    if(target STREQUAL skylift_boxes)
        target_precompile_headers(${target} PRIVATE "${PROJECT_SOURCE_DIR}/cmake/torch_pch.h")
    else()
        target_precompile_headers(${target} REUSE_FROM skylift_boxes)
    endif()
endfunction()

# skylift_library(NAME [TORCH] [ONLY|WITHOUT file...] [DEPENDS target...]): every .cpp of the current folder, or these.
function(skylift_library name)
    cmake_parse_arguments(arg "TORCH" "" "ONLY;WITHOUT;DEPENDS" ${ARGN})
    file(GLOB sources RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} CONFIGURE_DEPENDS *.cpp)
    if(arg_ONLY)
        set(sources ${arg_ONLY})
    endif()
    list(REMOVE_ITEM sources "" ${arg_WITHOUT})
    add_library(skylift_${name} STATIC ${sources})
    set_target_properties(skylift_${name} PROPERTIES LINKER_LANGUAGE CXX)
    target_include_directories(skylift_${name} PUBLIC "${PROJECT_SOURCE_DIR}")
    target_link_libraries(skylift_${name} PUBLIC ${arg_DEPENDS})
    skylift_compile_options(skylift_${name})
    if(arg_TORCH)
        skylift_use_torch(skylift_${name})
    endif()
endfunction()

# skylift_test(FOLDER [TORCH] [DEPENDS target...]): tests/FOLDER/*.cpp as one executable, one ctest entry.
function(skylift_test folder)
    cmake_parse_arguments(arg "TORCH" "" "DEPENDS" ${ARGN})
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*.cpp)
    if(NOT sources)
        return()
    endif()
    add_executable(${folder}_tests ${sources})
    target_link_libraries(${folder}_tests PRIVATE skylift_${folder} ${arg_DEPENDS} GTest::gmock GTest::gtest_main)
    target_compile_definitions(${folder}_tests PRIVATE SKYLIFT_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
    skylift_compile_options(${folder}_tests)
    set_target_properties(${folder}_tests PROPERTIES UNITY_BUILD OFF) # where libraries are (sanitizers)
    if(arg_TORCH)
        skylift_use_torch(${folder}_tests)
    endif()
    add_test(NAME ${folder} COMMAND ${folder}_tests --gtest_brief=1)
    set_tests_properties(${folder} PROPERTIES ENVIRONMENT "OMP_NUM_THREADS=1" TIMEOUT 900)
endfunction()
