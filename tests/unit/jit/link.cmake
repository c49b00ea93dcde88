# The compiler's tests start the real iris-compiler, which stands beside them.
set(link iris_jit_compiler)
