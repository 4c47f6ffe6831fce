# libtorch's CPU half as imported targets of our own: libtorch_cpu and libc10, wherever a torch wheel (or a libtorch archive) lies.
# find_package(Torch) is not used: with a CUDA wheel it asks for nvcc, which nothing here needs. One binary serves both wheels;
# libtorch_cuda is loaded when a CUDA device is asked for (skylift/infer/device.cpp).
set(SKYLIFT_TORCH "" CACHE PATH "Folder of libtorch (with include/ and lib/); empty: the torch wheel in .venv")
if(SKYLIFT_TORCH)
    set(torch_root "${SKYLIFT_TORCH}")
else()
    file(GLOB torch_root "${PROJECT_SOURCE_DIR}/.venv/lib/python3*/site-packages/torch")
endif()
find_path(TORCH_INCLUDE_DIR ATen/ATen.h HINTS "${torch_root}/include" REQUIRED)
find_library(TORCH_CPU_LIBRARY torch_cpu HINTS "${torch_root}/lib" REQUIRED)
find_library(C10_LIBRARY c10 HINTS "${torch_root}/lib" REQUIRED)

add_library(c10 SHARED IMPORTED)
set_target_properties(c10 PROPERTIES IMPORTED_LOCATION "${C10_LIBRARY}")
add_library(torch_cpu SHARED IMPORTED)
set_target_properties(torch_cpu PROPERTIES
    IMPORTED_LOCATION "${TORCH_CPU_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${TORCH_INCLUDE_DIR};${TORCH_INCLUDE_DIR}/torch/csrc/api/include"
    INTERFACE_LINK_LIBRARIES c10
    # Its headers lay out some structs (at::RecordFunction) by NDEBUG, with which the wheel is built: builds with assertions, too, must agree.
    INTERFACE_COMPILE_DEFINITIONS NDEBUG
    # What a CUDA wheel's libtorch_cpu needs is found when the program starts, not when it is linked.
    INTERFACE_LINK_OPTIONS "-Wl,--allow-shlib-undefined")

# Several processes train together through c10d, which libtorch holds with Gloo in it; of Gloo's own files its headers are needed alone.
find_path(GLOO_INCLUDE_DIR gloo/rendezvous/store.h REQUIRED)
