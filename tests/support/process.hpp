// What this process takes of the machine.
#pragma once

#include <unistd.h>

#include <fstream>

namespace iris::support {

inline double resident_megabytes() {
  std::ifstream file("/proc/self/statm");
  double all = 0;
  double resident = 0;
  file >> all >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1 << 20);
}

}  // namespace iris::support
