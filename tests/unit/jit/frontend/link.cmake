find_package(nlohmann_json REQUIRED)
set(link iris_jit_spec nlohmann_json::nlohmann_json)
