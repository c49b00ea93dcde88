set(link iris_jit_filter iris_jit_index iris_parsers)
