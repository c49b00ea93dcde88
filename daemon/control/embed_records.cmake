# Writes OUTPUT, a C++ source that holds the texts of INPUTS: cmake "-DINPUTS=a.cpp;b.cpp" -DOUTPUT=… -P embed_records.cmake
set(arrays "")
set(table "")
foreach(input ${INPUTS})
  cmake_path(GET input STEM name)
  file(READ ${input} hex HEX)
  string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," characters "${hex}")
  string(APPEND arrays "constexpr char text_${name}[] = {\n${characters}};\n")
  string(APPEND table "    {\"${name}\", {text_${name}, sizeof text_${name}}},\n")
endforeach()
file(WRITE ${OUTPUT} "#include \"daemon/control/records.hpp\"

namespace {
${arrays}constexpr iris::control::RecordSource sources[] = {
${table}};
}

std::span<const iris::control::RecordSource> iris::control::record_sources() noexcept { return sources; }
")
