find_package(nlohmann_json REQUIRED)
if(NOT TARGET iris_example_configs)
  add_library(iris_example_configs INTERFACE)
  target_compile_definitions(iris_example_configs INTERFACE IRIS_EXAMPLE_CONFIGS="${PROJECT_SOURCE_DIR}/deploy/examples"
                             IRIS_README="${PROJECT_SOURCE_DIR}/README.md")
endif()
set(link iris_example_configs nlohmann_json::nlohmann_json)
