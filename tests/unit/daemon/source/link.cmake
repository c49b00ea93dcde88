find_package(fmt REQUIRED)
set(link fmt::fmt iris_dpdk)
